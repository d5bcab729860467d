/** Wires over datagrams; see datagram-wires.ts. */
export const DATAGRAM_LIMITS = {
  /** Wires, and handshakes on their way. */
  sessions: 512,
  /** Handshakes that strangers have begun. */
  pending: 64,
  /** Questions that are answered with a signature. */
  questionsPerSecond: 20,
  questionBurst: 60,
  /** How often one answer is given to the same question. */
  repeats: 6,
} as const

/** A question without an answer is asked again after half a second, then each time after twice as long, up to 4 s. */
export const DATAGRAM_RETRY = { firstMs: 500, factor: 2, capMs: 4_000, tries: 5 } as const
