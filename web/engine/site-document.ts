import { CulvertError } from '../../shared/bytes/error.ts'

/**
 * What a gateway tells a page about itself: `GET /culvert.json`, JSON, at most 16 KiB. Both sides use this file. The
 * document is not trusted: it names an entry relay, whose key the link authentication then proves; hops are chosen from
 * signed descriptors only.
 */
export interface SiteDocument {
  /** The network's name for people, e.g. `lab`. */
  readonly network: string
  /** Community id of the overlay, 40 hex digits: the packets' prefix is 00 02 and these 20 bytes. */
  readonly community: string
  /** True where the whole network runs on one machine: nobody is anonymous there. */
  readonly lab: boolean
  readonly entry: {
    /** `LibNaCLPK:` form, 74 bytes as 148 hex digits. */
    readonly publicKey: string
    /** Path on the document's own origin, e.g. `/relay`. */
    readonly websocket: string
    /** Further ways to it, as link addresses: `ws(s)://…/relay`, `webrtc+ws(s)://…/relay`; at most 8. */
    readonly ways?: readonly string[]
  }
  /** Two relays whose IPv4 addresses share this many leading bits count as one network. 16 outside of the lab, 32 in it. */
  readonly networkPrefixBits: number
  /** DHT nodes to begin with, as `host:port`; empty for the well-known ones. Reached through circuits only. */
  readonly dht: readonly string[]
  /** Trackers that know relays, `udp://host:port` or `http://…`; empty for none. Asked through circuits only. */
  readonly relayTrackers: readonly string[]
  /** Relays that must be known before circuits are built (N-07). 20 where the document does not say. */
  readonly minRelays: number
  /** How the gateway stands in the overlay (N-06); `joined` where the document does not say. May differ on the next GET. */
  readonly overlay: OverlayState
  readonly sample: SampleDocument | undefined
}

/** `degraded`: no bootstrap node and no peer answers; the relay tries again every 30 s. */
export type OverlayState = (typeof OVERLAY_STATES)[number]
const OVERLAY_STATES = ['starting', 'joined', 'degraded'] as const

/** Relays known before circuits are built, in a network of strangers (N-07). */
const MIN_RELAYS = 20

/**
 * The film that a gateway offers. Given as a torrent file and not as a magnet link, so that the relay that offers it need
 * not hold an info hash.
 */
export interface SampleDocument {
  readonly title: string
  readonly description: string
  readonly bytes: number
  readonly seconds: number
  /** Path of the .torrent file on the document's own origin, e.g. `/sample.torrent`. */
  readonly torrent: string
}

export const SITE_DOCUMENT_PATH = '/culvert.json'

/** Checks what was parsed from JSON. Throws a CulvertError `site-document-invalid` that names the field at fault. */
export function readSiteDocument(value: unknown): SiteDocument {
  const document = record(value, 'document')
  const entry = record(document.entry, 'entry')
  const ways = list(entry.ways ?? [], 'entry.ways', 8).map((way, i) =>
    text(way, `entry.ways[${i}]`, 255, /^(?:webrtc\+)?wss?:\/\/[\x21-\x7e]+\/relay$/),
  )
  const prefixBits = integer(document.networkPrefixBits, 'networkPrefixBits', 32)
  return {
    network: text(document.network, 'network', 64),
    community: text(document.community, 'community', 40, /^[0-9a-f]{40}$/),
    lab: document.lab === true,
    entry: {
      publicKey: text(entry.publicKey, 'entry.publicKey', 148, /^[0-9a-f]{148}$/),
      websocket: text(entry.websocket, 'entry.websocket', 200, ORIGIN_PATH),
      ...(ways.length > 0 && { ways }),
    },
    networkPrefixBits: prefixBits,
    dht: list(document.dht, 'dht', 16).map((node, i) => text(node, `dht[${i}]`, 261, /^\S+:\d{1,5}$/)),
    relayTrackers: list(document.relayTrackers ?? [], 'relayTrackers', 16).map((url, i) =>
      text(url, `relayTrackers[${i}]`, 300, /^(?:udp|https?):\/\/[\x21-\x7e]+$/),
    ),
    minRelays:
      document.minRelays === undefined ? MIN_RELAYS : integer(document.minRelays, 'minRelays', 1000, 1),
    overlay: document.overlay === undefined ? 'joined' : overlayState(document.overlay),
    sample: document.sample === undefined ? undefined : sample(record(document.sample, 'sample')),
  }
}

function sample(value: Record<string, unknown>): SampleDocument {
  return {
    title: text(value.title, 'sample.title', 200),
    description: text(value.description, 'sample.description', 2000, /^/),
    bytes: integer(value.bytes, 'sample.bytes', Number.MAX_SAFE_INTEGER),
    seconds: integer(value.seconds, 'sample.seconds', 1_000_000),
    torrent: text(value.torrent, 'sample.torrent', 200, ORIGIN_PATH),
  }
}

/** A path that cannot lead to another origin: no scheme, and no second slash at its start. */
const ORIGIN_PATH = /^\/(?![/\\])[\x21-\x7e]*$/

function invalid(field: string, what: string): CulvertError {
  return new CulvertError('site-document-invalid', `${field} of the gateway's document should be ${what}`)
}

function record(value: unknown, field: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(field, 'an object')
  return value as Record<string, unknown>
}

function list(value: unknown, field: string, max: number): unknown[] {
  if (!Array.isArray(value) || value.length > max) throw invalid(field, `a list of at most ${max}`)
  return value
}

function text(value: unknown, field: string, max: number, form = /./s): string {
  if (typeof value !== 'string' || value.length > max || !form.test(value)) {
    throw invalid(field, `a text of at most ${max} characters that matches ${form.source}`)
  }
  return value
}

function overlayState(value: unknown): OverlayState {
  const known = OVERLAY_STATES.find((state) => state === value)
  if (!known) throw invalid('overlay', `one of ${OVERLAY_STATES.join(', ')}`)
  return known
}

function integer(value: unknown, field: string, max: number, min = 0): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw invalid(field, `a whole number from ${min} to ${max}`)
  }
  return value
}
