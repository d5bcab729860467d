/** All limits of this room. Sizes in bytes, times in milliseconds. */

/** The status line and headers of one HTTP response. */
export const HTTP_HEADER_BYTES = 16_384
/** The body of an answer to a range: a web seed sends at most what is missing of one piece. */
export const HTTP_RANGE_BODY_BYTES = 64 * 1024 * 1024
/** Any other body: a tracker's answer, or a torrent file. */
export const HTTP_BODY_BYTES = 8 * 1024 * 1024
/** One line of a chunked body: its size and extensions. */
export const HTTP_LINE_BYTES = 1_024
export const HTTP_REDIRECTS = 5
/** From the request until the whole response is here. */
export const HTTP_TIMEOUT_MS = 60_000
/** Without a byte from the far side. */
export const HTTP_SILENCE_MS = 25_000
export const URL_BYTES = 8_192

/** How long a peer may be tried over TCP alone before uTP is tried as well. */
export const UTP_HEAD_START_MS = 1_500
/**
 * How long uTP may take where TCP was opened and closed without a word. Short: more often than uTP such a peer wants
 * encryption, which is tried next.
 */
export const SECOND_CHANCE_MS = 2_500
/** Kept of what was written before either of the two opened: a BitTorrent handshake, encrypted or not, is below 2 KiB. */
export const EARLY_BYTES = 65_536

/** The largest uTP packet that we send: fits the 1,300 bytes that a circuit carries of a datagram. */
export const UTP_PACKET_BYTES = 1_280
/** One second's worth at 2 MB/s: round trips over three hops and to the peer. */
export const UTP_RECEIVE_BUFFER_BYTES = 2 * 1024 * 1024
export const UTP_CONNECT_TIMEOUT_MS = 10_000

/** uTP connections over one end-to-end circuit: one is the rule, a second comes when both sides connect. */
export const HIDDEN_CONNECTIONS = 4
/** A round trip goes over five relays and back. */
export const HIDDEN_CONNECT_TIMEOUT_MS = 20_000

/** A UDP tracker that has not answered is asked again after these pauses; WebTorrent gives up after 15 s. */
export const REQUEST_REPEATS_MS: readonly number[] = [1_500, 3_000, 6_000]
