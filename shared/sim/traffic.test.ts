import { describe, expect, it } from 'vitest'
import { SIZE_CLASSES } from '../link/padding.ts'
import { type TrafficOptions, WatchedRelay, watchTraffic } from './traffic.ts'
import { assign, correlation, positionAccuracy, sizeLikeness, timingLikeness } from './traffic-watcher.ts'

const WATCHED: TrafficOptions = {
  seed: 3,
  circuits: 12,
  farLinks: 12,
  seconds: 10,
  bytesPerSecond: 100_000,
  carriage: [],
}

describe('who watches the sizes on a relay’s links (L-09)', () => {
  const plain = watchTraffic(WATCHED)
  const padded = watchTraffic({ ...WATCHED, carriage: SIZE_CLASSES })

  it('tells the position of most cells, and follows every circuit, where nothing is padded', () => {
    expect(plain.position).toBeGreaterThan(0.65)
    expect(plain.bySizes).toBe(1)
  })

  it('does so with datagrams as well, which cannot be padded', () => {
    const udp = watchTraffic({ ...WATCHED, carriage: 'datagrams' })
    expect(udp.position).toBeGreaterThan(0.65)
    expect(udp.bySizes).toBe(1)
  })

  it('guesses positions, where messages are padded to size classes, and loses some of the circuits', () => {
    expect(padded.position).toBeLessThan(1 / 3 + 0.08)
    expect(padded.bySizes).toBeLessThan(plain.bySizes)
  })

  it('is kept from it at the price of a quarter more bytes, or less', () => {
    expect(plain.cost).toBeLessThan(1.01)
    expect(padded.cost).toBeGreaterThan(plain.cost)
    expect(padded.cost).toBeLessThan(1.25)
  })
})

describe('who counts what goes over a relay’s links, and when (L-09)', () => {
  it('follows every circuit: size classes do not hinder him', () => {
    expect(watchTraffic({ ...WATCHED, carriage: SIZE_CLASSES }).byTiming).toBe(1)
  })

  it('is not hindered by little cover traffic either, which costs what its budget says', () => {
    const cover = { bytesPerSecond: 20_000, totalBytesPerSecond: 1e9, share: 0.25 }
    const figures = watchTraffic({ ...WATCHED, carriage: SIZE_CLASSES, cover })
    expect(figures.byTiming).toBeGreaterThan(0.9)
    expect(figures.cover).toBeGreaterThan(0.05)
    expect(figures.cover).toBeLessThanOrEqual(0.25)
  })
})

describe('the relay that is watched', () => {
  it('sees the same each time', () => {
    expect(watchTraffic({ ...WATCHED, seconds: 3 })).toEqual(watchTraffic({ ...WATCHED, seconds: 3 }))
  })

  it('carries on its far links what came on its near links, a layer shorter, and back', () => {
    const relay = new WatchedRelay({ ...WATCHED, carriage: 'datagrams', seconds: 5 })
    relay.run()
    const sizes = (seen: readonly { bytes: number; direction: string }[], direction: string) =>
      seen.filter((each) => each.direction === direction).map(({ bytes }) => bytes)
    for (const [circuit, near] of relay.near.entries()) {
      const far = relay.farOf(circuit)
      const wentOn = sizes(far.seen, 'out')
      expect(wentOn.length).toBeGreaterThan(10)
      // The last ones may still be on their way.
      expect(sizes(near.seen, 'in').slice(0, wentOn.length)).toEqual(wentOn.map((bytes) => bytes + 24))
    }
  })
})

describe('the watcher’s tools', () => {
  it('correlate what goes up and down together, and not what does not vary', () => {
    expect(correlation([1, 2, 3], [10, 20, 30])).toBeCloseTo(1)
    expect(correlation([1, 2, 3], [30, 20, 10])).toBeCloseTo(-1)
    expect(correlation([1, 2, 3], [5, 5, 5])).toBe(0)
  })

  it('assign the most alike first, and as many to a link as it has circuits', () => {
    const likeness = [
      [0.9, 0.8],
      [0.95, 0.1],
      [0.2, 0.1],
    ]
    expect(assign(likeness.slice(0, 2), 1)).toEqual([1, 0])
    expect(assign([...likeness, [0.1, 0.05]], 2)).toEqual([0, 0, 1, 1])
  })

  it('guess a position by the size that is most frequent there', () => {
    const known = [
      { bytes: 100, position: 1 },
      { bytes: 100, position: 1 },
      { bytes: 76, position: 2 },
      { bytes: 100, position: 2 },
    ]
    expect(positionAccuracy(known, known)).toBe((1 + 0.5) / 2)
  })

  it('find what is alike but for a layer, and what goes at the same time', () => {
    const at = (direction: 'in' | 'out', ...messages: [number, number][]) =>
      messages.map(([atMs, bytes]) => ({ atMs, bytes, direction }))
    const near = at('in', [0, 1_000], [900, 500])
    const same = at('out', [1, 976], [901, 476])
    const other = at('out', [500, 700], [600, 700])
    const [likeness = []] = sizeLikeness([near], [same, other])
    expect(likeness[0]).toBeGreaterThan(likeness[1] ?? 1)
    expect(timingLikeness(near, same, 1_000, 100)).toBeGreaterThan(timingLikeness(near, other, 1_000, 100))
  })
})
