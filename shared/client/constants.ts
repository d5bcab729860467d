/** Pause before another try to reach an entry relay, by the number of its failures in a row. */
export const ENTRY_BACK_OFF_MS = [0, 500, 1_000, 2_000, 5_000, 10_000]
/** So many failures in a row without a link, and people are told that no relay is reachable. */
export const ENTRY_FAILURES_TO_TELL = 2
/** A link that ends sooner than this is a failure too: a relay that lets us in only to drop us shall not be asked at once. */
export const ENTRY_YOUNG_MS = 5_000
/** While others serve, a better entry relay that failed is tried again this often. */
export const ENTRY_BETTER_MS = 60_000
/** Links to entry relays at once: one for the primary, one for the standby (C-05). */
export const ENTRY_LINKS = 2
/** A link with a silent circuit over which nothing has come for this long is taken for silent itself. */
export const LINK_SILENT_MS = 1_000
/** And closed after this long, if it still is. */
export const LINK_DEAD_MS = 15_000
/** The directory is asked for again this often: relays come and go. */
export const DIRECTORY_REFRESH_MS = 60_000
/** While too few relays are known it is asked for this often. */
export const DIRECTORY_FEW_MS = 3_000
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
/** How long a hop of a circuit outside of the pool may take: create and extend are repeated for three seconds. */
export const OWN_HOP_TIMEOUT_MS = 5_000
/** Circuits outside of the pool at once. */
export const MAX_OWN_CIRCUITS = 32
/** The list of all relays is put together anew after this, in milliseconds, besides when the directory has changed: hearsay gets old. */
export const KNOWN_RELAYS_MS = 60_000
