import { describe, expect, it } from 'vitest'
import type { Geo } from '../geo/geo.ts'
import { NO_PREFERENCES } from '../path/preferences.ts'
import type { PathRelay } from '../path/relay.ts'
import { TestNetwork } from './network.fixture.ts'
import { describedRelay } from './path-relays.ts'
import type { PrivateNetwork } from './private-network.ts'

/** Six relays and three exits; every third is in Germany, the others in the Netherlands. */
function network() {
  const net = new TestNetwork()
  const entry = net.relay('entry')
  for (let i = 1; i < 6; i++) net.relay(`r${i}`)
  for (let i = 0; i < 3; i++) net.relay(`x${i}`, true, false)
  const isGerman = (relay: Partial<Pick<PathRelay, 'address'>> | undefined) =>
    Number(relay?.address?.host.split('.')[2]) % 3 === 1
  const geo: Geo = {
    lookup: (address) => ({
      country: isGerman({ address }) ? 'DE' : 'NL',
      as: 64_500 + Number(address.host.split('.')[2]),
    }),
    centre: () => undefined,
  }
  return { net, entry, geo, isGerman }
}

const hopsOf = (client: PrivateNetwork) => client.status().circuits.flatMap(({ path }) => path)

describe('countries that a client avoids (K-08, issue 4)', () => {
  it('have no hop of its circuits, from the first one on', async () => {
    const { net, entry, geo, isGerman } = network()
    const preferences = { ...NO_PREFERENCES, avoidCountries: ['DE'] }
    const client = net.client(entry, 3, { geo: () => geo, preferences })
    client.start()
    for (let i = 0; i < 8; i++) {
      await net.clock.advanceAsync(5_000)
      expect(client.status().primary).toBeDefined()
      expect(hopsOf(client).filter(isGerman)).toEqual([])
      client.renew()
    }
    expect(client.relays().find(isGerman)).toMatchObject({ country: 'DE' })
    client.stop()
  })

  it('leave circuits that are there, first hops too, once they are avoided', async () => {
    const { net, entry, geo } = network()
    const client = net.client(entry, 3, { geo: () => geo })
    client.start()
    await net.clock.advanceAsync(5_000)
    const first = client.status().primary?.path[0]
    expect(first).toMatchObject({ name: 'entry', country: 'NL' })
    client.setPreferences({ ...NO_PREFERENCES, avoidCountries: ['NL'] })
    await net.clock.advanceAsync(40_000)
    expect(hopsOf(client).map(({ country }) => country)).not.toContain('NL')
    client.setPreferences(NO_PREFERENCES)
    await net.clock.advanceAsync(10_000)
    expect(client.status().primary).toBeDefined()
    client.stop()
  })

  it('are those of a table that is loaded later, too', async () => {
    const { net, entry, geo, isGerman } = network()
    let loaded: Geo | undefined
    const preferences = { ...NO_PREFERENCES, avoidCountries: ['DE'] }
    const client = net.client(entry, 3, { geo: () => loaded, preferences })
    client.start()
    await net.clock.advanceAsync(5_000)
    expect(client.relays()[0]?.country).toBeUndefined()
    loaded = geo
    await net.clock.advanceAsync(60_000)
    expect(hopsOf(client).filter(isGerman)).toEqual([])
    expect(client.relays().find(isGerman)).toMatchObject({ country: 'DE' })
    client.stop()
  })
})

describe('where a relay is, by table and by its own word (K-08)', () => {
  const descriptor = (claims: object) =>
    ({
      publicKey: {},
      nickname: 'r',
      flags: 1,
      udp: { kind: 'ipv4', host: '192.0.2.1', port: 1 },
      family: new Uint8Array(),
      bandwidth: 0,
      ...claims,
    }) as unknown as Parameters<typeof describedRelay>[0]
  const geo: Geo = { lookup: () => ({ country: 'NL' }), centre: () => undefined }

  it('is what the table says; its word stands beside it', () => {
    const relay = describedRelay(descriptor({ country: 'CH', as: 64_500 }), geo)
    expect(relay).toMatchObject({ country: 'NL', as: 64_500, claimed: { country: 'CH', as: 64_500 } })
  })

  it('is what it says where there is no table, and nothing where it says nothing', () => {
    expect(describedRelay(descriptor({ country: 'CH' }))).toMatchObject({ country: 'CH' })
    const silent = describedRelay(descriptor({}))
    expect([silent?.country, silent?.as, silent?.claimed]).toEqual([undefined, undefined, undefined])
  })

  it('has both of its addresses', () => {
    const udp6 = { kind: 'ipv6', host: '2001:db8::7', port: 1 } as const
    expect(describedRelay(descriptor({ udp6 }))?.address6).toBe(udp6)
  })

  it('is the same object each time, for each table', () => {
    const one = descriptor({})
    expect(describedRelay(one, geo)).toBe(describedRelay(one, geo))
    const without = describedRelay(one)
    expect(describedRelay(one, geo)?.country).toBe('NL')
    expect(describedRelay(one)).toBe(without)
  })
})
