import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  breakable,
  formatBytes,
  formatClock,
  formatCount,
  formatLanguage,
  formatLatency,
  formatRate,
  formatShare,
  formatWait,
  plural,
  share,
} from './formats.ts'

const en = 'en-US'

describe('numbers in words (W-08, W-10)', () => {
  it.each([
    [0, '0 bytes'],
    [1, '1 byte'],
    [999, '999 bytes'],
    [999.6, '1 kB'],
    [16_384, '16 kB'],
    [7_420_000, '7.42 MB'],
    [99_960_000, '100 MB'],
    [512_400_000, '512 MB'],
    [4_370_000_000, '4.37 GB'],
    [2_000_000_000_000_000, '2,000 TB'],
    [-4, '0 bytes'],
    [Number.NaN, '0 bytes'],
  ])('%d bytes are %s', (bytes, words) => {
    expect(formatBytes(bytes, en)).toBe(words)
  })

  it('follows the locale', () => {
    expect(formatBytes(7_420_000, 'de-DE')).toBe('7,42 MB')
    expect(formatCount(12_000, 'de-DE')).toBe('12.000')
  })

  it('says rates', () => {
    expect(formatRate(1_250_000, en)).toBe('1.25 MB/s')
  })

  it.each([
    [0, '0:00'],
    [64, '1:04'],
    [3599.6, '1:00:00'],
    [7207, '2:00:07'],
    [Number.POSITIVE_INFINITY, '0:00'],
  ])('%d seconds on a clock are %s', (seconds, words) => {
    expect(formatClock(seconds)).toBe(words)
  })

  it.each([
    [0, '0 sec'],
    [44.2, '45 sec'],
    [60, '1 min'],
    [3_580, '1 hr'],
    [7_800, '2 hr 10 min'],
    [200_000, '2 days'],
  ])('a wait of %d s is %s', (seconds, words) => {
    expect(formatWait(seconds, en)).toBe(words)
  })

  it('says latency, never 0 for something that took time', () => {
    expect(formatLatency(0.2, en)).toBe('1 ms')
    expect(formatLatency(41.6, en)).toBe('42 ms')
    expect(formatLatency(1420, en)).toBe('1.4 sec')
  })

  it('says 100 % only when all is here', () => {
    expect(formatShare(999, 1000, en)).toBe('99%')
    expect(formatShare(1000, 1000, en)).toBe('100%')
    expect(formatShare(3, 0, en)).toBe('0%')
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (part, whole) => {
        const result = share(part, whole)
        expect(result).toBeGreaterThanOrEqual(0)
        expect(result).toBeLessThanOrEqual(1)
        if (part < whole) expect(result).toBeLessThan(1)
      }),
    )
  })

  it('lets the names of torrents break at their dots', () => {
    expect(breakable('A.B__C d')).toBe('A.\u200bB__\u200bC d')
  })

  it('counts things and names languages', () => {
    expect(plural(1, 'peer')).toBe('1 peer')
    expect(plural(0, 'peer')).toBe('0 peers')
    expect(plural(2, 'relay is', 'relays are')).toBe('2 relays are')
    expect(formatLanguage('de', en)).toBe('German')
  })
})
