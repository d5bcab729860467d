import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { equalBytes } from '../bytes/bytes.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { CircuitControl } from './circuit-control.ts'
import { Ledbat } from './ledbat.ts'
import { Pair, type TestEnd } from './pair.fixture.ts'

const conditions = fc.record({
  loss: fc.double({ min: 0, max: 0.35, noNaN: true }),
  duplication: fc.double({ min: 0, max: 0.3, noNaN: true }),
  reordering: fc.double({ min: 0, max: 0.5, noNaN: true }),
  reorderMs: fc.integer({ min: 1, max: 400 }),
  delayMs: fc.double({ min: 0, max: 200, noNaN: true }),
  jitterMs: fc.double({ min: 0, max: 100, noNaN: true }),
  bytesPerSecond: fc.constantFrom(50_000, 1e6, 50e6),
  queueBytes: fc.constantFrom(8_000, 100_000, 1e7),
})

const scenario = fc.record({
  seed: fc.nat(0xffffffff),
  there: conditions,
  back: conditions,
  /** Sizes of the writes of each side. */
  left: fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 12 }),
  right: fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 12 }),
  pauses: fc.boolean(),
  garbage: fc.boolean(),
  ledbat: fc.boolean(),
  receiveBufferBytes: fc.constantFrom(4_000, 60_000, 1 << 20),
  /** Packets are large or small against the writes. */
  maxPacketBytes: fc.constantFrom(64, 576, 1350),
  spreadMs: fc.integer({ min: 0, max: 3_000 }),
})

function total(sizes: readonly number[]): number {
  return sizes.reduce((a, b) => a + b, 0)
}

describe('uTP delivery (C-07, N-14)', () => {
  it('loses, reorders and doubles no byte, whatever the network does', () => {
    fc.assert(
      fc.property(scenario, (s) => {
        const pair = new Pair({
          there: s.there,
          back: s.back,
          seed: s.seed,
          settings: {
            receiveBufferBytes: s.receiveBufferBytes,
            maxPacketBytes: s.maxPacketBytes,
            // Dead ends are tested elsewhere; here the network is to be bad for as long as it likes.
            connectTimeoutMs: 600_000,
            silenceTimeoutMs: 600_000,
          },
          congestion: (bytes) => (s.ledbat ? new Ledbat(bytes) : new CircuitControl(bytes)),
        })
        const { clock, left, right } = pair
        const chance = new SeededRandom(s.seed)
        const write = (end: TestEnd, sizes: readonly number[]): Uint8Array => {
          const all = new SeededRandom(s.seed ^ sizes.length).bytes(total(sizes))
          let at = 0
          sizes.forEach((size, i) => {
            const chunk = all.slice(at, at + size)
            at += size
            clock.after((s.spreadMs * i) / 10, () => {
              end.connection.write(chunk)
              chunk.fill(0xee)
            })
          })
          clock.after((s.spreadMs * sizes.length) / 10, () => end.connection.end())
          return all
        }
        for (const end of s.pauses ? [left, right] : []) {
          end.onData = () => {
            if (chance.fraction() < 0.2) {
              end.connection.pause()
              clock.after(chance.fraction() * 200, () => end.connection.resume())
            }
          }
        }
        const noise = () => {
          pair.arrive(
            chance.fraction() < 0.5 ? left : right,
            chance.bytes(Math.floor(chance.fraction() * 60)),
          )
          clock.after(20, noise)
        }
        if (s.garbage) noise()
        const fromLeft = write(left, s.left)
        // The right side may write when it has accepted.
        expect(clock.runUntil(() => right.connection.state !== 'idle', 600_000)).toBe(true)
        const fromRight = write(right, s.right)
        const over = () => left.log.includes('ended') && right.log.includes('ended')
        expect(clock.runUntil(over, 3_600_000)).toBe(true)
        expect(equalBytes(right.bytes, fromLeft)).toBe(true)
        expect(equalBytes(left.bytes, fromRight)).toBe(true)
        const closed = () =>
          [left, right].every(({ log }) => log.filter((line) => line.startsWith('closed')).length === 1)
        expect(clock.runUntil(closed, 600_000)).toBe(true)
      }),
      { numRuns: 120, seed: 20_261_121 },
    )
  })
})
