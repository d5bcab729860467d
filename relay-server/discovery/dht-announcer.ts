import { descriptorHead } from '../../shared/directory/descriptor.ts'
import type { KeyPair } from '../../shared/identity/keys.ts'
import type { Dht, Lookup, StoreResult } from '../../shared/kademlia/api.ts'
import { KADEMLIA_DEFAULTS } from '../../shared/kademlia/constants.ts'
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

/** What others were given to keep, and when. */
interface Given {
  readonly descriptor: Uint8Array
  readonly atMs: number
}

/**
 * Makes this relay known in the DHT (D-02): as a peer of the network's info hash, at the port that our datagrams come from, and by
 * its descriptor as an item under its own key (BEP 44). Both anew when the descriptor was renewed, for our address may be another
 * by then, and before those who keep them forget them (K-05).
 */
export class DhtAnnouncer {
  private readonly options: DhtAnnouncerOptions
  private readonly under = new Set<Lookup>()
  private timer: Timer | undefined
  private announced: Given | undefined
  private put: Given | undefined
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
    const descriptor = this.options.own()
    if (descriptor === undefined) this.later(DHT_SOURCE.announceFirstMs)
    else if (this.isDue(this.announced, descriptor)) this.announce(descriptor)
    else if (this.isDue(this.put, descriptor)) this.putItem(descriptor)
    else this.later(DHT_SOURCE.renewMs)
  }

  private isDue(given: Given | undefined, descriptor: Uint8Array): boolean {
    if (given?.descriptor !== descriptor) return true
    return this.options.clock.now() - given.atMs >= KADEMLIA_DEFAULTS.republishMs
  }

  private announce(descriptor: Uint8Array): void {
    const { dht, infoHash, clock } = this.options
    const atMs = clock.now()
    this.run(
      (done) => dht.announcePeer(infoHash, undefined, done),
      (stored) => {
        this.note('dht-announce', stored)
        if (stored) this.announced = { descriptor, atMs }
        this.again()
      },
    )
  }

  private putItem(descriptor: Uint8Array): void {
    const { dht, keyPair, salt, clock } = this.options
    const atMs = clock.now()
    const item = {
      publicKey: keyPair.publicKey.ed25519,
      sign: (message: Uint8Array) => keyPair.sign(message),
      salt,
      // The time of signing: a relay that lost its memory goes on from there.
      seq: descriptorHead(descriptor).published,
      value: descriptor,
    }
    this.run(
      (done) => dht.putMutable(item, done),
      (stored) => {
        this.note('dht-item', stored)
        if (stored) this.put = { descriptor, atMs }
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
    const { announceFirstMs, announceLongestMs } = DHT_SOURCE
    if (this.failures === 0) this.round()
    else this.later(doubledPause(announceFirstMs, announceLongestMs, Math.min(this.failures, 16)))
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
