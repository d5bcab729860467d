import { describe, expect, it } from 'vitest'
import { preferHops, preferredHops } from './preferences.ts'

describe('remembered choices (C-03)', () => {
  it('keeps the number of hops', () => {
    const kept = new Map<string, string>()
    const storage = {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
    }
    expect(preferredHops(storage)).toBe(3)
    preferHops(2, storage)
    expect(preferredHops(storage)).toBe(2)
  })

  it.each(['0', '4', 'two', ''])('falls back to 3 on %j', (stored) => {
    expect(preferredHops({ getItem: () => stored })).toBe(3)
  })

  it('lives without storage', () => {
    const refuse = () => {
      throw new DOMException('denied', 'SecurityError')
    }
    expect(preferredHops({ getItem: refuse })).toBe(3)
    expect(() => preferHops(1, { setItem: refuse })).not.toThrow()
  })
})
