/** Defaults of the exit. Each is a key of the relay's configuration file or a bound that protects the exit itself. */

/** TCP connections and UDP sockets open at the same time, over all circuits. */
export const MAX_SOCKETS = 2000
/** Circuits that may have something open at the exit at the same time. */
export const MAX_CIRCUITS = 500
/** How many of these may come from one neighbour: more than a link carries circuits, unless that was configured. */
export const NEIGHBOUR_SHARE = 1 / 4
/** A circuit that sent nothing for this long makes room for others; BitTorrent's connections say something every two minutes. */
export const IDLE_CIRCUIT_MS = 180_000
/** TCP streams of one circuit, open or being opened. */
export const MAX_STREAMS_PER_CIRCUIT = 128
/** A TCP connection that is not there after this is given up. */
export const CONNECT_TIMEOUT_MS = 10_000
/** Bytes that wait in one TCP socket before `write` asks for a pause. */
export const TCP_WRITE_BUFFER_BYTES = 256 * 1024
/** Writes that wait in one TCP socket before `write` asks for a pause: of one byte each, they cost a hundred times that. */
export const TCP_WAITING_WRITES = 1_024
/** Datagrams of one circuit that wait for a name; IPv8 exits keep as many (IPV8-WIRE, exits). */
export const MAX_WAITING_DATAGRAMS = 10

/** How long it is believed that the machine's own addresses are still the same. */
export const OWN_HOSTS_MS = 60_000
/** An IPv6 network is as large as this, unless the card knows it to be larger; and not larger than one site gets. */
export const OWN_NETWORK_BITS = 64
export const OWN_SITE_BITS = 48

/** Names being looked up at the same time; more wait. */
export const MAX_LOOKUPS = 32
/** Names waiting for their look-up; more are refused. */
export const MAX_WAITING_LOOKUPS = 256
/** Addresses of one name that are looked at and remembered; its owner can put thousands into one answer. */
export const MAX_ADDRESSES_OF_NAME = 16
/** Names remembered. */
export const MAX_CACHED_NAMES = 2000
/** A name is remembered for as long as its record says, within these bounds. */
export const MIN_NAME_TTL_MS = 30_000
export const MAX_NAME_TTL_MS = 15 * 60_000
/** How long it is remembered that a name does not exist. */
export const ABSENT_NAME_TTL_MS = 30_000
/** One question to one name server, and how often it is asked. */
export const LOOKUP_TIMEOUT_MS = 3_000
export const LOOKUP_TRIES = 2
/** Name servers that fail are believed to be this machine's for as long as this; then it is asked again which they are. */
export const NAME_SERVERS_MS = 60_000

/** HTTP requests of one circuit that are under way; more are not answered (Tribler's exits: 5). */
export const HTTP_REQUESTS_PER_CIRCUIT = 5
/** Bytes of responses that are not whole yet, of all circuits together; a request that would need more fails. */
export const HTTP_HELD_BYTES = 67_108_864
/** From the request to the whole response (Tribler's exits: 10 s). */
export const HTTP_TIMEOUT_MS = 15_000
/** The head of a response. */
export const HTTP_HEAD_BYTES = 16_384
/** What may stand under a redirection, which need not be bencoded. */
export const HTTP_REDIRECT_BODY_BYTES = 4_096
