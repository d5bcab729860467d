/*
 * Volunteers (docs/links.md): a page passes on the connection of another that reaches no relay. All limits of the relay that
 * brings them together, of the volunteer, and of the page that is helped.
 */

/** Most characters of an offer or an answer, as JSON. */
export const BRIDGE_BODY_BYTES = 8_192
/** A description is complete when no candidate has come for so long after one did. */
export const GATHER_QUIET_MS = 500
/** Or after this, whatever may still come. */
export const GATHER_MS = 3_000

/** The relay's; every number can be configured. */
export const BROKER_LIMITS = {
  /** Pages that offer themselves, remembered at once. */
  volunteers: 256,
  /** Questions in a minute: of all, and of one IPv4 address or IPv6 /64. */
  asksPerMinute: 120,
  asksPerMinutePerAddress: 6,
}
export type BrokerLimits = { readonly [K in keyof typeof BROKER_LIMITS]: number }
/** Volunteers asked for one question, one after the other. */
export const BROKER_TRIES = 3
/** So long one volunteer may take to answer. */
export const BROKER_ANSWER_MS = 6_000
/** One that brought no answer is left out for so long, whatever it offers. */
export const BROKER_REST_MS = 60_000
/** Questions under way at once. */
export const BROKER_PENDING = 32

/** What a volunteer gives, unless it says otherwise. */
export const VOLUNTEER_LIMITS = {
  /** Each way, all people together. */
  bytesPerSecond: 250_000,
  /** Both ways together, in a day (UTC). */
  bytesPerDay: 500_000_000,
  people: 3,
}
export type VolunteerLimits = { readonly [K in keyof typeof VOLUNTEER_LIMITS]: number }
/** Of one person, each way: waiting for its turn or in the pipe. Neither pipe can be told to wait, so more ends it. */
export const PASSAGE_WAITING_BYTES = 131_072
/** Added to each message, so that a flood of tiny ones counts for something. */
export const PASSAGE_MESSAGE_BYTES = 64
/** Both ends must be open within this time. */
export const PASSAGE_OPEN_MS = 20_000
/** Nothing either way for so long, and the place is for somebody else; links ask for signs of life more often. */
export const PASSAGE_IDLE_MS = 150_000

/** What one person is given to begin with, bytes per second. */
export const PACE_START = 64_000
export const PACE_LEAST = 8_000
export const PACE_LOOK_MS = 500
/** Less waits than that: a quarter more. */
export const PACE_LOW_BYTES = 8_192
/** More waits: half, and again no sooner than a second later. */
export const PACE_HIGH_BYTES = 32_768
export const PACE_CUT_MS = 1_000
/** Of the rate, what all together are told: the rest is for what is said before it is heard. */
export const PACE_SHARE = 0.9

/** The page asks for a volunteer when its other ways have not opened for so long. */
export const BRIDGE_WAIT_MS = 2_000
/** And no sooner than so long after it asked last: five questions a minute, where the relay takes six. */
export const BRIDGE_AGAIN_MS = 12_000
/** From the question to the proof of keys. */
export const BRIDGE_CONNECT_MS = 30_000
