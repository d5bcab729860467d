import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codeOf } from '../bytes/error-code.fixture.ts'
import { channelEnd, channelEndCode } from './channel-end.ts'
import { signals } from './signalling.fixture.ts'
import { decodeSignal, encodeSignal, refusalOf, SIGNAL_REFUSALS } from './signalling-messages.ts'

describe('packets of signalling (L-06)', () => {
  it('are read as they were written, and are 62 bytes and the piece', () => {
    fc.assert(
      fc.property(signals, (signal) => {
        const body = encodeSignal(signal)
        expect(body).toHaveLength(62 + signal.piece.length)
        expect(decodeSignal(body)).toEqual(signal)
      }),
    )
  })

  it.each([
    ['a kind that there is not', 16, 6, 'codec-kind'],
    ['a message beyond the last', 57, 24, 'codec-count'],
    ['a part beyond the last', 58, 1, 'codec-count'],
    ['no parts', 59, 0, 'codec-count'],
    ['too many parts', 59, 8, 'codec-count'],
    ['a piece that is too long', 60, 5, 'codec-length'],
    ['a piece cut short', 61, 1, 'codec-short'],
  ])('are refused with %s', (_what, at, value, code) => {
    const good = encodeSignal({
      session: new Uint8Array(16),
      kind: 'offer',
      from: new Uint8Array(20),
      to: new Uint8Array(20),
      message: 0,
      part: 0,
      parts: 1,
      piece: new Uint8Array(0),
    })
    expect(codeOf(() => decodeSignal(good))).toBe('none')
    expect(codeOf(() => decodeSignal(Uint8Array.from(good, (byte, i) => (i === at ? value : byte))))).toBe(
      code,
    )
  })

  it('name a reason for each refusal, and none for a number that is none', () => {
    for (const [name, number] of Object.entries(SIGNAL_REFUSALS))
      expect(refusalOf(Uint8Array.of(number))).toBe(name)
    expect(refusalOf(Uint8Array.of(99))).toBeUndefined()
    expect(refusalOf(new Uint8Array(0))).toBeUndefined()
  })
})

describe('the last message of a data channel (L-01)', () => {
  it('tells the close code, and is told from all others', () => {
    fc.assert(fc.property(fc.nat(0xffff), (code) => channelEndCode(channelEnd(code)) === code))
    expect(channelEnd(4_001)).toEqual(Uint8Array.of(0xff, 0xff, 0x0f, 0xa1))
    for (const other of [[], [0xff, 0xff, 1], [0, 2, 1, 1], [0xff, 0xff, 0, 0, 0]]) {
      expect(channelEndCode(Uint8Array.from(other))).toBeUndefined()
    }
  })
})
