import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_MESSAGE_BYTES } from './constants.ts'
import { STREAM_HEADER_BYTES, StreamMessageReader, streamEnd, streamMessage } from './stream-messages.ts'

function reading(maxBytes?: number) {
  const messages: Uint8Array[] = []
  const ends: number[] = []
  const broken: number[] = []
  const reader = new StreamMessageReader(
    {
      onMessage: (message) => messages.push(message.slice()),
      onEnd: (code) => ends.push(code),
      onBroken: (length) => broken.push(length),
    },
    maxBytes,
  )
  return { reader, messages, ends, broken }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** `bytes` cut into chunks of these lengths, over and over. */
function* chunksOf(bytes: Uint8Array, lengths: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = lengths[i % lengths.length] ?? 1
    yield bytes.slice(at, at + length)
    at += length
  }
}

const message = fc.uint8Array({ minLength: 1, maxLength: 300 })
const cuts = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 6 })

describe('messages over a stream (L-01)', () => {
  it('come out as they went in, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 20 }), cuts, fc.nat(0xffff), (sent, lengths, code) => {
        const { reader, messages, ends, broken } = reading()
        for (const chunk of chunksOf(joined([...sent.map(streamMessage), streamEnd(code)]), lengths)) {
          reader.receive(chunk)
        }
        expect(messages).toEqual(sent)
        expect(ends).toEqual([code])
        expect(broken).toEqual([])
        expect(reader.kept).toBe(0)
      }),
    )
  })

  it('may have any length from 1 to 65,536 bytes', () => {
    for (const length of [1, 2, MAX_MESSAGE_BYTES - 1, MAX_MESSAGE_BYTES]) {
      for (const cut of [1_000, 65_536, 1_000_000]) {
        const { reader, messages } = reading()
        const sent = new Uint8Array(length).fill(length)
        for (const chunk of chunksOf(streamMessage(sent), [cut])) reader.receive(chunk)
        expect(messages).toEqual([sent])
      }
    }
  })

  it('break the stream by a length out of range, before a byte behind it is kept', () => {
    fc.assert(
      fc.property(fc.integer({ min: MAX_MESSAGE_BYTES + 1, max: 0xffff_ffff }), cuts, (length, lengths) => {
        const { reader, messages, broken } = reading()
        const bytes = joined([
          streamMessage(Uint8Array.of(7)),
          Uint8Array.of(length >>> 24, length >>> 16, length >>> 8, length),
          new Uint8Array(5_000),
        ])
        for (const chunk of chunksOf(bytes, lengths)) {
          reader.receive(chunk)
          expect(reader.kept).toBeLessThanOrEqual(STREAM_HEADER_BYTES)
        }
        expect(broken).toEqual([length])
        expect(messages).toEqual([Uint8Array.of(7)])
      }),
    )
  })

  it('are held to a shorter length for as long as that is set', () => {
    const { reader, messages, broken } = reading(10)
    reader.receive(streamMessage(new Uint8Array(10)))
    expect(messages).toHaveLength(1)
    reader.maxBytes = 20
    reader.receive(streamMessage(new Uint8Array(20)))
    expect(messages).toHaveLength(2)
    reader.receive(streamMessage(new Uint8Array(21)))
    expect(broken).toEqual([21])
  })

  it('keep at most one message that is not whole, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), (garbage) => {
        const { reader, broken, ends } = reading(1_000)
        for (const chunk of garbage) {
          reader.receive(chunk)
          expect(reader.kept).toBeLessThan(STREAM_HEADER_BYTES + 1_000)
        }
        expect(broken.length + ends.length).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('are not read after the end, nor after a stop', () => {
    const first = reading()
    first.reader.receive(joined([streamEnd(4001), streamMessage(Uint8Array.of(1))]))
    first.reader.receive(streamMessage(Uint8Array.of(2)))
    expect([first.messages, first.ends]).toEqual([[], [4001]])
    const second = reading()
    second.reader.receive(Uint8Array.of(0, 0, 0, 2, 1))
    second.reader.stop()
    second.reader.receive(Uint8Array.of(1))
    expect([second.messages, second.reader.kept]).toEqual([[], 0])
  })

  it('may stop the reading from within a message', () => {
    const got: number[] = []
    const reader: StreamMessageReader = new StreamMessageReader({
      onMessage: (each) => {
        got.push(each[0] ?? 0)
        reader.stop()
      },
      onEnd: () => got.push(-1),
      onBroken: () => got.push(-2),
    })
    reader.receive(joined([streamMessage(Uint8Array.of(1)), streamMessage(Uint8Array.of(2))]))
    expect(got).toEqual([1])
  })
})
