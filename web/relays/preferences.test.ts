import { describe, expect, it } from 'vitest'
import { needsCountries, readPreferences } from './preferences.ts'

describe('what a visitor wants of relays, as it was kept (K-08)', () => {
  it('comes back as it went in', () => {
    const wanted = { avoidCountries: ['AU', 'US'], avoidUnknownCountry: true, near: true }
    expect(readPreferences(structuredClone(wanted))).toEqual(wanted)
    expect(needsCountries(wanted)).toBe(true)
    expect(needsCountries({ avoidCountries: [], avoidUnknownCountry: true, near: false })).toBe(false)
  })

  it('holds no code twice, and nothing that is none', () => {
    const read = readPreferences({ avoidCountries: ['DE', 'DE', 'de', 7, 'DEU', '__', null] })
    expect(read).toEqual({ avoidCountries: ['DE'], avoidUnknownCountry: false, near: false })
  })

  it.each([
    undefined,
    null,
    7,
    'DE',
    [],
    {},
    { avoidCountries: 'DE' },
    { avoidCountries: Array(301).fill('DE') },
  ])('is as good as nothing if it is %j', (value) => {
    expect(readPreferences(value)).toBeUndefined()
  })
})
