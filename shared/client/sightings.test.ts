import { describe, expect, it } from 'vitest'
import { toHex } from '../bytes/bytes.ts'
import { SIGHTINGS } from './constants.ts'
import { Sightings, type Source } from './sightings.ts'

const mid = (n: number) => Uint8Array.from({ length: 20 }, (_, i) => (i < 2 ? (n >> (8 * i)) & 255 : 1))
const hex = (n: number) => toHex(mid(n))
const source = (n: number, network = `net ${n}`, family = ''): Source => ({
  key: `relay ${n}`,
  mid: hex(n),
  network,
  family,
})

describe('who tells of which relay (D-04, K-06)', () => {
  it('counts sources of other networks and families, and nobody for himself', () => {
    const sightings = new Sightings()
    sightings.told(source(1), [mid(1), mid(9)], 0)
    expect([hex(1), hex(9)].map((each) => sightings.confirmedBy(each))).toEqual([0, 1])
    sightings.told(source(2, 'net 1'), [mid(9)], 0)
    expect(sightings.confirmedBy(hex(9))).toBe(1)
    sightings.told(source(3, 'net 3', 'f'), [mid(9)], 0)
    sightings.told(source(4, 'net 4', 'f'), [mid(9)], 0)
    expect(sightings.confirmedBy(hex(9))).toBe(2)
    expect(sightings.isConfirmed(hex(9), 0)).toBe(true)
    expect(sightings.isConfirmed(hex(1), 0)).toBe(false)
  })

  it('remembers for two weeks what was confirmed once', () => {
    const sightings = new Sightings()
    for (const n of [1, 2]) sightings.told(source(n), [mid(9)], 0)
    expect(sightings.isConfirmed(hex(9), 1_000)).toBe(true)
    sightings.keepOnly(() => false)
    expect(sightings.confirmedBy(hex(9))).toBe(0)
    expect(sightings.isConfirmed(hex(9), SIGHTINGS.rememberedMs)).toBe(true)
    expect(sightings.isConfirmed(hex(9), SIGHTINGS.rememberedMs + 1_000)).toBe(false)
    expect(sightings.remembered()).toEqual([{ mid: hex(9), wallMs: 1_000 }])
  })

  it('shows what one keeps back though others have told of it for long', () => {
    const sightings = new Sightings()
    const entry = source(1)
    sightings.told(entry, [mid(5)], 0)
    sightings.completed(entry)
    sightings.told(source(2), [mid(1), mid(5), mid(6)], 1_000)
    expect(sightings.hiddenBy(entry.key, 1e9)).toEqual([])
    sightings.told(source(3), [mid(1), mid(6)], 2_000)
    expect(sightings.hiddenBy(entry.key, 1_999 + SIGHTINGS.graceMs)).toEqual([])
    expect(sightings.hiddenBy(entry.key, 2_000 + SIGHTINGS.graceMs)).toEqual([hex(6)])
    sightings.told(entry, [mid(6)], 5_000)
    expect(sightings.hiddenBy(entry.key, 1e9)).toEqual([])
  })

  it('holds nothing against who has not told all, or was told of by his own kind alone', () => {
    const sightings = new Sightings()
    const entry = source(1, 'net 1', 'f')
    sightings.told(entry, [], 0)
    for (const each of [source(2), source(3, 'net 1'), source(4, 'net 4', 'f')]) {
      sightings.told(each, [mid(6)], 0)
    }
    expect(sightings.hiddenBy(entry.key, 1e9)).toEqual([])
    sightings.completed(entry)
    expect(sightings.hiddenBy(entry.key, 1e9)).toEqual([])
    sightings.told(source(5), [mid(6)], 0)
    expect(sightings.hiddenBy(entry.key, 1e9)).toEqual([hex(6)])
  })

  it('is bounded in sources, relays and memory', () => {
    const sightings = new Sightings()
    const many = Array.from({ length: SIGHTINGS.maxRelays + 10 }, (_, n) => mid(n))
    sightings.told(source(1), many, 0)
    expect(sightings.count('relay 1')).toBe(SIGHTINGS.maxRelays)
    for (let n = 2; n < 2 + SIGHTINGS.maxSources; n++) sightings.told(source(n), [mid(9)], 0)
    expect(sightings.count('relay 1')).toBe(0)
    expect(sightings.confirmedBy(hex(9))).toBe(SIGHTINGS.maxSources - 1)
    for (let n = 0; n < SIGHTINGS.maxConfirmed + 5; n++) sightings.remember(hex(n), n)
    expect(sightings.remembered()).toHaveLength(SIGHTINGS.maxConfirmed)
  })
})
