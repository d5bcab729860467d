import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Address } from '../bytes/address.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { isControl } from './control.ts'
import { BULK_FLOW, FairQueue } from './fair-queue.ts'
import { Neighbourhood } from './neighbour.fixture.ts'
import type { CoverBudget } from './padding.ts'
import { CoverTraffic, canBeCovered } from './padding-cover.ts'
import { QueuedLink } from './queued-link.ts'

const ADDRESS: Address = { kind: 'ipv4', host: '127.0.0.1', port: 1 }
/** What the budget of one link, or of all, may be ahead of its rate. */
const BURST_BYTES = 4 * 1_472

/** A link that notes when how many bytes of which flow were sent. */
class NotedLink {
  open = true
  bytes = 0
  readonly sent: { readonly atMs: number; readonly packet: Uint8Array; readonly flow: number }[] = []
  private readonly clock: VirtualClock

  constructor(clock: VirtualClock) {
    this.clock = clock
  }

  send(packet: Uint8Array, flow: number): void {
    this.sent.push({ atMs: this.clock.now(), packet, flow })
    this.bytes += packet.length
  }
}

/** Cover over `count` links that carry `realBytesPerSecond` together besides. */
function covered(budget: Partial<CoverBudget>, count: number, realBytesPerSecond: number, seed = 1) {
  const clock = new VirtualClock()
  const counters = new Counters()
  const links = Array.from({ length: count }, () => new NotedLink(clock))
  const real = () => Math.floor((clock.now() / 1_000) * realBytesPerSecond)
  const coverBytes = () => links.reduce((sum, { bytes }) => sum + bytes, 0)
  const cover = new CoverTraffic({
    ...{ clock, counters, random: new SeededRandom(seed), links: () => links },
    budget: { bytesPerSecond: 10_000, totalBytesPerSecond: 1_000_000, share: 1, ...budget },
    sentBytes: () => real() + coverBytes(),
  })
  return { clock, counters, links, cover, real, coverBytes }
}

describe('cover traffic (L-09)', () => {
  it('is padding, in the class that waits for all others', () => {
    const { clock, links, cover, counters } = covered({}, 2, 1_000_000)
    cover.start()
    clock.advance(60_000)
    const sent = links.flatMap((link) => link.sent)
    expect(sent.length).toBeGreaterThan(500)
    expect(sent.every(({ packet, flow }) => isControl(packet) && flow === BULK_FLOW)).toBe(true)
    expect(counters.get('cover-sent')).toBe(sent.length)
  })

  it('comes at random times, near the rate that it may have on each link', () => {
    const { clock, links, cover } = covered({}, 3, 1_000_000)
    cover.start()
    clock.advance(600_000)
    for (const { bytes, sent } of links) {
      expect(bytes / 600).toBeGreaterThan(8_000)
      expect(bytes / 600).toBeLessThanOrEqual(10_000 + BURST_BYTES / 600)
      const gaps = sent.slice(1).map(({ atMs }, i) => atMs - (sent[i]?.atMs ?? 0))
      const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
      // Of an exponential distribution, 63 % are below the mean; of even times with some jitter, half.
      const below = gaps.filter((gap) => gap < mean).length / gaps.length
      expect(below).toBeGreaterThan(0.58)
    }
  })

  it('never exceeds its budget: of a link, of all links, of what they carry, at any moment', () => {
    const budgets = fc.record({
      bytesPerSecond: fc.integer({ min: 1, max: 200_000 }),
      totalBytesPerSecond: fc.integer({ min: 1, max: 400_000 }),
      share: fc.double({ min: 0, max: 2, noNaN: true }),
    })
    fc.assert(
      fc.property(
        budgets,
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 0, max: 300_000 }),
        fc.integer({ min: 0, max: 1_000 }),
        (budget, count, realRate, seed) => {
          const { clock, links, cover, real, coverBytes } = covered(budget, count, realRate, seed)
          cover.start()
          for (let second = 1; second <= 8; second++) {
            clock.advance(1_000)
            expect(coverBytes()).toBeLessThanOrEqual(real() * budget.share)
            expect(coverBytes()).toBeLessThanOrEqual(budget.totalBytesPerSecond * second + BURST_BYTES)
            for (const { bytes } of links) {
              expect(bytes).toBeLessThanOrEqual(budget.bytesPerSecond * second + BURST_BYTES)
            }
          }
        },
      ),
      { numRuns: 30 },
    )
  })

  it('is none where nothing is allowed, nothing is carried, or after it was stopped', () => {
    for (const [budget, realRate] of [
      [{ bytesPerSecond: 0 }, 100_000],
      [{ share: 0 }, 100_000],
      [{}, 0],
    ] as const) {
      const { clock, cover, coverBytes } = covered(budget, 3, realRate)
      cover.start()
      clock.advance(10_000)
      expect(coverBytes()).toBe(0)
    }
    const { clock, cover, coverBytes } = covered({}, 3, 100_000)
    cover.start()
    clock.advance(10_000)
    cover.stop()
    const before = coverBytes()
    clock.advance(10_000)
    expect(before).toBeGreaterThan(0)
    expect(coverBytes()).toBe(before)
  })

  it('takes up links as they come, and leaves closed ones alone', () => {
    const { clock, cover, links, coverBytes } = covered({}, 0, 100_000)
    cover.start()
    clock.advance(10_000)
    const link = new NotedLink(clock)
    links.push(link)
    clock.advance(10_000)
    const before = coverBytes()
    expect(before).toBeGreaterThan(0)
    link.open = false
    clock.advance(10_000)
    expect(coverBytes()).toBe(before)
  })

  it('is for links that are encrypted from end to end', () => {
    expect((['tcp', 'tor', 'websocket', 'webrtc'] as const).every((kind) => canBeCovered({ kind }))).toBe(
      true,
    )
    expect((['udp', 'circuit', 'simulated'] as const).some((kind) => canBeCovered({ kind }))).toBe(false)
  })
})

describe('cover traffic on the links of a neighbour (L-09)', () => {
  it('is taken out on the other side: nobody is handed it, and nothing comes of it', () => {
    const both = new Neighbourhood(new VirtualClock())
    both.join()
    const { clock, left, right } = both
    clock.advance(1_000)
    const links = left.neighbour.wires.map(({ link }) => link).filter(canBeCovered)
    expect(links).toHaveLength(1)
    const counters = new Counters()
    let sent = 0
    const cover = new CoverTraffic({
      ...{ clock, counters, random: new SeededRandom(5), links: () => links },
      budget: { bytesPerSecond: 20_000, totalBytesPerSecond: 20_000, share: 0.5 },
      sentBytes: () => sent,
    })
    cover.start()
    for (let i = 0; i < 100; i++) {
      left.neighbour.send(new Uint8Array(1_000).fill(i), 7)
      sent += 1_000
      clock.advance(100)
    }
    expect(counters.get('cover-sent')).toBeGreaterThan(10)
    expect(right.received.map((packet) => packet[0])).toEqual(Array.from({ length: 100 }, (_, i) => i))
    expect(right.closed).toEqual([])
    expect([right.messages, right.signals]).toEqual([[], []])
  })
})

describe('cover traffic beside the traffic that it covers (L-08, L-09)', () => {
  it('never goes before control or streams that wait', () => {
    const queue = new FairQueue({ clock: new VirtualClock(), counters: new Counters(), codel: 'off' })
    for (let i = 0; i < 20; i++) queue.push(Uint8Array.of(2), BULK_FLOW)
    for (let i = 0; i < 5; i++) queue.push(Uint8Array.of(1), 77)
    for (let i = 0; i < 5; i++) queue.push(Uint8Array.of(0), 0)
    const first = Array.from({ length: 10 }, () => queue.pop()?.[0])
    expect(first.filter((kind) => kind === 2)).toEqual([])
  })

  it('takes nothing of a link that is full, where others have more to send than it carries', () => {
    const clock = new VirtualClock()
    const received = { cells: 0, cover: 0 }
    const far = new QueuedLink({
      ...{ kind: 'tcp', address: ADDRESS, clock, counters: new Counters() },
      pipe: { send: () => {}, bufferedBytes: () => 0, close: () => {} },
      onPacket: (_link, packet) => received[isControl(packet) ? 'cover' : 'cells']++,
    })
    // 1 MB/s, of which a tenth of a second may wait.
    let buffered = 0
    const near = new QueuedLink({
      ...{ kind: 'tcp', address: ADDRESS, clock, counters: new Counters(), onPacket: () => {} },
      pipe: {
        send: (message) => {
          buffered += message.length
          far.receive(message)
        },
        bufferedBytes: () => buffered,
        close: () => {},
      },
    })
    let sent = 0
    const cover = new CoverTraffic({
      ...{ clock, counters: new Counters(), random: new SeededRandom(4), links: () => [near] },
      budget: { bytesPerSecond: 200_000, totalBytesPerSecond: 200_000, share: 1 },
      sentBytes: () => sent,
    })
    cover.start()
    for (let ms = 0; ms < 5_000; ms++) {
      buffered = Math.max(0, buffered - 1_000)
      near.send(new Uint8Array(1_472), 9)
      near.send(new Uint8Array(1_472), 10)
      sent += 2_944
      clock.advance(1)
    }
    expect(received.cells).toBeGreaterThan(3_000)
    expect(received.cover / received.cells).toBeLessThan(0.05)
  })
})
