import { concat } from '../../bytes/bytes.ts'
import { below, type Random } from '../../world/random.ts'

/** Values that parsers trip over: zero, one, the ends of signed and unsigned ranges. */
const TELLING = [0, 1, 2, 3, 0x7f, 0x80, 0xfe, 0xff]

type Mutation = (random: Random, bytes: Uint8Array) => Uint8Array

function at(random: Random, bytes: Uint8Array): number {
  return below(random, Math.max(1, bytes.length))
}

/** Copies, writes over some bytes from `start` on. */
function overwrite(bytes: Uint8Array, start: number, values: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes)
  for (let i = 0; i < values.length && start + i < copy.length; i++) copy[start + i] = values[i] as number
  return copy
}

const MUTATIONS: readonly Mutation[] = [
  // A bit turned over.
  (random, bytes) => {
    const place = at(random, bytes)
    return overwrite(bytes, place, Uint8Array.of((bytes[place] ?? 0) ^ (1 << below(random, 8))))
  },
  // A telling byte.
  (random, bytes) =>
    overwrite(bytes, at(random, bytes), Uint8Array.of(TELLING[below(random, TELLING.length)] ?? 0)),
  // A telling 16-bit number: lengths and counts are such.
  (random, bytes) => {
    const value = TELLING[below(random, TELLING.length)] ?? 0
    return overwrite(bytes, at(random, bytes), Uint8Array.of(below(random, 2) === 0 ? 0 : value, value))
  },
  // Random bytes in a row.
  (random, bytes) => overwrite(bytes, at(random, bytes), random.bytes(1 + below(random, 16))),
  // Cut short.
  (random, bytes) => bytes.slice(0, at(random, bytes)),
  // Made longer.
  (random, bytes) => concat(bytes, random.bytes(1 + below(random, 64))),
  // A piece left out.
  (random, bytes) => {
    const place = at(random, bytes)
    return concat(bytes.slice(0, place), bytes.slice(place + 1 + below(random, 16)))
  },
  // A piece put in.
  (random, bytes) => {
    const place = at(random, bytes)
    return concat(bytes.slice(0, place), random.bytes(1 + below(random, 16)), bytes.slice(place))
  },
  // A piece twice.
  (random, bytes) => {
    const place = at(random, bytes)
    return concat(bytes.slice(0, place + 8), bytes.slice(place))
  },
  // As large as a datagram gets.
  (random, bytes) => concat(bytes, random.bytes(1_400)),
]

/** A changed copy: one to three mutations, each by chance. Now and then the bytes as they were, which is a replay. */
export function mutated(random: Random, bytes: Uint8Array): Uint8Array {
  let result = bytes
  for (let i = below(random, 4); i > 0; i--) {
    const mutation = MUTATIONS[below(random, MUTATIONS.length)] as Mutation
    result = mutation(random, result)
  }
  return result === bytes ? bytes.slice() : result
}
