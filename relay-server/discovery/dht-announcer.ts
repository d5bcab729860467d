import { descriptorHead } from '../../shared/directory/descriptor.ts'
import type { KeyPair } from '../../shared/identity/keys.ts'
import type { Dht, Lookup, StoreResult } from '../../shared/kademlia/api.ts'
import type { Clock, Timer } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import { doubledPause } from '../../shared/world/retry.ts'
import { DHT_SOURCE } from './constants.ts'

export interface DhtAnnouncerOptions {
  readonly dht: Dht
  readonly clock: Clock
  /** `dht-announced`, `dht-announce-failed`, `dht-item-put`, `dht-item-failed`. */
  readonly counters: Counters
  readonly keyPair: KeyPair
  readonly infoHash: Uint8Array
  readonly salt: Uint8Array
  /** Our descriptor; undefined while nobody can reach us, who then announce nothing. */
  own(): Uint8Array | undefined
}

/**
 * Makes this relay known in the DHT (D-02): as a peer of the network's info hash, at the port that our datagrams come from, and by
 * its descriptor as an item under its own key (BEP 44). The DHT machine repeats both; here they are begun, and the descriptor
 * put anew when it has been renewed.
 */
export class DhtAnnouncer {
  private readonly options: DhtAnnouncerOptions
  private readonly under = new Set<Lookup>()
  private timer: Timer | undefined
  private announced = false
  private put: Uint8Array | undefined
  private failures = 0

  constructor(options: DhtAnnouncerOptions) {
    this.options = options
  }

  start(): void {
    this.later(DHT_SOURCE.announceFirstMs)
  }

  stop(): void {
    this.timer?.cancel()
    for (const lookup of this.under) lookup.cancel()
    this.under.clear()
  }

  private later(delayMs: number): void {
    this.timer = this.options.clock.after(delayMs, () => this.round())
  }

  private round(): void {
    const { own, dht, infoHash } = this.options
    const bytes = own()
    if (bytes === undefined) {
      this.later(DHT_SOURCE.announceFirstMs)
      return
    }
    if (this.announced) this.putDescriptor(bytes)
    else {
      this.run(
        (done) => dht.announcePeer(infoHash, undefined, done),
        (stored) => {
          this.note('dht-announce', stored)
          this.announced = stored
          if (stored) this.putDescriptor(bytes)
          else this.again()
        },
      )
    }
  }

  private putDescriptor(bytes: Uint8Array): void {
    if (this.put === bytes) {
      this.later(DHT_SOURCE.renewMs)
      return
    }
    const { dht, keyPair, salt } = this.options
    const item = {
      publicKey: keyPair.publicKey.ed25519,
      sign: (message: Uint8Array) => keyPair.sign(message),
      salt,
      // The time of signing: a relay that lost its memory goes on from there.
      seq: descriptorHead(bytes).published,
      value: bytes,
    }
    this.run(
      (done) => dht.putMutable(item, done),
      (stored) => {
        this.note('dht-item', stored)
        if (stored) this.put = bytes
        this.again()
      },
    )
  }

  private note(what: 'dht-announce' | 'dht-item', stored: boolean): void {
    const names = { 'dht-announce': 'dht-announced', 'dht-item': 'dht-item-put' } as const
    this.options.counters.add(stored ? names[what] : `${what}-failed`)
    this.failures = stored ? 0 : this.failures + 1
  }

  private again(): void {
    const { announceFirstMs, announceLongestMs, renewMs } = DHT_SOURCE
    const isDone = this.failures === 0
    this.later(
      isDone ? renewMs : doubledPause(announceFirstMs, announceLongestMs, Math.min(this.failures, 16)),
    )
  }

  private run(begin: (done: (result: StoreResult) => void) => Lookup, then: (stored: boolean) => void): void {
    let lookup: Lookup | undefined
    let over = false
    lookup = begin(({ stored }) => {
      over = true
      if (lookup) this.under.delete(lookup)
      then(stored > 0)
    })
    if (!over) this.under.add(lookup)
  }
}
