import { describe, expect, it } from 'vitest'
import { ChunkReader } from './http-chunks.ts'

/** The chunks that are read as a body comes in pieces of `size` bytes, and what came of it. */
function readIn(body: string, size: number) {
  const bytes = Buffer.from(body, 'latin1')
  const reader = new ChunkReader(0)
  const chunks: string[] = []
  let state = 'more'
  for (let end = Math.min(size, bytes.length); ; end = Math.min(end + size, bytes.length)) {
    state = reader.read(bytes, end, (from, to) => chunks.push(bytes.toString('latin1', from, to)))
    if (end === bytes.length) return { state, chunks }
  }
}

describe('a body in chunks from a hostile server (O-06)', () => {
  it.each([1, 2, 7, 1_000])('is read once, in pieces of %i bytes', (size) => {
    const body = '3\r\nabc\r\nA;x=y\r\n0\r\n\r\n01234\r\n0\r\n\r\n'
    expect(readIn(body, size)).toEqual({ state: 'whole', chunks: ['abc', '0\r\n\r\n01234'] })
    expect(readIn(body.slice(0, -7), size)).toEqual({ state: 'more', chunks: ['abc'] })
  })

  it.each(['x\r\n', '\r\n', ' 1\r\na\r\n', '1234567\r\n', '1 \r\na\r\n', `1;${'x'.repeat(300)}`])(
    'is given up at %j',
    (line) => {
      expect(readIn(`1\r\na\r\n${line}`, 1)).toEqual({ state: 'broken', chunks: ['a'] })
    },
  )
})
