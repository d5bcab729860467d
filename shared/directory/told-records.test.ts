import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toHex } from '../bytes/bytes.ts'
import { decode, encode } from '../bytes/codec.ts'
import { prefixOf, unsignedPacket } from '../ipv8/packet.ts'
import {
  DIRECTORY_COMMUNITY_ID,
  DROPS_RESPONSE,
  REQUEST_BYTES,
  VERDICTS_REQUEST,
  VERDICTS_RESPONSE,
} from './constants.ts'
import { dropsResponse } from './drop-exchange.ts'
import type { Drop } from './drops.ts'
import { pair } from './exchange.fixture.ts'
import { addressOfRelay, descriptorOf, keyOf } from './relays.fixture.ts'
import { VERDICTS_EVER, verdictsRequest, verdictsResponse } from './verdict-exchange.ts'
import type { VerdictRecord } from './verdict-record.ts'

const prefix = prefixOf(DIRECTORY_COMMUNITY_ID)
const midOf = (n: number) => Uint8Array.from({ length: 20 }, (_, i) => (i === 0 ? n >> 8 : i === 1 ? n : 7))
const record = (n: number, more: Partial<VerdictRecord> = {}): VerdictRecord => ({
  mid: midOf(n),
  checks: 0x1f,
  score: 100,
  reputation: 50,
  age: n,
  ...more,
})

/** What a pull brings. */
function pull(town: ReturnType<typeof pair>, since = VERDICTS_EVER, forMs = 60_000) {
  const results: { records: readonly VerdictRecord[]; complete: boolean }[] = []
  town.other.exchange.askVerdicts(town.toRelay, since, (records, complete) =>
    results.push({ records, complete }),
  )
  town.clock.advance(forMs)
  return results
}

describe('what relays tell of each other (D-06, D-08)', () => {
  it('comes whole, in pages, in answers no larger than their questions', () => {
    const records = Array.from({ length: 100 }, (_, n) => record(99 - n))
    const town = pair({ verdicts: () => records })
    const [result] = pull(town, VERDICTS_EVER, 1_000)
    expect(result?.complete).toBe(true)
    expect(result?.records).toEqual([...records].reverse())
    expect(town.toRelay.sent.map(({ length }) => length)).toEqual([
      REQUEST_BYTES,
      REQUEST_BYTES,
      REQUEST_BYTES,
    ])
    expect(Math.max(...town.toOther.sent.map(({ length }) => length))).toBe(1_079)
    expect(town.clock.idle).toBe(true)
  })

  it('may be asked for what is recent only', () => {
    const town = pair({ verdicts: () => [1, 5, 9].map((n) => record(n)) })
    expect(pull(town, 5)[0]?.records.map(({ age }) => age)).toEqual([1, 5])
  })

  it('is asked for again when a packet is lost, and given up after three times', () => {
    const town = pair({ verdicts: () => [record(1)] })
    town.toOther.lose = 2
    expect(pull(town)[0]).toEqual({ records: [record(1)], complete: true })
    town.toRelay.lose = 3
    expect(pull(town)[0]).toEqual({ records: [], complete: false })
    expect(town.clock.idle).toBe(true)
  })

  it('is not told by who has nothing to tell, nor to who asks with less than the answer', () => {
    const silent = pair()
    expect(pull(silent)[0]?.complete).toBe(false)
    const town = pair({ verdicts: () => [record(1)] })
    const value = { nonce: 1, since: 0, after: new Uint8Array(20), padding: new Uint8Array(1_000) }
    town.relay.exchange.receive(
      town.toOther,
      unsignedPacket(prefix, VERDICTS_REQUEST, verdictsRequest, value),
    )
    expect(town.toOther.sent).toEqual([])
    expect(town.relay.counters.get('directory-short-request')).toBe(1)
  })

  it('is told a neighbour only so often', () => {
    const town = pair({ verdicts: () => [record(1)] })
    const padding = new Uint8Array(REQUEST_BYTES)
    const value = { nonce: 1, since: 0, after: new Uint8Array(20), padding }
    const packet = unsignedPacket(prefix, VERDICTS_REQUEST, verdictsRequest, value, 2 * REQUEST_BYTES)
    for (let n = 0; n < 200; n++) town.relay.exchange.receive(town.toOther, packet)
    expect(town.toOther.sent).toHaveLength(96)
    expect(town.relay.counters.get('directory-limit')).toBe(104)
  })

  it('is refused when nobody asked, when it cannot be meant, and when a teller goes round in circles', () => {
    const town = pair({ verdicts: () => [record(1)] })
    const answer = (nonce: number, records: VerdictRecord[], more = 0) =>
      unsignedPacket(prefix, VERDICTS_RESPONSE, verdictsResponse, { nonce, more, records })
    const { exchange, counters } = town.other
    exchange.receive(town.toRelay, answer(5, []))
    expect(counters.get('directory-unasked-response')).toBe(1)
    exchange.receive(town.toRelay, answer(5, [record(1, { score: 101 })]))
    expect(counters.get('directory-refused-directory-verdict')).toBe(1)
    exchange.receive(town.toRelay, answer(5, []).subarray(0, 26))
    expect(counters.get('directory-refused-codec-short')).toBe(1)
    // A relay that always has more to say, of the same one.
    town.toRelay.deliver = (packet) => {
      const { nonce } = decode(verdictsRequest, packet.subarray(23))
      exchange.receive(town.toRelay, answer(nonce, [record(3)], 1))
    }
    const [result] = pull(town)
    expect(result?.complete).toBe(false)
    expect(result?.records).toHaveLength(2)
  })

  it('keeps its layout, and any bytes are refused with one error or read', () => {
    expect(
      toHex(encode(verdictsResponse, { nonce: 1, more: 1, records: [record(0x0102, { age: 3 })] })),
    ).toBe(`00000001${'01'}${'01'}0102${'07'.repeat(18)}1f6432${'0003'}`)
    const town = pair()
    fc.assert(
      fc.property(fc.constantFrom(7, 8, 9, 10), fc.uint8Array({ maxLength: 1_200 }), (id, bytes) => {
        const packet = new Uint8Array([...prefix, id, ...bytes])
        expect(town.other.exchange.receive(town.toRelay, packet)).toBe(true)
      }),
      { numRuns: 200 },
    )
  })
})

describe('whom relays have dropped (D-04)', () => {
  function dropped(town: ReturnType<typeof pair>, seconds = 600) {
    const heard: (readonly Drop[] | undefined)[] = []
    town.other.exchange.askDrops(town.toRelay, seconds, (drops) => heard.push(drops))
    town.clock.advance(10_000)
    return heard[0]?.map(({ mid, reason }) => `${toHex(mid)} ${reason}`)
  }
  const text = (n: number, reason: string) => `${toHex(keyOf(n).publicKey.mid)} ${reason}`

  it('is told with the reason, and changes nothing with who hears it', () => {
    const town = pair({ tellsDrops: true })
    for (const n of [2, 3]) {
      town.relay.directory.add(descriptorOf(n))
      town.other.directory.add(descriptorOf(n))
    }
    town.relay.directory.markSilent(addressOfRelay(2))
    town.clock.advance(30_000)
    town.relay.directory.drop(keyOf(3).publicKey.mid)
    expect(dropped(town)).toEqual([text(3, 'blocked'), text(2, 'silent')])
    expect(dropped(town, 15)).toEqual([text(3, 'blocked')])
    expect(town.other.directory.served()).toHaveLength(2)
  })

  it('is told by relays only that were built to, seldom, and 50 at a time', () => {
    expect(dropped(pair())).toBeUndefined()
    const town = pair({ tellsDrops: true })
    expect([1, 2, 3, 4].map(() => dropped(town))).toEqual([[], [], [], []])
    const packets = town.toRelay.sent.slice(0, 4).flatMap((packet) => [packet, packet])
    for (const packet of packets) town.relay.exchange.receive(town.toOther, packet)
    expect(town.relay.counters.get('directory-limit')).toBeGreaterThan(0)
    const many = Array.from({ length: 50 }, (_, n) => ({ mid: midOf(n), reason: 1 }))
    expect(encode(dropsResponse, { nonce: 1, drops: many }).length + 23).toBeLessThanOrEqual(REQUEST_BYTES)
  })

  it('is refused with a reason that is none, and unasked', () => {
    const town = pair()
    const answer = (reason: number) => {
      const value = { nonce: 1, drops: [{ mid: midOf(1), reason }] }
      return unsignedPacket(prefix, DROPS_RESPONSE, dropsResponse, value)
    }
    town.other.exchange.receive(town.toRelay, answer(3))
    town.other.exchange.receive(town.toRelay, answer(2))
    expect(town.other.counters.get('directory-refused-directory-drop')).toBe(1)
    expect(town.other.counters.get('directory-unasked-response')).toBe(1)
  })
})
