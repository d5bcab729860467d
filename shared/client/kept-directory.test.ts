import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CodecError } from '../bytes/error.ts'
import { codeOf } from '../bytes/error-code.fixture.ts'
import { readKept, writeKept } from './kept-directory.ts'

describe('what a client keeps between two runs (W-02)', () => {
  it('comes out as it went in, to the second', () => {
    const some = {
      descriptors: [new Uint8Array([1, 2, 3]), new Uint8Array(995)],
      confirmed: [{ mid: 'ab'.repeat(20), wallMs: 1_790_000_000_000 }],
      trust: new Uint8Array([9, 9]),
    }
    expect(readKept(writeKept(some))).toEqual(some)
    const late = writeKept({ ...some, confirmed: [{ mid: 'ab'.repeat(20), wallMs: 1_999 }] })
    expect(readKept(late).confirmed[0]?.wallMs).toBe(1_000)
  })

  it('is bounded, however much there is', () => {
    const confirmed = Array.from({ length: 9_000 }, (_, n) => ({
      mid: n.toString(16).padStart(40, '0'),
      wallMs: 1_000 * n,
    }))
    const kept = readKept(writeKept({ descriptors: [], confirmed, trust: new Uint8Array() }))
    expect(kept.confirmed).toHaveLength(8_000)
    expect(kept.confirmed.at(-1)?.wallMs).toBe(8_999_000)
  })

  it('is refused when it is of another version, too large, or damaged, with one error', () => {
    const bytes = writeKept({ descriptors: [new Uint8Array(5)], confirmed: [], trust: new Uint8Array() })
    expect(codeOf(() => readKept(bytes.with(0, 2)))).toBe('kept-directory-version')
    expect(codeOf(() => readKept(new Uint8Array(8 * 1024 * 1024 + 1)))).toBe('kept-directory-size')
    expect(codeOf(() => readKept(bytes.with(1, 255)))).toBe('codec-count')
    expect(codeOf(() => readKept(bytes.subarray(0, 9)))).toBe('codec-short')
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (any) => {
        try {
          readKept(new Uint8Array([1, 0, 0, ...any]))
        } catch (error) {
          expect(error).toBeInstanceOf(CodecError)
        }
      }),
    )
  })
})
