import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { IpAddress } from '../bytes/address.ts'
import { concat, equalBytes } from '../bytes/bytes.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { ProbeStreamEcho, streamScript } from './exit-probe-stream.ts'

const EXIT: IpAddress = { kind: 'ipv4', host: '198.51.100.1', port: 40_000 }

/** An echo that waits for one script, and a connection to it. */
function connected(from = EXIT) {
  const echo = new ProbeStreamEcho()
  const script = streamScript(new SeededRandom(1))
  const events: string[] = []
  const sent: Uint8Array[] = []
  const withdraw = echo.expect(script, [{ ...EXIT, port: 7000 }], {
    opened: (claimed) => events.push(claimed ? 'opened' : 'opened from elsewhere'),
    finished: (intact) => events.push(intact ? 'intact' : 'altered'),
  })
  const take = echo.accept(from, { send: (bytes) => sent.push(bytes), close: () => events.push('closed') })
  return { echo, script, events, sent, take, withdraw }
}

describe('streams of probes (issue 4)', () => {
  it('are handshakes and blocks of peers, as BEP 3 has them', () => {
    const { up, down, hello } = streamScript(new SeededRandom(2))
    expect(String.fromCharCode(...hello.subarray(0, 20))).toBe('\x13BitTorrent protocol')
    expect(hello).toHaveLength(68)
    expect(down.subarray(28, 48)).toEqual(hello.subarray(28, 48))
    expect([...up.subarray(68, 73)]).toEqual([0, 0, 0x40, 9, 7])
    expect(up).toHaveLength(68 + 13 + 16_384)
    expect(down).toHaveLength(68 + 2 * (13 + 16_384))
  })

  it('are compared however they are cut into pieces', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 9, max: 5_000 }), { minLength: 1, maxLength: 40 }), (sizes) => {
        const { script, events, sent, take } = connected()
        let at = 0
        for (let i = 0; at < script.up.length; i++) {
          const size = sizes[i % sizes.length] ?? 1
          take(script.up.slice(at, at + size))
          at += size
        }
        expect(events).toEqual(['opened', 'intact'])
        expect(equalBytes(concat(...sent), script.down)).toBe(true)
      }),
      { numRuns: 20 },
    )
  })

  it('tell of any byte that was changed, and from where they come', () => {
    fc.assert(
      fc.property(fc.nat({ max: 16_464 }), (where) => {
        const { script, events, take } = connected({ ...EXIT, host: '203.0.113.7' })
        const changed = script.up.slice()
        changed[where] = (changed[where] as number) ^ 1
        take(changed)
        expect(events).toEqual(['opened from elsewhere', 'altered', 'closed'])
      }),
    )
  })

  it('say nothing to strangers, nor twice, nor after they are over', () => {
    const { echo, script, events, sent, take, withdraw } = connected()
    take(new Uint8Array(67))
    expect(events).toEqual([])
    take(new Uint8Array(1))
    take(script.up)
    expect(events).toEqual(['closed'])
    withdraw?.()
    const late = echo.accept(EXIT, { send: (bytes) => sent.push(bytes), close: () => events.push('closed') })
    late(script.up)
    expect(events).toEqual(['closed', 'closed'])
    expect(sent).toEqual([])
  })

  it('are waited for in bounded number', () => {
    const echo = new ProbeStreamEcho()
    const events = { opened: () => undefined, finished: () => undefined }
    const random = new SeededRandom(3)
    const ends = Array.from({ length: 65 }, () => echo.expect(streamScript(random), [EXIT], events))
    expect(ends.filter((each) => each === undefined)).toHaveLength(1)
    ends[0]?.()
    expect(echo.expect(streamScript(random), [EXIT], events)).toBeDefined()
  })
})
