export { bytesToHex as toHex, concatBytes as concat, hexToBytes as fromHex } from '@noble/hashes/utils.js'

/** Whether both are the same bytes. Not constant-time: for public values only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** What an object costs besides its bytes; buffers larger than this beyond twice their use are worth a copy. */
const SPARE_BYTES = 256

/**
 * `bytes`, or a copy if they are a small part of a larger buffer, which they would keep from being freed. For what is kept:
 * bounds count the bytes, not what lies around them.
 */
export function unpinned(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength > 2 * bytes.length + SPARE_BYTES ? new Uint8Array(bytes) : bytes
}
