/** What of WebTorrent 3.0.21 the engine uses. The package brings no types of its own. */
declare module 'webtorrent' {
  import type { EventEmitter } from 'node:events'

  type Callback = (error?: Error | null) => void

  export interface ChunkStore {
    readonly chunkLength: number
    put(index: number, data: Uint8Array, done: Callback): void
    get(
      index: number,
      options: { offset?: number; length?: number } | null | undefined,
      done: (error: Error | null, data?: Uint8Array) => void,
    ): void
    close(done: Callback): void
    destroy(done: Callback): void
  }

  export interface ClientOptions {
    dht?: false | { bootstrap: readonly string[] | false; timeout: number }
    tracker?: boolean
    lsd?: boolean
    utPex?: boolean
    natUpnp?: boolean
    natPmp?: boolean
    utp?: boolean
    maxConns?: number
    secure?: 0 | 1 | 2
    webSeeds?: boolean
    seedOutgoingConnections?: boolean
    /** Bytes a second; -1 for no limit. */
    uploadLimit?: number
  }

  export interface TorrentOptions {
    /** Takes the files in `path` for whole without hashing them. */
    skipVerify?: boolean
    store?: new (chunkLength: number, options: { length: number }) => ChunkStore
    strategy?: 'sequential' | 'rarest'
    deselect?: boolean
    storeCacheSlots?: number
    destroyStoreOnDestroy?: boolean
  }

  export interface TorrentFile {
    readonly name: string
    readonly path: string
    readonly length: number
    readonly offset: number
    readonly done: boolean
    readonly _startPiece: number
    readonly _endPiece: number
    select(priority?: number): void
    deselect(): void
    [Symbol.asyncIterator](range: { start: number; end: number }): AsyncIterator<Uint8Array>
  }

  export interface WireRequest {
    readonly piece: number
    readonly offset: number
    readonly length: number
  }

  export interface Wire {
    readonly destroyed: boolean
    readonly peerChoking: boolean
    readonly requests: readonly WireRequest[]
    request(piece: number, offset: number, length: number, done: (error: Error | null) => void): void
    cancel(piece: number, offset: number, length: number): void
    once(event: 'close', listener: () => void): this
    downloadSpeed(): number
  }

  export class Torrent extends EventEmitter {
    readonly name?: string
    readonly infoHash?: string
    readonly ready: boolean
    readonly done: boolean
    readonly destroyed: boolean
    readonly files: TorrentFile[]
    readonly length: number
    readonly pieceLength: number
    readonly lastPieceLength: number
    readonly pieces: ({ readonly length: number; readonly missing: number } | null)[]
    readonly bitfield?: { get(index: number): boolean }
    readonly wires: Wire[]
    readonly numPeers: number
    /** Known peers, connected or not. */
    readonly _peersLength: number
    readonly downloaded: number
    readonly downloadSpeed: number
    readonly uploadSpeed: number
    select(from: number, to: number, priority?: number): void
    deselect(from: number, to: number): void
    critical(from: number, to: number): void
    addPeer(address: string): boolean
    /** BEP 27; unknown before the metadata is. */
    readonly private?: boolean
    /** What asks trackers and the DHT; none before it begins. `start` announces to all trackers as at first. */
    readonly discovery?: { readonly tracker: { start(): void } | null } | null
  }

  export default class WebTorrent extends EventEmitter {
    constructor(options: ClientOptions)
    blocked?: { contains(address: string): boolean }
    readonly destroyed: boolean
    /** The peers that a lookup finds go to the torrent that they share. */
    readonly dht: { lookup(infoHash: string, done: Callback): void }
    add(id: string | object, options: TorrentOptions): Torrent
    destroy(done?: Callback): void
    static readonly UTP_SUPPORT: boolean
  }
}

declare module 'parse-torrent' {
  /** Throws for bytes that are no torrent file. */
  export interface ParsedTorrent {
    readonly infoHash: string
    announce: string[]
    urlList: string[]
    /** BEP 27. */
    readonly private?: boolean
    readonly length: number
    readonly pieceLength: number
    readonly pieces: readonly string[]
    readonly files: readonly { readonly length: number }[]
  }

  export default function parseTorrent(bytes: Uint8Array): Promise<ParsedTorrent>
}
