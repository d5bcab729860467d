/** Most bytes of one message of signalling, put together: a session description of a data channel has about 500. */
export const SIGNAL_MESSAGE_BYTES = 8_192
/** Most bytes of a message in one packet, so that it fits a UDP datagram with its header. */
export const SIGNAL_PART_BYTES = 1_200
/** Most parts of a message. */
export const SIGNAL_PARTS = Math.ceil(SIGNAL_MESSAGE_BYTES / SIGNAL_PART_BYTES)
/** Messages that one side may send in a session: its description, its candidates, the end. */
export const SIGNAL_MESSAGES = 24
/** Most bytes of messages of each side in a session, repetitions and headers not counted. */
export const SIGNAL_SESSION_BYTES = 16_384
/** A session is forgotten so long after its first message, by its ends and by the forwarder. */
export const SIGNAL_SESSION_MS = 60_000
/** The caller says everything again, this long after it said it, until the called side has answered. */
export const SIGNAL_REPEAT_MS = 2_500
/** So often. */
export const SIGNAL_REPEATS = 3

/** What a forwarder passes on of one session, both ways together: all messages, and each repeated. */
export const FORWARDED_SESSION_BYTES = 2 * (1 + SIGNAL_REPEATS) * SIGNAL_SESSION_BYTES
/** Sessions that a forwarder remembers at once. One takes about 300 bytes. */
export const FORWARDED_SESSIONS = 512
/** Sessions that one link may open in a minute, that are passed on; and, of a page, those that end here. */
export const SESSIONS_PER_LINK = 20
/** Sessions that one relay may be called in, in a minute, whoever calls: what a forwarder passes on, and what comes by one relay. */
export const SESSIONS_PER_RELAY = 60
/** Sessions that end here, at once; a call beyond is refused. */
export const OWN_SESSIONS = 128
/** Sessions that end here and are remembered, those included that are over, for as long as a repetition may come, or there is room. */
export const REMEMBERED_SESSIONS = 4 * OWN_SESSIONS
