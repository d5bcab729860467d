/** Links to UDP neighbours that are remembered at once. One takes some 200 bytes. */
export const UDP_LINKS = 4_096
/** Addresses where a relay has proved that it is one of ours, so that it is sent fragments, whether or not there is a link. */
export const UDP_RELAYS = 4_096
/** A UDP link that carried nothing for this long is forgotten, unless a circuit uses it. */
export const UDP_IDLE_MS = 300_000
/** Asked of the kernel for the socket, both ways; it grants what its own limits allow (net.core.rmem_max). */
export const UDP_SOCKET_BYTES = 8_388_608
/** What may wait for a full socket inside the process. Beyond it the fair queue decides. */
export const UDP_PENDING_BYTES = 262_144
/** The pending bytes are looked at once in so many packets: the look costs about as much as a send. */
export const UDP_SENDS_PER_LOOK = 32
/** How often a blocked socket is looked at, in milliseconds. */
export const UDP_POLL_MS = 2
/**
 * A stream over which nothing went either way for this long is taken for lost: three heartbeats of the keeper, which asks
 * every 60 s whatever else is sent.
 */
export const STREAM_SILENCE_MS = 180_000
/** After its last bytes a stream has this long to be closed by the neighbour. */
export const STREAM_CLOSE_GRACE_MS = 1_000
/** How long a certificate that the relay makes for itself may be used. */
export const CERTIFICATE_DAYS = 3_650

/** Where relays take TCP links unless told otherwise. */
export const TCP_LINK_PORT = 6_667
/** Connections to that port at once: in all, and of one IPv4 address or IPv6 /64. */
export const TCP_LIMITS = { connections: 256, connectionsPerAddress: 16 } as const
/** How often one IPv4 address or IPv6 /64 may connect to that port. */
export const TCP_RATE = { perSecond: 4, burst: 64 } as const
/** From the start of dialling, or from the accept, to a TLS or WebSocket connection that is open. */
export const CONNECT_TIMEOUT_MS = 10_000
/** From there, or from the accept, to the end of link authentication (L-03). */
export const ACCEPT_TIMEOUT_MS = 10_000

/** How often what links have received is counted into the month, and how often the month is written to its file. */
export const MONTH_COUNT_MS = 1_000
export const MONTH_SAVE_MS = 10_000
/** A WebSocket over which nothing comes is asked for a sign of life this often, as the gateway does at its end. */
export const WEBSOCKET_IDLE_MS = 60_000

/** How often relays that UDP does not reach are looked through for those that have yet to prove themselves. */
export const PROOF_LOOK_MS = 1_000
/** So many of them are dialled at once, for so long each, and again after so long. */
export const PROOF_DIALS = 2
export const PROOF_TIMEOUT_MS = 30_000
export const PROOF_REST_MS = 600_000
/** Relays of which is remembered when they were dialled. */
export const PROOFS = 4_096
