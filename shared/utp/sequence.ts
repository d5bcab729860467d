/** How far the 16-bit sequence number `a` is ahead of `b`, in [-32768, 32767], wrapping at 2^16. */
export function sequenceDelta(a: number, b: number): number {
  return ((a - b) << 16) >> 16
}

/** How far the 32-bit timestamp `a` is ahead of `b`, in [-2^31, 2^31), wrapping at 2^32. */
export function timestampDelta(a: number, b: number): number {
  return (a - b) | 0
}

/** Milliseconds of a monotonic clock as uTP's 32-bit microseconds. */
export function microseconds(ms: number): number {
  return Math.floor(ms * 1000) >>> 0
}
