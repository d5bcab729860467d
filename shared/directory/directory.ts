import { type Address, sameAddress } from '../bytes/address.ts'
import { equalBytes, toHex } from '../bytes/bytes.ts'
import { CodecError } from '../bytes/error.ts'
import type { PublicKey } from '../identity/keys.ts'
import { networkOf } from '../ipv8/network-of.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { DIRECTORY_DEFAULTS, type DirectorySettings } from './constants.ts'
import {
  descriptorHead,
  isExpired,
  parseDescriptor,
  type RelayDescriptor,
  type UnverifiedDescriptor,
} from './descriptor.ts'

export interface DirectoryEntry {
  readonly descriptor: RelayDescriptor
  /** When the relay itself was last heard, on the handed-in clock; undefined if it never was. */
  readonly lastHeardMs: number | undefined
  /** Its key was proven to be at its address (messages 5 and 6), not longer ago than `provenForMs`. */
  readonly proven: boolean
}

export interface DirectoryOptions {
  /** The name of the network; descriptors of others are refused. */
  readonly network: string
  readonly clock: Clock
  readonly counters: Counters
  /** Our own key: its descriptors are not kept. */
  readonly self?: PublicKey
  /** Whether a relay is blocked: its descriptors are refused at once. */
  readonly refuse?: (mid: Uint8Array) => boolean
  /** Takes descriptors apart; `parseDescriptor` if not given. A simulation of many nodes does it once for all of them. */
  readonly parse?: (bytes: Uint8Array) => UnverifiedDescriptor
  readonly settings?: Partial<DirectorySettings>
}

export type AddResult = 'new' | 'renewed' | 'known' | 'refused'

interface StoredEntry extends DirectoryEntry {
  descriptor: RelayDescriptor
  lastHeardMs: number | undefined
  /** Rises with everything that is learnt. */
  sequence: number
  learntMs: number
  /** It was asked, did not answer, and nothing was heard of it since. */
  silent: boolean
  /** What it is counted under. */
  place: string
}

/** A descriptor to pass on, and where it stands in the order in which things were learnt. */
export interface ServedDescriptor {
  readonly descriptor: RelayDescriptor
  readonly sequence: number
}

/**
 * Verified descriptors by mid; the newest of each relay. Bounded in all and per network; when full, what was never heard
 * gives way to what is new, oldest first, and what was heard stays.
 */
export class Directory {
  private readonly options: DirectoryOptions
  private readonly settings: DirectorySettings
  /** In the order in which they were learnt or renewed: by `sequence`. */
  private readonly byMid = new Map<string, StoredEntry>()
  /** When the descriptor that is kept of a key was published. Most that are offered are known already. */
  private readonly published = new Map<string, number>()
  private readonly perPlace = new Map<string, number>()
  /** The same by rising `sequence`, among what has gone or moved on since. */
  private order: { readonly sequence: number; readonly learntMs: number; readonly entry: StoredEntry }[] = []
  private sequence = 0
  private changes = 0
  /** No descriptor expires before this time, in Unix seconds. */
  private earliestExpiry = Number.POSITIVE_INFINITY

  constructor(options: DirectoryOptions) {
    this.options = options
    this.settings = { ...DIRECTORY_DEFAULTS, ...options.settings }
  }

  get size(): number {
    return this.byMid.size
  }

  /** Another number whenever `list` would give another answer. */
  get version(): number {
    this.expire()
    return this.changes
  }

  /** Verifies and enters a descriptor that came from anywhere. Never throws: what is refused is counted. */
  add(bytes: Uint8Array): AddResult {
    try {
      return this.enter(bytes)
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
      this.options.counters.add(`directory-refused-${error.code}`)
      return 'refused'
    }
  }

  /** All that have not expired. */
  list(): readonly DirectoryEntry[] {
    this.expire()
    return [...this.byMid.values()]
  }

  /**
   * What others are told, in the order of `sequence`: all but those that were asked and are silent.
   * @param after only what has a higher sequence
   * @param withinMs only what was learnt or renewed so recently
   * @param limit the first so many
   */
  served(
    after = 0,
    withinMs = Number.POSITIVE_INFINITY,
    limit = Number.POSITIVE_INFINITY,
  ): readonly ServedDescriptor[] {
    this.expire()
    const fromMs = this.options.clock.now() - withinMs
    const served: ServedDescriptor[] = []
    for (let i = this.firstLearnt(after, fromMs); i < this.order.length && served.length < limit; i++) {
      const place = this.order[i]
      if (place?.entry.sequence === place?.sequence && place?.entry.silent === false) served.push(place.entry)
    }
    return served
  }

  /** Where what is news begins in `order`. */
  private firstLearnt(after: number, fromMs: number): number {
    let low = 0
    let high = this.order.length
    while (low < high) {
      const middle = (low + high) >> 1
      const place = this.order[middle]
      if (place !== undefined && (place.sequence <= after || place.learntMs < fromMs)) low = middle + 1
      else high = middle
    }
    return low
  }

  find(mid: Uint8Array): DirectoryEntry | undefined {
    return this.byMid.get(toHex(mid))
  }

  /** The relay itself answered just now. No effect if it is not listed. */
  markHeard(mid: Uint8Array): void {
    const key = toHex(mid)
    const entry = this.byMid.get(key)
    if (!entry) return
    entry.lastHeardMs = this.options.clock.now()
    // Those who asked meanwhile were not told of it.
    if (entry.silent) this.learn(key, entry)
  }

  /** Whoever is at this UDP address was asked and did not answer. */
  markSilent(address: Address): void {
    for (const entry of this.byMid.values()) {
      const { udp } = entry.descriptor
      if (udp && sameAddress(udp, address)) entry.silent = true
    }
  }

  /** Forgets what has expired. */
  expire(): void {
    const wallMs = this.options.clock.wall()
    if (wallMs / 1000 <= this.earliestExpiry) return
    this.earliestExpiry = Number.POSITIVE_INFINITY
    for (const [mid, entry] of this.byMid) {
      if (isExpired(entry.descriptor, wallMs)) this.remove(mid, entry)
      else this.noteExpiry(entry.descriptor)
    }
  }

  private enter(bytes: Uint8Array): AddResult {
    const { self, network, clock } = this.options
    const { publicKey, published } = descriptorHead(bytes)
    if ((this.published.get(keyText(publicKey)) ?? -1) >= published) return 'known'
    const parsed = (this.options.parse ?? parseDescriptor)(bytes)
    if (self && parsed.publicKey.equals(self)) return 'known'
    const mid = toHex(parsed.publicKey.mid)
    const old = this.byMid.get(mid)
    // The signature, which costs most, is looked at only if it would change something.
    if (old && (old.descriptor.published >= parsed.published || equalBytes(old.descriptor.bytes, bytes))) {
      return 'known'
    }
    const descriptor = parsed.verify(network, clock.wall())
    const place = placeOf(descriptor)
    this.checkNetwork(place, old)
    if (old) this.remove(mid, old)
    else this.makeRoom()
    const heard = old?.lastHeardMs
    this.learn(mid, {
      descriptor,
      place,
      lastHeardMs: heard,
      sequence: 0,
      learntMs: 0,
      silent: false,
      proven: false,
    })
    return old ? 'renewed' : 'new'
  }

  /** Puts an entry at the end of the order. */
  private learn(mid: string, entry: StoredEntry): void {
    if (this.byMid.has(mid)) this.remove(mid, entry)
    entry.sequence = ++this.sequence
    this.changes++
    entry.learntMs = this.options.clock.now()
    entry.silent = false
    this.byMid.set(mid, entry)
    this.order.push({ sequence: entry.sequence, learntMs: entry.learntMs, entry })
    if (this.order.length > 2 * this.byMid.size + 64) {
      this.order = this.order.filter((place) => place.entry.sequence === place.sequence)
    }
    this.published.set(keyText(entry.descriptor.publicKey.bytes), entry.descriptor.published)
    this.perPlace.set(entry.place, (this.perPlace.get(entry.place) ?? 0) + 1)
    this.noteExpiry(entry.descriptor)
  }

  private remove(mid: string, entry: StoredEntry): void {
    const { place, descriptor } = entry
    entry.sequence = 0
    this.byMid.delete(mid)
    this.published.delete(keyText(descriptor.publicKey.bytes))
    this.changes++
    const left = (this.perPlace.get(place) ?? 1) - 1
    if (left > 0) this.perPlace.set(place, left)
    else this.perPlace.delete(place)
  }

  private noteExpiry({ published, lifetime }: RelayDescriptor): void {
    this.earliestExpiry = Math.min(this.earliestExpiry, published + lifetime)
  }

  private checkNetwork(place: string, old: StoredEntry | undefined): void {
    const neighbours = (this.perPlace.get(place) ?? 0) - (old?.place === place ? 1 : 0)
    if (neighbours >= this.settings.maxPerNetwork) {
      throw new CodecError(
        'directory-network',
        `more than ${this.settings.maxPerNetwork} relays of one network`,
      )
    }
  }

  private makeRoom(): void {
    if (this.byMid.size < this.settings.maxDescriptors) return
    this.expire()
    if (this.byMid.size < this.settings.maxDescriptors) return
    for (const [mid, entry] of this.byMid) {
      if (entry.lastHeardMs !== undefined && !entry.silent) continue
      this.remove(mid, entry)
      return
    }
    throw new CodecError('directory-full', `${this.byMid.size} relays are known and all were heard`)
  }
}

/** Map key of a public key: its bytes as characters, an order of magnitude quicker than hexadecimal digits. */
function keyText(publicKey: Uint8Array): string {
  return String.fromCharCode(...publicKey)
}

/** What a relay is counted under: its UDP network, or the host of its WebSocket. */
function placeOf({ udp, websocket }: RelayDescriptor): string {
  if (udp) return networkOf(udp)
  return websocket?.replace(/^wss?:\/\//, '').replace(/(:\d+)?\/relay$/, '') ?? ''
}
