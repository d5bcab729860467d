import { describe, expect, it } from 'vitest'
import { addressOf, type IpAddress } from '../../shared/bytes/address.ts'
import { encodeGeoFile, type Layer } from '../../shared/geo/geo-file.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { GeoLoader } from './geo-loader.ts'

const ORIGIN = 'http://127.0.0.11:8080'
const none = (kind: 'ipv4' | 'ipv6'): Layer => ({
  starts: kind === 'ipv4' ? Uint32Array.of(0) : Float64Array.of(0),
  values: Uint32Array.of(0),
})
const table = encodeGeoFile({
  date: 20_260_617,
  countries: [{ code: 'NL', latitude: 52.1, longitude: 5.3 }],
  systems: Uint32Array.of(1_103),
  countriesV4: { starts: Uint32Array.of(0, 0x0100_0000, 0x0200_0000), values: Uint32Array.of(0, 1, 0) },
  countriesV6: none('ipv6'),
  systemsV4: none('ipv4'),
  systemsV6: none('ipv6'),
})

async function loaded(answer: () => Response): Promise<{
  loader: GeoLoader
  clock: VirtualClock
  asked: string[]
  changes: () => number
  later: (ms: number) => Promise<void>
}> {
  const clock = new VirtualClock()
  const asked: string[] = []
  let changes = 0
  const fetch = async (url: RequestInfo | URL) => {
    asked.push(String(url))
    return answer()
  }
  const loader = new GeoLoader({
    fetch: fetch as typeof globalThis.fetch,
    origin: ORIGIN,
    clock,
    changed: () => changes++,
  })
  expect(loader.state).toBe('loading')
  await loader.settled
  /** Time passes, and what was asked for then is read to its end. */
  const later = async (ms: number) => {
    clock.advance(ms)
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  return { loader, clock, asked, changes: () => changes, later }
}

const whole = () => new Response(table as Uint8Array<ArrayBuffer>)

describe('the table of countries, from the page’s own origin (K-08, W-03)', () => {
  it('comes whole, and then tells countries', async () => {
    const { loader, asked, changes } = await loaded(whole)
    expect(asked).toEqual([`${ORIGIN}/geo.bin`])
    expect(changes()).toBe(1)
    expect(loader.state).toBe('here')
    expect(loader.geo?.lookup(addressOf('1.2.3.4', 7_000) as IpAddress)?.country).toBe('NL')
  })

  it.each([
    ['not there', () => new Response('no', { status: 404 })],
    ['no table', () => new Response('<!doctype html>')],
    ['empty', () => new Response('')],
    ['cut off', () => new Response(table.slice(0, 40) as Uint8Array<ArrayBuffer>)],
  ])('is done without where it is %s', async (_what, answer) => {
    const { loader, changes } = await loaded(answer)
    expect(loader.state).toBe('absent')
    expect(loader.geo).toBeUndefined()
    expect(changes()).toBe(1)
  })

  it('is asked for again after 30 s, then twice as long each time up to ten minutes, until it comes', async () => {
    let isThere = false
    const { loader, clock, asked, changes, later } = await loaded(() => {
      if (isThere) return whole()
      throw new TypeError('failed to fetch')
    })
    expect([loader.state, asked.length, changes()]).toEqual(['absent', 1, 1])
    for (const [round, seconds] of [30, 60, 120, 240, 480, 600, 600].entries()) {
      await later(seconds * 1000 - 1)
      expect(asked).toHaveLength(round + 1)
      await later(1)
      expect([loader.state, asked.length]).toEqual(['absent', round + 2])
    }
    expect(changes()).toBe(1)
    isThere = true
    await later(600_000)
    expect([loader.state, changes(), clock.idle]).toEqual(['here', 2, true])
    expect(loader.geo?.lookup(addressOf('1.2.3.4', 7_000) as IpAddress)?.country).toBe('NL')
    // Of the page's own origin each time, and of nobody else.
    expect(new Set(asked)).toEqual(new Set([`${ORIGIN}/geo.bin`]))
  })

  it.each([
    [404, 1],
    [500, 2],
    [503, 2],
  ])(
    'with status %i is asked for %i times in half a minute: not again where the site has none',
    async (status, times) => {
      const { loader, asked, later } = await loaded(() => new Response('no', { status }))
      await later(30_000)
      expect([loader.state, asked.length]).toEqual(['absent', times])
    },
  )

  it('is no longer read than it may be', async () => {
    let pulled = 0
    const endless = new ReadableStream({
      pull: (controller) => {
        pulled++
        controller.enqueue(new Uint8Array(1024 * 1024))
      },
    })
    const { loader } = await loaded(() => new Response(endless))
    expect(loader.state).toBe('absent')
    expect(pulled).toBeLessThan(40)
  })
})
