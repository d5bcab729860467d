/** A relay that is to be an entry must have answered something within this time. */
export const ENTRY_ANSWER_MS = 3_000
/** The client looks for relays this often until there is a circuit, and then as often as the second. */
export const SEARCH_MS = 1_000
export const SEARCH_IDLE_MS = 30_000
/** Relays of the directory asked for others in one round. */
export const ASKED_PER_ROUND = 2

export const PROBE = {
  /** For a circuit to be there. */
  circuitMs: 60_000,
  /** For answers of the speed test. */
  testMs: 5_000,
  /** Answers that are asked for at once, and bytes in each. */
  window: 64,
  answerBytes: 1_200,
} as const
