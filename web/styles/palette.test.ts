import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const css = readFileSync(new URL('./page.css', import.meta.url), 'utf8')
type Scheme = 'light' | 'dark'

function colour(name: string, scheme: Scheme): string {
  const both = new RegExp(`--${name}: light-dark\\((#[0-9a-f]{6}), (#[0-9a-f]{6})\\)`).exec(css)
  const one = new RegExp(`--${name}: (#[0-9a-f]{6});`).exec(css)
  const found = both === null ? one?.[1] : both[scheme === 'light' ? 1 : 2]
  if (found === undefined) throw new TypeError(`page.css has no colour --${name}`)
  return found
}

/** WCAG 2.2, relative luminance. */
function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5]
    .map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

function contrast(front: string, back: string): number {
  const [high = 0, low = 0] = [luminance(front), luminance(back)].sort((a, b) => b - a)
  return (high + 0.05) / (low + 0.05)
}

describe.each(['light', 'dark'] as const)(
  'contrast in the %s theme (W-10, WCAG 2.2 1.4.3 and 1.4.11)',
  (scheme) => {
    const ratio = (front: string, back: string) => contrast(colour(front, scheme), colour(back, scheme))

    it.each(['paper', 'surface', 'surface-deep'])('text on %s', (back) => {
      expect(ratio('ink', back)).toBeGreaterThanOrEqual(7)
      expect(ratio('ink-soft', back)).toBeGreaterThanOrEqual(4.5)
      expect(ratio('accent', back)).toBeGreaterThanOrEqual(4.5)
    })

    it.each(['paper', 'surface'])('edges of controls on %s', (back) => {
      expect(ratio('line-strong', back)).toBeGreaterThanOrEqual(3)
    })

    it('text on filled buttons and in warnings', () => {
      expect(ratio('on-accent', 'accent')).toBeGreaterThanOrEqual(4.5)
      expect(ratio('on-accent', 'accent-strong')).toBeGreaterThanOrEqual(4.5)
      expect(ratio('on-accent', 'warn')).toBeGreaterThanOrEqual(4.5)
      expect(ratio('warn', 'warn-surface')).toBeGreaterThanOrEqual(4.5)
      expect(ratio('ink', 'warn-surface')).toBeGreaterThanOrEqual(7)
      expect(ratio('ink-soft', 'warn-surface')).toBeGreaterThanOrEqual(4.5)
    })

    it('text on the stage, which is dark in both themes', () => {
      const onStage = (front: string) => contrast(colour(front, 'dark'), colour('stage', 'dark'))
      expect(onStage('ink')).toBeGreaterThanOrEqual(7)
      expect(onStage('ink-soft')).toBeGreaterThanOrEqual(4.5)
      expect(onStage('accent')).toBeGreaterThanOrEqual(4.5)
    })
  },
)
