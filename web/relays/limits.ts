/** All limits of this room. Times in milliseconds. */

/** A search by hand ends after this, whatever has come until then. */
export const SEARCH_MS = 60_000
/** A node that shall name others has this long, before it is asked again; routers by name are asked so. */
export const ROUTER_REPEATS_MS: readonly number[] = [0, 2_000, 5_000]
/** Addresses asked for their descriptor in one search, and at once: a hostile tracker can name thousands. */
export const CANDIDATES = 100
export const CANDIDATES_AT_ONCE = 8
/** Trackers asked in one search. */
export const TRACKERS = 8
/** A tracker over UDP is asked again after these pauses, and given up after the last. */
export const TRACKER_REPEATS_MS: readonly number[] = [2_000, 4_000, 8_000]
export const TRACKER_PEERS_WANTED = 100

/**
 * The port that a page tells trackers: nobody listens on it (RFC 863), and no relay may (below 1024), so that none who hears of
 * the exit asks it for a descriptor.
 */
export const NO_PORT = 9

/** Lookups that the page begins by itself: see own-initiative.ts. */
export const INITIATIVE = {
  lookMs: 30_000,
  aloneMs: 5 * 60_000,
  pauseMs: 60 * 60_000,
} as const
