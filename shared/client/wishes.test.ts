import { describe, expect, it } from 'vitest'
import type { Geo } from '../geo/geo.ts'
import { NO_PREFERENCES } from '../path/preferences.ts'
import { testRelay } from '../path/relays.fixture.ts'
import { Wishes } from './wishes.ts'

const centres = new Map([
  ['NL', { latitude: 52, longitude: 5 }],
  ['AU', { latitude: -25, longitude: 134 }],
])
const GEO: Geo = {
  lookup: ({ host }) => (host.startsWith('192.') ? { country: 'NL' } : undefined),
  centre: (country) => centres.get(country),
}
const relay = testRelay('dutch', '192.0.2.1')

describe('what the owner of circuits wants of their hops (K-08, issue 4)', () => {
  it('changes while the program runs', () => {
    const wishes = new Wishes({ geo: () => GEO })
    expect(wishes.refused({ ...relay, country: 'NL' })).toBe(false)
    expect(wishes.near).toBeUndefined()
    wishes.set({ avoidCountries: ['NL'], avoidUnknownCountry: false, near: true })
    expect(wishes.refused({ ...relay, country: 'NL' })).toBe(true)
    expect(wishes.refused({ ...relay, country: 'AU' })).toBe(false)
    const far = wishes.near?.({ ...relay, country: 'NL' }, { ...relay, country: 'AU' })
    expect(far).toBeLessThan(0.1)
    expect(wishes.near).toBe(wishes.near)
  })

  it('looks up the country of a relay that was chosen before the table was there', () => {
    let geo: Geo | undefined
    const wishes = new Wishes({ geo: () => geo, preferences: { ...NO_PREFERENCES, avoidCountries: ['NL'] } })
    expect(wishes.refused(relay)).toBe(false)
    geo = GEO
    expect(wishes.refused(relay)).toBe(true)
    expect(wishes.refused(testRelay('elsewhere', '198.51.100.1'))).toBe(false)
  })

  it('has no near without a table', () => {
    const wishes = new Wishes({ preferences: { ...NO_PREFERENCES, near: true } })
    expect(wishes.near).toBeUndefined()
  })

  it('refuses whoever is blocked now', () => {
    const blocked = new Set([relay.name])
    const wishes = new Wishes({ isBlocked: ({ name }) => blocked.has(name) })
    expect(wishes.refused(relay)).toBe(true)
    blocked.clear()
    expect(wishes.refused(relay)).toBe(false)
  })
})
