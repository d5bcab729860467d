import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CodecError } from '../bytes/error.ts'
import { mutated } from '../sim/fuzz/mutate.fixture.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { checksOf } from './checks.ts'
import { WARNING_BIT } from './opinions.ts'
import { ip, keyPairOf } from './town.fixture.ts'
import { TrustBook, type TrustBookOptions } from './trust-book.ts'
import type { Voice } from './trust-judge.ts'
import { MISBEHAVIOURS } from './verdict.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** A mid that is told from others by two bytes. */
const midOf = (n: number) =>
  Uint8Array.from({ length: 20 }, (_, i) => (i === 0 ? n >> 8 : i === 1 ? n & 255 : 7))
const ALL = checksOf(0b11111)
const SILENT = checksOf(0b00111)
const SPY = checksOf(0b00100)

function newBook(options: Omit<Partial<TrustBookOptions>, 'clock'> = {}) {
  const clock = new VirtualClock(1_790_000_000_000)
  return { clock, book: new TrustBook({ clock, ...options }) }
}

const relay = (n: number, claimed = true) => ({ address: ip(`11.0.${n & 255}.1`), mid: midOf(n), claimed })

describe('standing of a relay (D-06, D-10)', () => {
  it('is unproven for one that nobody knows', () => {
    const { book } = newBook()
    expect(book.verdict(midOf(1))).toEqual({
      checks: checksOf(0, 0),
      score: 0,
      reputation: 0.5,
      class: 'unchecked',
      standing: 'unproven',
      reasons: ['not-checked', 'few-observations'],
      checkedMs: undefined,
      by: undefined,
      voices: 0,
      byHand: undefined,
    })
    expect(book.list()).toEqual([])
  })

  it('is trusted with all checks passed, and until they are too old', () => {
    const { book, clock } = newBook()
    expect(book.recordChecks(relay(1), ALL)).toMatchObject({
      score: 1,
      class: 'high',
      standing: 'trusted',
      by: 'self',
      checkedMs: clock.wall(),
    })
    expect(book.verdict(midOf(1)).reasons).toContain('proved-key')
    clock.advance(DAY)
    expect(book.verdict(midOf(1))).toMatchObject({ standing: 'unproven', by: undefined, score: 0 })
  })

  it('takes the proof as well as the score, and the threshold exactly', () => {
    const standing = (bits: number, trustThreshold = 0.7) => {
      const { book } = newBook({ checks: { trustThreshold } })
      book.recordChecks(relay(1), checksOf(bits))
      return book.verdict(midOf(1)).standing
    }
    // 0.8 without the proof, 0.8 with it, 0.6 with it.
    expect([standing(0b01111), standing(0b11110), standing(0b11100)]).toEqual([
      'unproven',
      'trusted',
      'unproven',
    ])
    expect([standing(0b11110, 0.8), standing(0b11110, 0.81), standing(0b11100, 0.6)]).toEqual([
      'trusted',
      'unproven',
      'trusted',
    ])
  })

  it('falls to suspect for what it does, and to blocked', () => {
    const { book, clock } = newBook()
    book.recordChecks(relay(1), ALL)
    book.recordMisbehaviour(midOf(1), 'wrong-address')
    expect(book.verdict(midOf(1))).toMatchObject({ standing: 'suspect', score: 1 })
    expect(book.verdict(midOf(1)).reasons).toContain('wrong-address')
    expect(book.isBlocked(midOf(1))).toBe(false)
    book.recordMisbehaviour(midOf(1), 'altered-data')
    expect(book.verdict(midOf(1)).standing).toBe('blocked')
    expect(book.isBlocked(midOf(1))).toBe(true)
    clock.advance(60 * DAY)
    expect(book.isBlocked(midOf(1))).toBe(false)
  })

  it('is what the user says, whatever else there is', () => {
    const { book } = newBook()
    book.recordChecks(relay(1), SPY)
    expect(book.verdict(midOf(1)).standing).toBe('blocked')
    book.markByHand(midOf(1), 'trusted')
    expect(book.verdict(midOf(1))).toMatchObject({ standing: 'trusted', byHand: 'trusted' })
    expect(book.verdict(midOf(1)).reasons[0]).toBe('trusted-by-hand')
    book.recordChecks(relay(2), ALL)
    book.markByHand(midOf(2), 'blocked')
    expect(book.isBlocked(midOf(2))).toBe(true)
    book.markByHand(midOf(2), undefined)
    expect(book.verdict(midOf(2)).standing).toBe('trusted')
    book.markByHand(midOf(3), 'blocked')
    expect(book.list().map(({ mid }) => mid)).toContainEqual(midOf(3))
  })

  it('moves the version with everything that changes it', () => {
    const { book } = newBook()
    const versions = [book.version]
    for (const change of [
      () => book.recordChecks(relay(1), ALL),
      () => book.recordCircuit(midOf(1), false),
      () => book.recordBandwidth(midOf(1), 5, 5),
      () => book.recordMisbehaviour(midOf(1), 'probe-only'),
      () => book.markByHand(midOf(1), 'blocked'),
      () => book.unblockAddress(ip('11.0.0.1')),
      () => book.restore(book.snapshot()),
    ]) {
      change()
      versions.push(book.version)
    }
    expect(new Set(versions).size).toBe(versions.length)
  })
})

describe('spies (D-06)', () => {
  it('are blocked at once, by key and by address, and remembered for 90 days', () => {
    const { book, clock } = newBook()
    const { address, mid } = relay(1)
    expect(book.recordChecks(relay(1), SPY)).toMatchObject({ class: 'spy', standing: 'blocked' })
    expect(book.verdict(mid).reasons).toContain('spy')
    expect(book.isBlocked(mid) && book.isBlocked(address)).toBe(true)
    expect(book.isBlocked({ ...address, port: 7_001 })).toBe(false)
    clock.advance(89 * DAY)
    expect(book.isBlocked(mid) && book.isBlocked(address)).toBe(true)
    clock.advance(DAY)
    expect(book.isBlocked(mid) || book.isBlocked(address)).toBe(false)
  })

  it('cannot be made of others: a key that did not claim the address is not to blame for it', () => {
    const { book } = newBook()
    expect(book.recordChecks(relay(1, false), SPY)).toBeUndefined()
    expect(
      book.recordChecks({ address: ip('11.0.0.9'), mid: undefined, claimed: false }, SPY),
    ).toBeUndefined()
    expect(book.isBlocked(midOf(1))).toBe(false)
    expect(book.verdict(midOf(1)).by).toBeUndefined()
    expect(book.isBlocked(relay(1).address) && book.isBlocked(ip('11.0.0.9'))).toBe(true)
    // Silence at an address that others named neither.
    book.recordChecks(relay(2), ALL)
    book.recordChecks(relay(2, false), SILENT)
    expect(book.verdict(midOf(2)).standing).toBe('trusted')
  })

  it('cannot be made of an address by others who claim it: it may be that of a relay that is silent for once', () => {
    const { book } = newBook()
    // With a key that is none, at a low port.
    book.recordChecks(relay(1), checksOf(0b00001))
    expect(book.isBlocked(midOf(1))).toBe(true)
    expect(book.isBlocked(relay(1).address)).toBe(false)
  })

  it('are forgotten by hand, or when they pass', () => {
    const { book } = newBook()
    book.recordChecks(relay(1), SPY)
    book.recordChecks(relay(2), SPY)
    book.restore(book.snapshot())
    book.markByHand(midOf(1), undefined)
    expect(book.isBlocked(relay(2).address)).toBe(true)
    book.markByHand(midOf(2), 'blocked')
    expect(book.isBlocked(relay(2).address)).toBe(true)
    book.markByHand(midOf(2), 'trusted')
    expect(book.isBlocked(relay(2).address)).toBe(false)
    expect(book.verdict(midOf(1)).standing).toBe('suspect')
    expect(book.isBlocked(relay(1).address)).toBe(false)
    book.recordChecks(relay(1, false), SPY)
    book.markByHand(midOf(1), undefined)
    expect(book.isBlocked(relay(1).address)).toBe(true)
    book.unblockAddress(relay(1).address)
    expect(book.isBlocked(relay(1).address)).toBe(false)
    book.recordChecks(relay(1), SPY)
    book.recordChecks(relay(1), ALL)
    expect(book.verdict(midOf(1)).standing).toBe('trusted')
    expect(book.isBlocked(relay(1).address)).toBe(false)
  })
})

describe('what others say (D-10)', () => {
  const voice = (network: string, fields: Partial<Voice['opinion']> = {}): Voice => ({
    network,
    opinion: { mid: midOf(1), checks: 0b11111, score: 100, reputation: 80, age: 5, ...fields },
  })

  it('counts from three networks on, each with one vote', () => {
    const { book, clock } = newBook()
    book.recordOpinions(midOf(1), [voice('a'), voice('a'), voice('a'), voice('b')])
    expect(book.verdict(midOf(1)).by).toBeUndefined()
    book.recordOpinions(midOf(1), [voice('a'), voice('a', { checks: 0 }), voice('b'), voice('c')])
    const verdict = book.verdict(midOf(1))
    expect(verdict).toMatchObject({ by: 'others', voices: 3, score: 1, standing: 'trusted' })
    expect(verdict.reputation).toBeCloseTo(0.8)
    expect(verdict.checkedMs).toBe(clock.wall() - 5 * 60_000)
    expect(verdict.reasons).toContain('told-by-others')
    clock.advance(DAY)
    expect(book.verdict(midOf(1)).by).toBeUndefined()
  })

  it('is a median: one liar of three changes nothing, in either direction', () => {
    const honest = [voice('a'), voice('b')]
    const praised = newBook().book
    praised.recordOpinions(midOf(1), [
      voice('a', { checks: 0b00111, reputation: 30 }),
      voice('b', { checks: 0b00111, reputation: 30 }),
      voice('liar', { reputation: 100 }),
    ])
    expect(praised.verdict(midOf(1))).toMatchObject({ score: 0.6, standing: 'unproven' })
    const defamed = newBook().book
    const lie = { checks: WARNING_BIT, reputation: 0, age: 65_535 }
    defamed.recordOpinions(midOf(1), [...honest, voice('liar', lie)])
    expect(defamed.verdict(midOf(1))).toMatchObject({ score: 1, standing: 'trusted' })
  })

  it('blocks nobody, and gives way to what was seen here', () => {
    const { book, clock } = newBook()
    const warn = ['a', 'b', 'c'].map((network) => voice(network, { checks: WARNING_BIT, reputation: 0 }))
    book.recordOpinions(midOf(1), warn)
    expect(book.verdict(midOf(1))).toMatchObject({ standing: 'suspect', class: 'spy' })
    expect(book.verdict(midOf(1)).reasons).toContain('others-warn')
    book.recordChecks(relay(1), ALL)
    expect(book.verdict(midOf(1))).toMatchObject({ standing: 'suspect', by: 'self' })
    for (let i = 0; i < 12; i++) {
      clock.advance(HOUR)
      book.recordCircuit(midOf(1), true)
    }
    expect(book.verdict(midOf(1))).toMatchObject({ standing: 'trusted', by: 'self' })
  })

  it('is told without what others said, without marks, and without what is too old', () => {
    const { book, clock } = newBook()
    book.recordChecks(relay(1), ALL)
    book.recordOpinions(
      midOf(1),
      ['a', 'b', 'c'].map((network) => voice(network, { reputation: 0 })),
    )
    book.recordOpinions(
      midOf(2),
      ['a', 'b', 'c'].map((network) => voice(network)),
    )
    book.markByHand(midOf(1), 'blocked')
    clock.advance(30 * 60_000)
    const [own, ...others] = book.opinions()
    expect(others).toEqual([])
    expect(own).toMatchObject({ mid: midOf(1), checks: 0b11111, score: 100, age: 30 })
    expect(own?.reputation).toBeGreaterThan(50)
    book.recordMisbehaviour(midOf(1), 'altered-data')
    expect(book.opinions()[0]?.checks).toBe(0b11111 | WARNING_BIT)
    clock.advance(DAY)
    expect(book.opinions()).toEqual([])
  })
})

describe('what the book keeps (D-06, D-10)', () => {
  it('is bounded, and what was caught goes last', () => {
    const { book, clock } = newBook({ book: { maxRelays: 50, maxSpies: 20, maxMarks: 10 } })
    book.recordChecks(relay(1), ALL)
    book.recordMisbehaviour(midOf(1), 'altered-data')
    for (let n = 2; n < 500; n++) {
      clock.advance(1_000)
      book.recordChecks(relay(n), ALL)
      book.recordChecks(relay(10_000 + n), SPY)
      book.markByHand(midOf(20_000 + n), 'blocked')
    }
    expect(book.list().length).toBeLessThanOrEqual(50 + 20 + 10)
    expect(book.verdict(midOf(1)).standing).toBe('suspect')
    expect(book.verdict(midOf(499)).standing).toBe('trusted')
    expect(book.verdict(midOf(2)).by).toBeUndefined()
    expect(book.snapshot().length).toBeLessThan(12_000)
  })

  it('is not emptied by whoever makes keys that prove nothing', () => {
    const { book, clock } = newBook({ book: { maxRelays: 50 } })
    for (let n = 0; n < 20; n++) book.recordChecks(relay(n), ALL)
    book.recordChecks(relay(19), SILENT)
    clock.advance(1_000)
    for (let n = 100; n < 500; n++) book.recordChecks(relay(n), SILENT)
    expect(Array.from({ length: 20 }, (_, n) => book.verdict(midOf(n)).by)).toEqual(Array(20).fill('self'))
    expect(book.list()).toHaveLength(50)
  })

  it('is not filled by questions', () => {
    const { book } = newBook()
    for (let n = 0; n < 100; n++) book.verdict(midOf(n))
    expect(book.list()).toEqual([])
    expect(book.snapshot().length).toBe(32)
  })

  it('is whole again after a restart', () => {
    const { book, clock } = newBook()
    book.recordChecks(relay(1), ALL)
    book.recordChecks({ ...relay(2), address: ip('2a01:4f8::1') }, SPY)
    book.recordMisbehaviour(midOf(3), 'wrong-address')
    book.markByHand(midOf(4), 'blocked')
    book.markByHand(midOf(5), 'trusted')
    for (let i = 0; i < 9; i++) {
      clock.advance(2 * HOUR)
      book.recordCircuit(midOf(1), i % 3 > 0)
      book.recordBandwidth(midOf(1), 100, 45)
    }
    clock.advance(400)
    const again = new TrustBook({ clock })
    again.restore(book.snapshot())
    const verdicts = (of: TrustBook) =>
      of.list().map(({ mid, verdict: { reputation, checkedMs, ...rest } }) => ({
        mid,
        ...rest,
        reputation: Math.round(1000 * reputation),
        checkedS: checkedMs && Math.round(checkedMs / 1000),
      }))
    expect(verdicts(again)).toEqual(verdicts(book))
    expect(verdicts(again).map(({ standing }) => standing)).toEqual([
      ...['trusted', 'blocked', 'suspect', 'blocked', 'trusted'],
    ])
    expect(again.isBlocked(ip('2a01:4f8::1'))).toBe(true)
    expect(again.snapshot()).toEqual(book.snapshot())
  })

  it('reads back what it wrote, of any history', () => {
    const step = fc.oneof(
      fc.tuple(fc.constant('checks' as const), fc.nat(31)),
      fc.tuple(fc.constant('circuit' as const), fc.nat(1)),
      fc.tuple(fc.constant('caught' as const), fc.nat(MISBEHAVIOURS.length - 1)),
      fc.tuple(fc.constant('mark' as const), fc.nat(2)),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(step, fc.nat(9), fc.nat(HOUR))), (steps) => {
        const { book, clock } = newBook()
        for (const [[what, value], n, passedMs] of steps) {
          clock.advance(passedMs)
          if (what === 'checks') book.recordChecks(relay(n), checksOf(value))
          if (what === 'circuit') book.recordCircuit(midOf(n), value === 1)
          if (what === 'caught') book.recordMisbehaviour(midOf(n), MISBEHAVIOURS[value] ?? 'probe-only')
          if (what === 'mark') book.markByHand(midOf(n), ([undefined, 'blocked', 'trusted'] as const)[value])
        }
        const again = new TrustBook({ clock })
        again.restore(book.snapshot())
        expect(again.snapshot()).toEqual(book.snapshot())
      }),
      { numRuns: 50 },
    )
  })

  it('refuses what is damaged, and changes nothing then', () => {
    const { book, clock } = newBook()
    book.recordChecks(relay(1), ALL)
    const good = book.snapshot()
    const other = new TrustBook({ clock })
    other.markByHand(midOf(9), 'blocked')
    const before = other.snapshot()
    const random = new SeededRandom(8)
    for (let i = 0; i < 500; i++) {
      const bytes = mutated(random, good)
      try {
        other.restore(bytes)
        expect(bytes).toEqual(good)
        other.restore(before)
      } catch (error) {
        expect(error).toBeInstanceOf(CodecError)
        expect((error as CodecError).code).toBe('trust-snapshot')
      }
      expect(other.snapshot()).toEqual(before)
    }
  })

  it('does not last for ever because the clock was wrong', () => {
    const ahead = new VirtualClock(1_990_000_000_000)
    const book = new TrustBook({ clock: ahead })
    book.recordChecks(relay(1), SPY)
    book.recordMisbehaviour(midOf(2), 'altered-data')
    const { book: again, clock } = newBook()
    again.restore(book.snapshot())
    expect(again.isBlocked(midOf(1))).toBe(true)
    clock.advance(91 * DAY)
    expect(again.isBlocked(midOf(1))).toBe(false)
    expect(again.verdict(midOf(2)).standing).not.toBe('blocked')
  })
})

describe('mids in the book', () => {
  it('are those of keys', () => {
    const { book } = newBook()
    const { publicKey } = keyPairOf(3)
    book.recordChecks({ address: ip('11.0.0.1'), mid: publicKey.mid, claimed: true }, ALL)
    expect(book.list()[0]?.mid).toEqual(publicKey.mid)
  })
})
