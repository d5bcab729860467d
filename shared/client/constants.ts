/** Pause before another try to reach an entry relay, by the number of failures in a row. */
export const ENTRY_BACK_OFF_MS = [0, 500, 1_000, 2_000, 5_000, 10_000]
/** So many failures in a row, and people are told that no relay is reachable. */
export const ENTRY_FAILURES_TO_TELL = 2
/** A link that ends sooner than this is a failure too: a relay that lets us in only to drop us shall not be asked at once. */
export const ENTRY_YOUNG_MS = 5_000
/** The directory is asked for again this often: relays come and go. */
export const DIRECTORY_REFRESH_MS = 60_000
/** A connection that is asked for while there is no circuit waits this long for one. */
export const STREAM_WAIT_MS = 30_000
/** What such a connection may hold back, in bytes. */
export const WAITING_BYTES = 256 * 1024
/** Connections waiting at once. */
export const WAITING_STREAMS = 256
/** Origins remembered for datagrams' way back to the socket that asked; the oldest goes first. */
export const REMEMBERED_ORIGINS = 4_096
/** Largest datagram that is sent into a circuit, bytes; fits a cell with any address but long names. */
export const MAX_SENT_DATAGRAM_BYTES = 1_300
