import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../sim/seeded-random.ts'
import type { Counters } from '../world/counters.ts'
import { MESSAGE_BYTES, PIPE_BYTES, QUEUE_LIMITS } from './constants.ts'
import type { Link, LinkCloseReason } from './link.ts'

/** Two links to each other, over whatever is tested. */
export interface LinkWire {
  readonly left: Link
  /** For links that come into being with the first packet, only once one has arrived. */
  readonly right: Link
  readonly leftReceived: Uint8Array[]
  readonly rightReceived: Uint8Array[]
  readonly leftClosed: LinkCloseReason[]
  readonly rightClosed: LinkCloseReason[]
  readonly leftCounters: Counters
  readonly rightCounters: Counters
  /** Lets packets travel until `predicate` holds; rejects if it never does. */
  until(predicate: () => boolean): Promise<void>
  /** Puts bytes on the wire to the right that no honest left would send. */
  injectToRight(bytes: Uint8Array): void
  /** What hostile bytes below the messages are put on the wire with; as injectToRight by default. */
  injectBelow?(bytes: Uint8Array): void
  /** The right reads nothing any more, or reads on. */
  holdRight?(held: boolean): void
  /** Bytes that wait at the left to be sent, in queue and pipe, not in the kernel. */
  leftWaiting?(): number
  /** The connection below ends, without a word of either link. */
  cut?(): void
  /** Nothing arrives any more in either direction, and nobody says so. The limit of silence should be short. */
  vanish?(): void
  /** Some of what is sent from now on is lost. */
  loseSome?(): void
  stop(): Promise<void>
}

/** What a wire can be made to go through, beside what all can. */
export type Ordeal = 'back-pressure' | 'cut' | 'half-open' | 'loss'

export interface LinkTraits {
  /** What was not dropped by the sender's queue arrives, in order. */
  readonly reliable: boolean
  /** The neighbour learns of the end, and why. */
  readonly tellsClose: boolean
  /** Whether bytes that are refused may be anybody's, so that nothing is closed for them; by default of links that do not tell. */
  readonly ignoresHostile?: boolean
  /** What to inject, by name: each is refused, and the link is closed for it unless it ignores them. */
  readonly hostile: Readonly<Record<string, Uint8Array>>
  /** The same, put on the wire by `injectBelow`. */
  readonly hostileBelow?: Readonly<Record<string, Uint8Array>>
  /** Those that the wire has methods for. */
  readonly ordeals?: readonly Ordeal[]
}

function packetsOf(lengths: readonly number[]): Uint8Array[] {
  const random = new SeededRandom(7)
  return lengths.map((length) => random.bytes(length))
}

/** A packet of 1,400 bytes that carries its number; the flow that it is sent in follows from it. */
function numbered(number: number): Uint8Array {
  const packet = new Uint8Array(1_400).fill(number)
  packet[0] = number >>> 16
  packet[1] = number >>> 8
  packet[2] = number
  return packet
}

function numberOf([a = 0, b = 0, c = 0]: Uint8Array): number {
  return (a << 16) | (b << 8) | c
}

/**
 * What every kind of link must do. A new kind is one file, and a test of a few lines that runs this.
 * @param make told of `half-open`, for which the wire should have a short limit of silence, and for nothing else
 */
export function linkSuite(
  title: string,
  traits: LinkTraits,
  make: (ordeal?: Ordeal) => Promise<LinkWire>,
): void {
  const test = (name: string, run: (wire: LinkWire) => Promise<void>, ordeal?: Ordeal) =>
    it(name, async () => {
      const wire = await make(ordeal)
      try {
        await run(wire)
      } finally {
        await wire.stop()
      }
    })

  /** A packet each way, so that both ends know of each other. */
  const greet = async (wire: LinkWire) => {
    wire.left.send(Uint8Array.of(1), 0)
    await wire.until(() => wire.rightReceived.length === 1)
    wire.right.send(Uint8Array.of(2), 0)
    await wire.until(() => wire.leftReceived.length === 1)
  }

  const can = (ordeal: Ordeal) => traits.ordeals?.includes(ordeal) ?? false
  const dropped = (wire: LinkWire) =>
    wire.leftCounters.get('queue-dropped-full') + wire.leftCounters.get('queue-dropped-late')

  describe(title, () => {
    test('carries packets of every size both ways, whole and in order', async (wire) => {
      await greet(wire)
      const sizes = [1, 2, 3, 63, 64, 1_199, 1_200, 1_472, wire.left.mtu - 1, wire.left.mtu]
      const packets = packetsOf(sizes.filter((size) => size <= wire.left.mtu))
      for (const packet of packets) {
        wire.left.send(packet.slice(), 5)
        wire.right.send(packet.slice(), 5)
      }
      const count = 1 + packets.length
      await wire.until(() => wire.leftReceived.length === count && wire.rightReceived.length === count)
      expect(wire.leftReceived.slice(1)).toEqual(packets)
      expect(wire.rightReceived.slice(1)).toEqual(packets)
    })

    test('hands over packets that do not share a byte', async (wire) => {
      await greet(wire)
      for (let i = 0; i < 20; i++) wire.left.send(new Uint8Array(100).fill(i), 5)
      await wire.until(() => wire.rightReceived.length === 21)
      for (const packet of wire.rightReceived.slice(1, 11)) packet.fill(0xff)
      expect(wire.rightReceived.slice(11).map((packet) => packet[99])).toEqual([
        10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
      ])
    })

    test('refuses to send nothing, or more than its MTU, and goes on', async (wire) => {
      wire.left.send(new Uint8Array(0), 5)
      wire.left.send(new Uint8Array(wire.left.mtu + 1), 5)
      await greet(wire)
      expect(wire.rightReceived.map((packet) => packet.length)).toEqual([1])
      expect(wire.left.open).toBe(true)
    })

    test('takes any amount at once, bounded: what does not fit is dropped and counted', async (wire) => {
      await greet(wire)
      const sent = 4_000
      for (let i = 0; i < sent; i++) wire.left.send(new Uint8Array(1_400), 1 + (i % 3))
      if (traits.reliable) {
        expect(dropped(wire)).toBeGreaterThan(0)
        await wire.until(() => wire.rightReceived.length === 1 + sent - dropped(wire))
      } else {
        await wire.until(() => wire.rightReceived.length > 20)
      }
      expect(wire.rightReceived.length).toBeLessThanOrEqual(1 + sent)
      expect(wire.left.open).toBe(true)
    })

    test('ends once, and then drops what it is given', async (wire) => {
      await greet(wire)
      wire.left.close('shutdown')
      wire.left.close('failed')
      expect(wire.left.open).toBe(false)
      wire.left.send(new Uint8Array(10), 5)
      expect(wire.leftCounters.get('link-closed')).toBe(1)
      expect(wire.leftClosed).toEqual(['shutdown'])
      if (traits.tellsClose) {
        await wire.until(() => wire.rightClosed.length === 1)
        expect(wire.rightClosed).toEqual(['shutdown'])
        expect(wire.right.open).toBe(false)
      }
      expect(wire.rightReceived).toHaveLength(1)
    })

    test('sends what waits before it ends', async (wire) => {
      await greet(wire)
      wire.left.send(new Uint8Array(10), 0)
      wire.left.close('unneeded')
      await wire.until(() => wire.rightReceived.length === 2)
    })

    if (can('back-pressure')) {
      test('holds a bounded amount for a neighbour that does not read, and all of it arrives later', async (wire) => {
        await greet(wire)
        wire.holdRight?.(true)
        let sent = 0
        let most = 0
        await wire.until(() => {
          for (let i = 0; i < 20; i++) wire.left.send(numbered(sent++), 1 + (sent % 3))
          most = Math.max(most, wire.leftWaiting?.() ?? 0)
          return dropped(wire) > 100
        })
        expect(most).toBeGreaterThan(PIPE_BYTES / 2)
        expect(most).toBeLessThanOrEqual(QUEUE_LIMITS.bytes + PIPE_BYTES + 2 * MESSAGE_BYTES)
        wire.holdRight?.(false)
        await wire.until(() => wire.rightReceived.length === 1 + sent - dropped(wire))
        expect(wire.left.open).toBe(true)
        for (const flow of [0, 1, 2]) {
          const numbers = wire.rightReceived.slice(1).map(numberOf)
          const own = numbers.filter((number) => number % 3 === flow)
          expect(own).toEqual([...own].sort((a, b) => a - b))
        }
      })
    }

    if (can('cut')) {
      test('learns that the connection has ended though nobody said so', async (wire) => {
        await greet(wire)
        wire.cut?.()
        await wire.until(() => wire.leftClosed.length === 1 && wire.rightClosed.length === 1)
        expect([wire.leftClosed, wire.rightClosed]).toEqual([['lost'], ['lost']])
        expect([wire.left.open, wire.right.open]).toEqual([false, false])
      })
    }

    if (can('half-open')) {
      test(
        'takes a neighbour that has fallen silent for lost',
        async (wire) => {
          await greet(wire)
          wire.vanish?.()
          wire.left.send(new Uint8Array(10), 5)
          await wire.until(() => wire.leftClosed.length === 1)
          expect(wire.leftClosed).toEqual(['lost'])
          expect(wire.left.open).toBe(false)
        },
        'half-open',
      )
    }

    if (can('loss')) {
      test('loses packets whole, and delivers the others as they were', async (wire) => {
        await greet(wire)
        wire.loseSome?.()
        let sent = 0
        await wire.until(() => {
          if (sent < 400) wire.left.send(numbered(sent++), 5)
          return sent === 400 && wire.rightReceived.length > 100
        })
        const numbers = wire.rightReceived.slice(1).map(numberOf)
        expect(numbers.length).toBeLessThan(400)
        expect(new Set(numbers).size).toBe(numbers.length)
        expect(wire.rightReceived.slice(1)).toEqual(numbers.map(numbered))
      })
    }

    const below = Object.entries(traits.hostileBelow ?? {}).map(
      ([what, bytes]) => [what, bytes, true] as const,
    )
    const above = Object.entries(traits.hostile).map(([what, bytes]) => [what, bytes, false] as const)
    for (const [what, bytes, isBelow] of [...above, ...below]) {
      test(`refuses hostile bytes: ${what}`, async (wire) => {
        await greet(wire)
        const refusals = () =>
          Object.values(wire.rightCounters.snapshot()).reduce((sum, count) => sum + count, 0)
        const before = refusals()
        if (isBelow) wire.injectBelow?.(bytes)
        else wire.injectToRight(bytes)
        await wire.until(() => refusals() > before || wire.rightClosed.length > 0)
        expect(wire.rightReceived).toHaveLength(1)
        if (traits.ignoresHostile ?? !traits.tellsClose) {
          expect(wire.right.open).toBe(true)
        } else {
          await wire.until(() => wire.leftClosed.length === 1)
          expect(wire.rightClosed).toEqual(['protocol'])
          expect(wire.leftClosed).toEqual(['protocol'])
        }
      })
    }
  })
}

/** Messages that no link of messages may take; see framing.ts. */
export const HOSTILE_MESSAGES: Readonly<Record<string, Uint8Array>> = {
  'an empty message': new Uint8Array(0),
  'half a frame': Uint8Array.of(0),
  'a packet cut short': Uint8Array.of(0, 200, 1, 2, 3),
  'an empty packet': Uint8Array.of(0, 0),
  'a packet over the MTU': new Uint8Array(40_000).fill(0x80),
  'a good packet and garbage': Uint8Array.of(0, 1, 7, 0xff, 0xff),
}
