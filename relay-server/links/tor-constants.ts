/** Where tor listens for SOCKS by default. */
export const TOR_SOCKS = '127.0.0.1:9050'
/** The virtual port of a relay's onion service on which other relays link: that of TCP links. */
export const TOR_LINK_PORT = 6667
/** The virtual port of the page: what a browser takes for http. */
export const TOR_GATEWAY_PORT = 80

/**
 * From the connection to tor to the stream's opening. A first onion connection fetches the descriptor and builds two or three
 * circuits; tor itself gives up after two minutes.
 */
export const TOR_CONNECT_TIMEOUT_MS = 60_000

/** One line of a reply of tor's control port; the longest that is asked for, a path, is far shorter. */
export const TOR_LINE_BYTES = 16_384
/** Lines of one reply, those of its data included. */
export const TOR_REPLY_LINES = 512
/** Bytes of one reply. */
export const TOR_REPLY_BYTES = 131_072
/** Commands that wait for their reply. */
export const TOR_PENDING_COMMANDS = 32
/** From a command to its reply. */
export const TOR_COMMAND_TIMEOUT_MS = 10_000
/** The cookie file of tor's control port, always. */
export const TOR_COOKIE_BYTES = 32
/** Of the controller's nonce in AUTHCHALLENGE. */
export const TOR_NONCE_BYTES = 32

/** After the control port was lost or refused: this long, then twice as long, and so on. */
export const TOR_RETRY_FIRST_MS = 1_000
export const TOR_RETRY_CAP_MS = 60_000
/** A control connection that held for so long was a success: the next retry begins with the shortest pause. */
export const TOR_STEADY_MS = 60_000

/** At its end the relay waits so long for tor to take the service down by a command; else it goes with the connection. */
export const TOR_STOP_MS = 1_000

/** Streams from the onion service that have not proved a key yet. */
export const TOR_UNPROVEN_STREAMS = 32
/** Streams from the onion service at once. */
export const TOR_STREAMS = 256
