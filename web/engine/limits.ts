/** All limits and defaults of the engine. Sizes in bytes, times in milliseconds. */

/** Real links with dozens of trackers stay below this. */
export const MAGNET_BYTES = 8 * 1024
/** A film of 100 GB in 16 MiB pieces has a torrent file of some 130 kB. */
export const TORRENT_FILE_BYTES = 8 * 1024 * 1024
/** Files listed of one torrent, and the one that is watched; of the others it is said how many there are. */
export const FILES_SHOWN = 2_000
/** Pieces up to this size are taken: each is held in memory while it is fetched and hashed, and twice more while it is encrypted. */
export const PIECE_BYTES = 64 * 1024 * 1024

/** Memory store, where the browser has no private file system for workers. */
export const MEMORY_STORE_BYTES = 512 * 1024 * 1024

/** A file of the site's own (its document, the sample's torrent file) is here within this time, or asked for again. */
export const SITE_FETCH_MS = 30_000
/** The sample's torrent file is asked for again after this long, then after twice as long each time, up to `SITE_FETCH_MS`. */
export const SAMPLE_RETRY_MS = 1_000
/** After so many failures, whoever waits for the sample is told. */
export const SAMPLE_FAILURES = 3

/** Without a peer for this long, the visitor is told. */
export const NO_PEERS_MS = 20_000
/** Without a peer, trackers and the DHT are asked again after this long, then after twice as long each time, up to the most. */
export const SEARCH_PAUSE_MS = 60_000
export const SEARCH_PAUSE_MOST_MS = 15 * 60_000
/** Other circuits may serve in quick succession: between two searches there is so much time all the same. */
export const SEARCH_LEAST_MS = 30_000
/** Nodes of BitTorrent's DHT to begin with, where the site names none. */
export const WELL_KNOWN_DHT: readonly string[] = [
  'router.bittorrent.com:6881',
  'router.utorrent.com:6881',
  'dht.transmissionbt.com:6881',
]
/** Through three hops, a DHT node answers within this or never. */
export const DHT_TIMEOUT_MS = 10_000
export const MAX_CONNECTIONS = 40
/** Addresses of peers kept at once, connected or not; a hostile tracker can name a million. */
export const MAX_PEERS_KNOWN = 1_000

/** The view is sent at most this often. */
export const VIEW_INTERVAL_MS = 250
/** What is known of relays is sent so often while it is looked at. */
export const RELAYS_INTERVAL_MS = 1_000
/** Relays listed to the page; more are known but not shown. */
export const RELAYS_SHOWN = 2_000
/** Less than this per second is no speed to compute an ETA from. */
export const ETA_FLOOR_BYTES_PER_SECOND = 1_024

/** One message of media data to the service worker. */
export const MEDIA_CHUNK_BYTES = 256 * 1024
/** Range requests answered at once; a media element uses one or two. */
export const MEDIA_REQUESTS = 16
/** Subtitles are turned into WebVTT whole. */
export const SUBTITLE_BYTES = 4 * 1024 * 1024
/** Tabs whose torrents the service worker remembers the way to; for others it asks again. */
export const MEDIA_OWNERS_KNOWN = 16
/** How long the service worker waits for the page that owns an address. */
export const MEDIA_OWNER_WAIT_MS = 5_000
/** Between two messages that keep the service worker from being stopped while something plays. */
export const MEDIA_AWAKE_MS = 15_000
