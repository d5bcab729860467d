import { describe, expect, it } from 'vitest'
import { drawWorld } from './world-map.ts'

describe('the map that the page draws (K-08, issue 4)', () => {
  const { viewBox, land, countries } = drawWorld()
  const [, , width = 0, height = 0] = viewBox.split(' ').map(Number)
  const at = (code: string) => countries[code] ?? [Number.NaN, Number.NaN]

  it('is small, and one path of closed coasts', () => {
    expect(land.length).toBeGreaterThan(20_000)
    expect(land.length).toBeLessThan(60_000)
    expect(land).toMatch(/^(M[\d.]+ [\d.]+l[-\d. ]+z)+$/)
  })

  it('has a place for every country, however small, on the map', () => {
    expect(Object.keys(countries).length).toBeGreaterThan(245)
    for (const code of ['SG', 'MT', 'HK', 'MO', 'GI', 'LU', 'LI', 'MC', 'VA', 'BM', 'RE', 'TV', 'XK', 'US']) {
      const [x, y] = at(code)
      expect(x).toBeGreaterThanOrEqual(0)
      expect(x).toBeLessThanOrEqual(width)
      expect(y).toBeGreaterThanOrEqual(0)
      expect(y).toBeLessThanOrEqual(height)
    }
  })

  it('puts countries where they belong', () => {
    expect(at('PT')[0]).toBeLessThan(at('NL')[0])
    expect(at('NL')[0]).toBeLessThan(at('PL')[0])
    expect(at('SE')[1]).toBeLessThan(at('IT')[1])
    expect(at('IT')[1]).toBeLessThan(at('ZA')[1])
    // The largest part counts: France is not in Guyana, nor the United States in Alaska.
    expect(Math.hypot(at('FR')[0] - at('CH')[0], at('FR')[1] - at('CH')[1])).toBeLessThan(25)
    expect(at('US')[1]).toBeGreaterThan(at('CA')[1])
    // On the far side of the date line's seam from Alaska.
    expect(at('RU')[0]).toBeGreaterThan(at('UA')[0])
    expect(at('FJ')[0]).toBeGreaterThan(0.9 * width)
  })
})
