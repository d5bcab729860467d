/** The longest line before a chunk: its size, and extensions that nobody uses. */
const LINE_BYTES = 256
/** The digits of a size: up to 16 MiB, which is more than any response may have. */
const SIZE_DIGITS = 6
const [LF, CR, SEMICOLON] = [0x0a, 0x0d, 0x3b]

/**
 * Reads a body in chunks (RFC 9112 §7.1) that is still coming in. Goes on where it stopped, so that each byte is looked at
 * once, however small the pieces that it comes in.
 */
export class ChunkReader {
  /** Where the next chunk's line begins. */
  private at: number
  private state: 'more' | 'whole' | 'broken' = 'more'

  constructor(at: number) {
    this.at = at
  }

  /**
   * Reads the chunks that are there.
   * @param end of what has come in
   * @param content is told where the content of each of them is
   * @returns `whole` from the last chunk on, which is the empty one; what comes behind it is not looked at
   */
  read(
    bytes: Uint8Array,
    end: number,
    content?: (start: number, end: number) => void,
  ): 'more' | 'whole' | 'broken' {
    while (this.state === 'more') {
      const start = lineEnd(bytes, this.at, end)
      const length = start === undefined ? undefined : sizeAt(bytes, this.at)
      if (start === undefined || length === undefined) {
        if (start !== undefined || end - this.at > LINE_BYTES) this.state = 'broken'
        break
      }
      if (length === 0) this.state = 'whole'
      else if (start + length + 2 > end) break
      else {
        content?.(start, start + length)
        this.at = start + length + 2
      }
    }
    return this.state
  }
}

/** Behind the line's CR LF; undefined if that is not there, or too far. */
function lineEnd(bytes: Uint8Array, at: number, end: number): number | undefined {
  for (let i = at + 1; i < Math.min(end, at + LINE_BYTES); i++) {
    if (bytes[i] === LF && bytes[i - 1] === CR) return i + 1
  }
  return undefined
}

/** The size that a line begins with; undefined if it begins with none. */
function sizeAt(bytes: Uint8Array, at: number): number | undefined {
  let size = 0
  for (let i = at; i <= at + SIZE_DIGITS; i++) {
    const byte = bytes[i] ?? 0
    if (i > at && (byte === SEMICOLON || byte === CR)) return size
    const digit = Number.parseInt(String.fromCharCode(byte), 16)
    if (Number.isNaN(digit)) return undefined
    size = size * 16 + digit
  }
  return undefined
}
