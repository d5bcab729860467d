import { describe, expect, it } from 'vitest'
import { toHex } from '../bytes/bytes.ts'
import type { VerdictRecord } from '../directory/verdict-record.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { TrustBook } from '../trust/trust-book.ts'
import { OpinionsHeard } from './opinions-heard.ts'
import type { Source } from './sightings.ts'

const HOUR_MS = 3_600_000
const mid = new Uint8Array(20).fill(7)

function source(i: number): Source {
  return {
    key: `relay ${i}`,
    mid: toHex(new Uint8Array(20).fill(100 + i)),
    network: `network ${i}`,
    family: '',
  }
}

function opinion(age: number, checks = 0b11111): VerdictRecord {
  return { mid, checks, score: 100, reputation: 80, age }
}

describe('what relays said of each other (D-06)', () => {
  it('gets older with each round until it counts no more', () => {
    const clock = new VirtualClock()
    const book = new TrustBook({ clock })
    const heard = new OpinionsHeard(book, clock)
    for (const i of [1, 2, 3]) heard.told(source(i), [opinion(60)], () => true)
    const checkedMs = clock.wall() - HOUR_MS
    for (let hour = 0; hour < 23; hour++) {
      heard.settle()
      expect(book.verdict(mid)).toMatchObject({ by: 'others', voices: 3, checkedMs })
      clock.advance(HOUR_MS)
    }
    // Those that have not been heard since say nothing beside one that has.
    heard.told(source(1), [opinion(0)], () => true)
    for (let hour = 0; hour < 24; hour++) {
      heard.settle()
      clock.advance(HOUR_MS)
    }
    expect(book.verdict(mid)).toMatchObject({ by: undefined, voices: 0 })
  })

  it('counts as the relay of a network says that spoke last', () => {
    const clock = new VirtualClock()
    const book = new TrustBook({ clock })
    const heard = new OpinionsHeard(book, clock)
    for (const i of [1, 2, 3]) heard.told(source(i), [opinion(0, 0b00111)], () => true)
    for (const i of [1, 2, 3]) {
      heard.told({ ...source(i + 3), network: source(i).network }, [opinion(0)], () => true)
    }
    heard.settle()
    expect(book.verdict(mid)).toMatchObject({ score: 1, voices: 3 })
  })
})
