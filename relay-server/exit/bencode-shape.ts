const [COLON, MINUS, ZERO, NINE] = [0x3a, 0x2d, 0x30, 0x39]
const [INTEGER, LIST, DICTIONARY, END] = [0x69, 0x6c, 0x64, 0x65]
/** What is nested deeper is nobody's answer. */
const MAX_DEPTH = 32
const MAX_DIGITS = 20

/**
 * Whether the bytes are one bencoded value and nothing else (BEP 3), as a tracker answers. Looks at each byte once, keeps
 * nothing, and does not mind the order of a dictionary's keys.
 */
export function isBencoded(bytes: Uint8Array): boolean {
  /** What is open: a list, or a dictionary that waits for a key or for its value. */
  const open: ('list' | 'key' | 'value')[] = []
  let at = 0
  do {
    const inside = open.at(-1)
    const byte = bytes[at]
    if (byte === END && (inside === 'list' || inside === 'key')) {
      open.pop()
      at++
    } else if (byte === INTEGER && inside !== 'key') {
      const end = integerEnd(bytes, at + 1)
      if (end === undefined) return false
      at = end
    } else if ((byte === LIST || byte === DICTIONARY) && inside !== 'key') {
      if (open.length >= MAX_DEPTH) return false
      open.push(byte === LIST ? 'list' : 'key')
      at++
      continue
    } else {
      const end = stringEnd(bytes, at)
      if (end === undefined) return false
      at = end
      if (inside === 'key') {
        open[open.length - 1] = 'value'
        continue
      }
    }
    // A value is done: of a dictionary, the next is a key.
    if (open.at(-1) === 'value') open[open.length - 1] = 'key'
  } while (open.length > 0)
  return at === bytes.length
}

/** Behind the digits and the `end` byte. */
function digits(bytes: Uint8Array, at: number, end: number): { value: number; behind: number } | undefined {
  let value = 0
  let i = at
  for (; i < at + MAX_DIGITS; i++) {
    const byte = bytes[i] ?? -1
    if (byte === end && i > at) return { value, behind: i + 1 }
    if (byte < ZERO || byte > NINE) return undefined
    value = value * 10 + (byte - ZERO)
  }
  return undefined
}

function integerEnd(bytes: Uint8Array, at: number): number | undefined {
  return digits(bytes, bytes[at] === MINUS ? at + 1 : at, END)?.behind
}

function stringEnd(bytes: Uint8Array, at: number): number | undefined {
  const length = digits(bytes, at, COLON)
  if (length === undefined || length.value > bytes.length - length.behind) return undefined
  return length.behind + length.value
}
