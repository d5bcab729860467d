import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { MESSAGE_BYTES, MESSAGE_MTU } from './constants.ts'
import { FairQueue } from './fair-queue.ts'
import { packFrames, unpackFrames } from './framing.ts'
import { messageRoom, paddingFor, SIZE_CLASSES } from './padding.ts'

const CELL_BYTES = 1_472
const LARGEST = SIZE_CLASSES.at(-1) as number

function queueOf(sizes: readonly number[]): FairQueue {
  const limits = { bytes: 2 ** 24, flowBytes: 2 ** 24, controlBytes: 2 ** 20, flows: 10 }
  const queue = new FairQueue({ clock: new VirtualClock(), counters: new Counters(), codel: 'off', limits })
  for (const [i, size] of sizes.entries()) queue.push(new Uint8Array(size).fill(i), 9)
  return queue
}

function messagesOf(queue: FairQueue, counters?: Counters): Uint8Array[] {
  const messages: Uint8Array[] = []
  for (;;) {
    const message = packFrames(queue, MESSAGE_BYTES, counters, SIZE_CLASSES)
    if (message === undefined) return messages
    messages.push(message)
  }
}

const bytesOf = (messages: readonly Uint8Array[]) => messages.reduce((sum, { length }) => sum + length, 0)

const anyPackets = fc.array(
  fc.oneof(
    fc.integer({ min: 1, max: 200 }),
    fc.constant(CELL_BYTES),
    fc.integer({ min: 1, max: LARGEST - 2 }),
  ),
  { minLength: 1, maxLength: 40 },
)

describe('messages padded to size classes (L-09)', () => {
  it('have no other sizes, and what is packed is unpacked, in order', () => {
    fc.assert(
      fc.property(anyPackets, (sizes) => {
        const counters = new Counters()
        const received: Uint8Array[] = []
        for (const message of messagesOf(queueOf(sizes), counters)) {
          expect(SIZE_CLASSES).toContain(message.length)
          expect(unpackFrames(message, MESSAGE_MTU, (packet) => received.push(packet), counters)).toBe(true)
        }
        expect(received).toEqual(sizes.map((size, i) => new Uint8Array(size).fill(i)))
      }),
    )
  })

  it('count what they are padded with, apart from what they carry', () => {
    const counters = new Counters()
    const messages = messagesOf(queueOf([100, 200]), counters)
    expect(counters.snapshot()).toEqual({
      'link-sent': 2,
      'link-sent-bytes': 300,
      'link-padding-bytes': bytesOf(messages) - 2 * 2 - 300,
    })
  })

  it('carry cells that wait with 12 % more bytes or less, however many they are', () => {
    for (let cells = 1; cells <= 200; cells++) {
      const sizes = Array.from({ length: cells }, () => CELL_BYTES)
      expect(bytesOf(messagesOf(queueOf(sizes)))).toBeLessThanOrEqual(1.12 * cells * (CELL_BYTES + 2))
    }
  })

  it('do not tell how many layers a cell has left, nor one small packet from another', () => {
    const sizeOf = (packet: number) => messagesOf(queueOf([packet])).map(({ length }) => length)
    expect(new Set([1_472, 1_448, 1_424].flatMap(sizeOf)).size).toBe(1)
    expect(new Set([52, 105, 137, 208].flatMap(sizeOf)).size).toBe(1)
  })

  it('are at most as large as what they are of, where no class holds it', () => {
    expect(paddingFor(700, [512])).toBe(0)
    expect(packFrames(queueOf([700]), MESSAGE_BYTES, undefined, [512])).toHaveLength(702)
  })
})

describe('the room of the next message (L-09)', () => {
  it.each([
    ['what waits, where it fills a class', 2 * 1_474, 2 * 1_474],
    ['the class below, where it fills little of one', 5 * 1_474, 6_144],
    ['the smallest class, where less waits', 80, 80],
    ['a whole message, where more waits', 40_000, LARGEST],
  ])('is %s', (_what, waiting, room) => {
    expect(messageRoom(waiting, SIZE_CLASSES)).toBe(room)
  })

  it('is all there is to say, without classes', () => {
    expect(messageRoom(7_000, [])).toBe(7_000)
  })
})
