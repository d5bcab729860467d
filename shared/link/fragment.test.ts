import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { prefixOf } from '../ipv8/packet.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { PACKET_OVERHEAD_BYTES } from './constants.ts'
import { fragmentsOf, isFragment, Reassembly } from './fragment.ts'
import {
  DATAGRAM_BYTES,
  FRAGMENT_COMMUNITY_ID,
  FRAGMENT_HEADER_BYTES,
  FRAGMENTED_MTU,
  type FragmentLimits,
  MAX_FRAGMENTS,
} from './fragment-limits.ts'

function reassembly(limits: Partial<FragmentLimits> = {}) {
  const clock = new VirtualClock()
  const counters = new Counters()
  return { clock, counters, machine: new Reassembly({ clock, counters, limits }) }
}

const packetOf = (length: number, seed = 1) => Uint8Array.from({ length }, (_, i) => (i * 31 + seed) & 0xff)

/** A fragment as a stranger may write it. */
function forged(set: number, index: number, count: number, data: Uint8Array, message = 1): Uint8Array {
  const header = new Uint8Array(FRAGMENT_HEADER_BYTES)
  header.set(prefixOf(FRAGMENT_COMMUNITY_ID))
  header[22] = message
  new DataView(header.buffer).setUint32(23, set)
  header[27] = index
  header[28] = count
  return Uint8Array.of(...header, ...data)
}

describe('fragments (N-03)', () => {
  it('fit a datagram, and are the packet again in any order, with any duplicates', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: DATAGRAM_BYTES.ipv4 + 1, max: FRAGMENTED_MTU }),
        fc.constantFrom(DATAGRAM_BYTES.ipv4, DATAGRAM_BYTES.ipv6),
        fc.nat(0xffff_ffff),
        fc.array(fc.nat(1_000), { minLength: 40, maxLength: 40 }),
        (length, datagramBytes, set, order) => {
          const packet = packetOf(length)
          const fragments = fragmentsOf(packet, set, datagramBytes)
          expect(fragments.every((each) => each.length <= datagramBytes && isFragment(each))).toBe(true)
          const ranked = fragments.map((each, i) => ({ each, rank: order[i] as number }))
          const inOrder = ranked.sort((a, b) => a.rank - b.rank).map(({ each }) => each)
          const { machine } = reassembly()
          const last = inOrder.pop() as Uint8Array
          for (const each of inOrder) {
            expect(machine.receive('a', each)).toBeUndefined()
            expect(machine.receive('a', each)).toBeUndefined()
          }
          expect(machine.receive('a', last)).toEqual(packet)
          expect([machine.size, machine.bytes]).toEqual([0, 0])
        },
      ),
      { numRuns: 60 },
    )
  })

  it('of packets that mingle are told apart by source and set', () => {
    const { machine } = reassembly()
    const packets = [packetOf(1_600, 1), packetOf(3_000, 2), packetOf(1_600, 3)]
    const [a, b, c] = packets.map((packet, i) => fragmentsOf(packet, i === 2 ? 0 : i, 1_472))
    const whole: (Uint8Array | undefined)[] = []
    for (let i = 0; i < 3; i++) {
      if (a?.[i]) whole.push(machine.receive('one', a[i] as Uint8Array))
      if (b?.[i]) whole.push(machine.receive('one', b[i] as Uint8Array))
      if (c?.[i]) whole.push(machine.receive('two', c[i] as Uint8Array))
    }
    expect(whole.filter((each) => each)).toEqual([packets[0], packets[2], packets[1]])
  })

  it('are not made of what a datagram holds, nor of what is too large', () => {
    for (const length of [0, 1, 1_443, FRAGMENTED_MTU + 1]) {
      expect(() => fragmentsOf(new Uint8Array(length), 1, 1_472)).toThrow(/do not go into/)
    }
    expect(fragmentsOf(new Uint8Array(FRAGMENTED_MTU), 1, 1_452)).toHaveLength(MAX_FRAGMENTS)
  })
})

describe('hostile fragments (N-03, N-11)', () => {
  const byte = Uint8Array.of(7)

  it('with counts and indices that cannot be are refused and counted', () => {
    const { machine, counters } = reassembly()
    const bad = [
      forged(1, 0, 0, byte),
      forged(1, 0, 1, byte),
      forged(1, 0, MAX_FRAGMENTS + 1, byte),
      forged(1, 2, 2, byte),
      forged(1, 255, 255, byte),
      forged(1, 0, 2, new Uint8Array()),
      forged(1, 0, 2, byte, 9),
      forged(1, 0, 2, byte).subarray(0, 26),
    ]
    for (const each of bad) expect(machine.receive('a', each)).toBeUndefined()
    expect(counters.get('fragment-refused')).toBe(bad.length)
    expect(machine.size).toBe(0)
  })

  it('cannot change what came before them: not its bytes, not its count', () => {
    const { machine, counters } = reassembly()
    const packet = packetOf(1_600)
    const [first, second] = fragmentsOf(packet, 5, 1_472) as [Uint8Array, Uint8Array]
    machine.receive('a', first)
    machine.receive('a', forged(5, 0, 2, byte))
    machine.receive('a', forged(5, 1, 3, byte))
    expect(machine.receive('a', second)).toEqual(packet)
    expect([counters.get('fragment-repeated'), counters.get('fragment-refused')]).toEqual([1, 1])
  })

  it('never make a packet above the largest', () => {
    const { machine, counters } = reassembly()
    for (let i = 0; i < MAX_FRAGMENTS; i++) machine.receive('a', forged(1, i, MAX_FRAGMENTS, packetOf(1_600)))
    expect(machine.receive('a', forged(1, 0, MAX_FRAGMENTS, byte))).toBeUndefined()
    expect(counters.get('fragment-reassembled')).toBe(0)
    expect(counters.get('fragment-refused')).toBeGreaterThan(0)
  })

  it('hold no more memory than the bounds, whatever comes from however many', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            source: fc.nat(9),
            set: fc.nat(40),
            index: fc.nat(255),
            count: fc.nat(255),
            length: fc.nat(1_443),
            waitMs: fc.nat(50),
          }),
          { maxLength: 200 },
        ),
        (fragments) => {
          const limits = {
            bytes: 20_000,
            bytesPerSource: 6_000,
            packets: 12,
            packetsPerSource: 4,
            ageMs: 2_000,
          }
          const { machine, clock } = reassembly(limits)
          for (const { source, set, index, count, length, waitMs } of fragments) {
            const parts = 2 + (count % MAX_FRAGMENTS)
            machine.receive(source, forged(set, index % parts, parts, packetOf(length)))
            expect(machine.bytes).toBeLessThanOrEqual(limits.bytes)
            expect(machine.size).toBeLessThanOrEqual(limits.packets)
            clock.advance(waitMs)
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  it('of one source put out its own packets, not those of others', () => {
    const { machine, counters } = reassembly()
    const packet = packetOf(1_600)
    const [first, second] = fragmentsOf(packet, 5, 1_472) as [Uint8Array, Uint8Array]
    machine.receive('honest', first)
    for (let set = 0; set < 5_000; set++) machine.receive('flood', forged(set, 0, 2, packetOf(1_000)))
    expect(machine.bytes).toBeLessThanOrEqual(131_072 + 1_600 + PACKET_OVERHEAD_BYTES)
    expect(machine.size).toBeLessThanOrEqual(33)
    expect(counters.get('fragment-source-full')).toBeGreaterThan(4_900)
    expect(machine.receive('honest', second)).toEqual(packet)
  })

  it('that come after two seconds are of no packet any more', () => {
    const { machine, clock, counters } = reassembly()
    const [first, second] = fragmentsOf(packetOf(1_600), 5, 1_472) as [Uint8Array, Uint8Array]
    machine.receive('a', first)
    clock.advance(2_000)
    expect(machine.receive('a', second)).toBeUndefined()
    expect(counters.get('fragment-aged')).toBe(1)
    expect(machine.size).toBe(1)
  })
})
