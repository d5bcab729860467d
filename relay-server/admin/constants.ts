/** The admin API. */
export const ADMIN_LIMITS = {
  /** A request's body: a method's name, or a key. */
  bodyBytes: 4_096,
  headerBytes: 8_192,
  requestMs: 10_000,
  connections: 16,
  /** Bytes of the secret. */
  tokenBytes: 32,
} as const
