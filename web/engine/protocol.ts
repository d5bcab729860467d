/** What the page and its engine worker say to each other. Plain data only: everything here survives structuredClone. */

import type { BridgeCommand, BridgeView } from './bridge-protocol.ts'
import type { RelaysCommand, RelaysView } from './relays-protocol.ts'

export type Hops = 1 | 2 | 3

export type EngineCommand =
  /** First message: where the page came from, e.g. `http://127.0.0.11:8080`. Its /culvert.json names entry relays. */
  | {
      readonly type: 'start'
      readonly origin: string
      readonly hops: Hops
      /** On which the engine asks for data channels (web/link/channel-orders.ts); without it there is no WebRTC. */
      readonly channels?: MessagePort
    }
  | { readonly type: 'open-magnet'; readonly uri: string }
  | { readonly type: 'open-torrent'; readonly file: Uint8Array }
  /** Opens the sample that /culvert.json offers. */
  | { readonly type: 'open-sample' }
  /** Which file is watched or wanted first. */
  | { readonly type: 'select-file'; readonly index: number }
  | { readonly type: 'close-torrent' }
  /** Whether the torrent that is open, once all of it is here, is given to others through end-to-end circuits. */
  | { readonly type: 'seed-hidden'; readonly on: boolean }
  | { readonly type: 'set-hops'; readonly hops: Hops }
  | { readonly type: 'new-circuit' }
  /** A byte-range request of the service worker, answered on `port` (see web/engine/media.ts). */
  | { readonly type: 'media-port'; readonly port: MessagePort }
  | BridgeCommand
  | RelaysCommand

export type EngineEvent =
  /** The whole view, sent at most 4 times a second and at once on changes that people notice. */
  | { readonly type: 'view'; readonly view: EngineView }
  /** What is known of relays, sent at most once a second and only while the page shows it. */
  | { readonly type: 'relays'; readonly relays: RelaysView }

export interface EngineView {
  readonly entry: EntryView
  readonly hops: Hops
  readonly circuits: readonly CircuitView[]
  readonly torrent: TorrentView | undefined
  /** Undefined until the site's document is here, null if it offers none. */
  readonly sample: SampleView | null | undefined
  /** True in the lab: everything runs on one machine, so nobody is anonymous. */
  readonly lab: boolean
  readonly problem: Problem | undefined
  /** Help from other visitors, and for them; undefined where there is none. */
  readonly bridge?: BridgeView | undefined
}

export interface EntryView {
  readonly state: 'connecting' | 'open' | 'lost'
  readonly name: string
  /** How many relays, and how many of them exits, the page knows: by signed descriptors, or as stock peers, which sign none. */
  readonly relays: number
  readonly exits: number
  /** How many must be known before circuits are built (N-07). */
  readonly needed: number
  /** The links with relays that let this page in, the one in use first. */
  readonly ways: readonly WayInView[]
}

/** One link with a relay that lets this page in. */
export interface WayInView {
  /** The relay's own name for itself; empty if it is not known. */
  readonly name: string
  /** What carries it now, or carried it last. */
  readonly kind: 'websocket' | 'webrtc' | 'bridge'
  /** Whether an onion service is at its other end. */
  readonly onion: boolean
  /** The relay that introduced us, by WebRTC; empty if it is not known, or was not needed. */
  readonly introducedBy: string
  /** `lost`: another way is being looked for, and none has opened so far. */
  readonly state: 'open' | 'reconnecting' | 'lost'
  /** Round trip to the relay and back, milliseconds. */
  readonly latencyMs: number | undefined
  /** Seconds since what carries it now was opened. */
  readonly ageSeconds: number
}

export interface CircuitView {
  /** Local number, 1, 2, 3 ...; never the id on the wire. */
  readonly id: number
  readonly role: 'primary' | 'standby'
  readonly state: 'building' | 'ready' | 'closing'
  readonly hops: readonly HopView[]
  /** Round trip to the last hop and back, milliseconds. */
  readonly latencyMs: number | undefined
  /** Seconds since it became ready. */
  readonly ageSeconds: number
}

export interface HopView {
  readonly role: 'entry' | 'middle' | 'exit'
  /** The relay's own name for itself. */
  readonly name: string
  /** Undefined where it has none of its own: other relays know the way. */
  readonly address: string | undefined
  /** `proven` once a layer under the hop's static key has opened. */
  readonly state: 'waiting' | 'extending' | 'unproven' | 'proven' | 'failed'
  /** Time from extend to extended, milliseconds. */
  readonly latencyMs: number | undefined
}

export interface SampleView {
  readonly title: string
  readonly description: string
  readonly bytes: number
  readonly seconds: number
}

export interface TorrentView {
  readonly name: string
  readonly state: 'finding-peers' | 'fetching-metadata' | 'downloading' | 'done'
  /** The first of them, and always the one that is watched. */
  readonly files: readonly FileView[]
  /** How many files there are, listed or not. */
  readonly fileCount: number
  /** `index` of the file that is watched, if any is. */
  readonly selected: number | undefined
  /** One byte a piece: 0 missing, 1 being fetched, 2 here. */
  readonly pieces: Uint8Array
  readonly bytes: number
  readonly bytesHere: number
  readonly bytesPerSecondDown: number
  readonly bytesPerSecondUp: number
  readonly peers: number
  /** Seconds until all of it is here; undefined while unknown. */
  readonly etaSeconds: number | undefined
  /** The address that the swarm sees: the exit's. Undefined while no circuit is ready. */
  readonly swarmSees: string | undefined
  /** Absent where there is no circuit to hide behind. */
  readonly hidden?: HiddenView
}

/** The torrent's hidden swarm: peers at the far ends of end-to-end circuits, with no exit on the way. */
export interface HiddenView {
  /** `preparing`: to be seeded, but no relay introduces us yet. `linked`: fetched from `peers`. */
  readonly state: 'off' | 'looking' | 'linked' | 'preparing' | 'seeding'
  /** Relays that introduce us. */
  readonly introductionPoints: number
  readonly peers: number
}

export interface FileView {
  readonly index: number
  readonly name: string
  readonly bytes: number
  readonly kind: 'video' | 'audio' | 'image' | 'subtitles' | 'other'
  /** Same-origin address that the service worker answers, e.g. `/media/<random>/0`. */
  readonly url: string
}

/** Something that keeps the visitor from watching. The words for people live in web/app/problems.ts. */
export interface Problem {
  readonly code:
    | 'no-relay'
    | 'no-exit'
    | 'no-circuit'
    | 'network-degraded'
    | 'magnet-malformed'
    | 'torrent-malformed'
    | 'sample-unavailable'
    | 'no-peers'
    | 'not-playable'
    | 'storage-full'
    | 'memory-full'
    | 'engine-failed'
  /** For the curious, in English; never an address, info hash or key. */
  readonly detail: string
}
