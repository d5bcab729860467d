/** Why a connection ended other than by both sides finishing: nothing was heard in time, or the far side reset it. */
export type UtpEnd = 'timed-out' | 'connection-reset'

/** What a connection tells its application. Never called from within the call that made the connection. */
export interface UtpEvents {
  /** The far side has answered. Not called for a connection that was accepted: it is open from the start. */
  opened(): void
  /** The next bytes in order; the receiver's to keep. */
  data(chunk: Uint8Array): void
  /** Room again after `write` returned false. */
  drained(): void
  /** The far side has finished, and all its bytes were given. */
  ended(): void
  /** The last event, exactly once. Undefined after an orderly end of both directions or a local `destroy`. */
  closed(reason: UtpEnd | undefined): void
}
