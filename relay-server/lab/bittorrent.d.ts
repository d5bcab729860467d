/** The little that the lab uses of BitTorrent packages that come without types. */

declare module 'bittorrent-tracker/server' {
  import type { EventEmitter } from 'node:events'
  import type { Server as HttpServer } from 'node:http'

  export default class Server extends EventEmitter {
    constructor(options: { http?: boolean; udp?: boolean; ws?: boolean; stats?: boolean; interval?: number })
    readonly http: HttpServer
    listen(port: number, host: string, done?: () => void): void
    close(done?: () => void): void
  }
}

declare module 'bittorrent-dht' {
  import type { EventEmitter } from 'node:events'

  export class Client extends EventEmitter {
    constructor(options: {
      bootstrap?: false | readonly string[]
      verify?(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean
    })
    listen(port: number, host: string, done?: () => void): void
    address(): { address: string; port: number }
    addNode(node: { host: string; port: number }): void
    announce(infoHash: string, port: number, done?: (error: Error | null) => void): void
    lookup(infoHash: Buffer, done?: (error: Error | null) => void): void
    put(
      item: { v: Buffer; k?: Buffer; seq?: number; salt?: Buffer; sign?(message: Uint8Array): Buffer },
      done: (error: Error | null, target: Buffer, stored?: number) => void,
    ): void
    get(
      target: Buffer,
      options: { cache?: boolean; salt?: Uint8Array },
      done: (error: Error | null, item?: { v: Uint8Array } | null) => void,
    ): void
    destroy(done?: () => void): void
  }
}

declare module 'create-torrent' {
  export default function createTorrent(
    input: readonly string[],
    options: {
      name: string
      announceList: string[][]
      createdBy: string
      creationDate: Date
      pieceLength?: number
      comment?: string
    },
    done: (error: Error | null, torrent: Uint8Array) => void,
  ): void
}

/** Beside what web/engine/webtorrent.d.ts declares. */
declare module 'webtorrent' {
  export interface TorrentOptions {
    path?: string
  }

  export interface Torrent {
    readonly magnetURI: string
  }

  export default interface WebTorrent {
    readonly peerId: string
    address(): { port: number }
  }
}
