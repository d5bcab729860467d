import { formatAddress } from '../../shared/bytes/address.ts'
import type { Aead } from '../../shared/crypto/aead.ts'
import { HiddenDownloader } from '../../shared/hidden/downloader.ts'
import type { HiddenCircuits } from '../../shared/hidden/hidden-circuits.ts'
import { HiddenSeeder } from '../../shared/hidden/seeder.ts'
import type { HiddenSwarmOptions } from '../../shared/hidden/swarm-options.ts'
import type { Clock } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import type { Random } from '../../shared/world/random.ts'
import type { HiddenStreams } from '../tunnel/hidden-streams.ts'
import type { HiddenView } from './protocol.ts'

/** What a hidden swarm needs of the network. */
export interface HiddenAccess {
  readonly circuits: HiddenCircuits
  /** 00 02 and the community id. */
  readonly prefix: Uint8Array
  readonly clock: Clock
  readonly random: Random
  readonly aead: Aead
  readonly counters: Counters
}

export interface HiddenTorrent {
  /** 20 bytes. */
  readonly infoHash: Uint8Array
  /** A seeder was found: WebTorrent is to connect to it, as `host:port`. */
  found(address: string): void
  changed(): void
}

/** The hidden swarm of the torrent that is open: looks for seeders in it, or seeds in it. Its uTP goes over `streams`. */
export class HiddenSwarm {
  private readonly options: HiddenSwarmOptions
  private readonly torrent: HiddenTorrent
  private downloader: HiddenDownloader | undefined
  private seeder: HiddenSeeder | undefined

  constructor(access: HiddenAccess, streams: HiddenStreams, torrent: HiddenTorrent) {
    this.torrent = torrent
    this.options = {
      ...access,
      infoHash: torrent.infoHash,
      events: {
        opened: (peer) => {
          streams.add(peer)
          if (peer.role === 'downloader') torrent.found(formatAddress(peer.address))
        },
        datagram: (peer, data) => streams.receive(peer, data),
        closed: (peer) => streams.remove(peer),
      },
      changed: () => torrent.changed(),
    }
  }

  /** Looks for seeders from now on, or not any more: then those that were found are left, too. */
  look(on: boolean): void {
    if (on === (this.downloader !== undefined)) return
    this.downloader?.stop()
    this.downloader = on ? new HiddenDownloader(this.options) : undefined
    this.downloader?.start()
    this.torrent.changed()
  }

  /** Seeds from now on, or not any more. */
  seed(on: boolean): void {
    if (on === (this.seeder !== undefined)) return
    this.seeder?.stop()
    this.seeder = on ? new HiddenSeeder(this.options) : undefined
    this.seeder?.start()
    this.torrent.changed()
  }

  stop(): void {
    this.look(false)
    this.seed(false)
  }

  get view(): HiddenView {
    const { seeder, downloader } = this
    if (seeder) {
      return {
        state: seeder.introductionPoints > 0 ? 'seeding' : 'preparing',
        introductionPoints: seeder.introductionPoints,
        peers: seeder.peers.length,
      }
    }
    const peers = downloader?.peers.length ?? 0
    return { state: peers > 0 ? 'linked' : downloader ? 'looking' : 'off', introductionPoints: 0, peers }
  }
}
