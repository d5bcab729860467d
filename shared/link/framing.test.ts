import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { FairQueue } from './fair-queue.ts'
import { packFrames, unpackFrames } from './framing.ts'

const MTU = 1_472

function queueOf(packets: readonly Uint8Array[]): FairQueue {
  const queue = new FairQueue({ clock: new VirtualClock(), counters: new Counters(), codel: 'off' })
  for (const packet of packets) queue.push(packet, 9)
  return queue
}

function unpack(message: Uint8Array, mtu = MTU) {
  const packets: Uint8Array[] = []
  const counters = new Counters()
  const whole = unpackFrames(message, mtu, (packet) => packets.push(packet), counters)
  return { packets, whole, counts: counters.snapshot() }
}

describe('frames of a message (L-08)', () => {
  it('carry any packets through, in order, in messages of bounded size', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: MTU }), { maxLength: 60 }),
        fc.integer({ min: MTU + 2, max: 16_384 }),
        (packets, maxBytes) => {
          const queue = queueOf(packets)
          const received: Uint8Array[] = []
          for (let message = packFrames(queue, maxBytes); message; message = packFrames(queue, maxBytes)) {
            expect(message.length).toBeLessThanOrEqual(maxBytes)
            const { packets: some, whole } = unpack(message)
            expect(whole).toBe(true)
            received.push(...some)
          }
          expect(received).toEqual(packets)
        },
      ),
    )
  })

  it('fill a message with as many packets as fit', () => {
    const queue = queueOf(Array.from({ length: 12 }, () => new Uint8Array(1_400)))
    expect(packFrames(queue)?.length).toBe(11 * 1_402)
    expect(packFrames(queue)?.length).toBe(1_402)
    expect(packFrames(queue)).toBeUndefined()
  })

  it('are laid out as a length of two bytes, most significant first, and the packet', () => {
    const queue = queueOf([Uint8Array.of(7), new Uint8Array(258).fill(1)])
    const message = packFrames(queue)!
    expect([...message.subarray(0, 6)]).toEqual([0, 1, 7, 1, 2, 1])
  })

  it.each([
    ['nothing', [], 'frames-empty'],
    ['half a length', [1], 'frames-truncated'],
    ['half a length behind a packet', [0, 1, 5, 2], 'frames-truncated'],
    ['a packet cut short', [0, 3, 1, 2], 'frames-truncated'],
    ['padding alone', [0, 0, 1, 2], 'frames-empty'],
    ['a single byte of padding alone', [0], 'frames-empty'],
    ['a packet over the MTU', [0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9], 'frames-length'],
    ['a good packet before a bad one', [0, 1, 5, 0, 2, 1], 'frames-truncated'],
  ])('refuse %s, and deliver nothing of it', (_what, bytes, reason) => {
    expect(unpack(Uint8Array.from(bytes), 8)).toEqual({ packets: [], whole: false, counts: { [reason]: 1 } })
  })

  it('survive any bytes: all of them are delivered, but for the padding, or none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const { packets, whole } = unpack(bytes, 40)
        const delivered = packets.reduce((sum, packet) => sum + 2 + packet.length, 0)
        if (!whole) expect(packets).toEqual([])
        else if (delivered < bytes.length)
          expect([...bytes, 0].slice(delivered, delivered + 2)).toEqual([0, 0])
      }),
    )
  })
})
