import { type Address, type IpAddress, sameAddress } from '../bytes/address.ts'
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
import { type Drop, Drops } from './drops.ts'
import { Tally } from './tally.ts'

export interface DirectoryEntry {
  readonly descriptor: RelayDescriptor
  /** When the relay itself was last heard, on the handed-in clock; undefined if it never was. */
  readonly lastHeardMs: number | undefined
  /** Its key was proven to be at its address (messages 5 and 6), not longer ago than `provenForMs`. */
  readonly proven: boolean
  /** It was asked, did not answer, and nothing was heard of it since. */
  readonly silent: boolean
}

export interface DirectoryOptions {
  /** The name of the network; descriptors of others are refused. */
  readonly network: string
  readonly clock: Clock
  readonly counters: Counters
  /** Our own key: its descriptors are not kept. */
  readonly self?: PublicKey
  /** Whether a relay is blocked: its descriptors are refused at once. Its signature has not been looked at then. */
  readonly refuse?: (relay: RelayDescriptor) => boolean
  /** Whether a relay (hex of its mid) makes way for nobody, though it was never heard. */
  readonly isKept?: (mid: string) => boolean
  /** Others are told of relays only while their proof holds. */
  readonly onlyProven?: boolean
  /** A descriptor has been entered: to be verified, when its relay has not been lately. */
  readonly learnt?: (entry: DirectoryEntry, result: 'new' | 'renewed') => void
  /** Takes descriptors apart; `parseDescriptor` if not given. A simulation of many nodes does it once for all of them. */
  readonly parse?: (bytes: Uint8Array) => UnverifiedDescriptor
  readonly settings?: Partial<DirectorySettings>
}

/** `unwanted`: nothing is wrong with it but whom it is of. */
export type AddResult = 'new' | 'renewed' | 'known' | 'refused' | 'unwanted'

interface StoredEntry extends DirectoryEntry {
  descriptor: RelayDescriptor
  lastHeardMs: number | undefined
  proven: boolean
  /** When its proof was made; undefined without one. */
  provenMs: number | undefined
  /** Rises with everything that is learnt. */
  sequence: number
  learntMs: number
  silent: boolean
  /** What it is counted under. */
  readonly place: string
  readonly family: string
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
  /** When the descriptor that is kept of a key was published, by `keyNumber`. Most that are offered are known already. */
  private readonly published = new Map<number, { readonly key: Uint8Array; readonly published: number }>()
  private readonly perPlace = new Tally()
  private readonly perFamily = new Tally()
  private readonly drops = new Drops()
  /** The same by rising `sequence`, among what has gone or moved on since. */
  private order: { readonly sequence: number; readonly learntMs: number; readonly entry: StoredEntry }[] = []
  private sequence = 0
  private changes = 0
  /** No descriptor expires before this time, in Unix seconds. */
  private earliestExpiry = Number.POSITIVE_INFINITY
  /** No proof ends before this time, on the clock. */
  private earliestUnproven = Number.POSITIVE_INFINITY

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
   * What others are told, in the order of `sequence`: all but those that were asked and are silent, and,
   * with `onlyProven`, those whose key and address nobody has proven to us.
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
      if (place === undefined || place.entry.sequence !== place.sequence || place.entry.silent) continue
      if (place.entry.proven || !this.options.onlyProven) served.push(place.entry)
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

  /** Relays that were dropped, or fell silent, within that time; the latest first. */
  dropped(withinMs: number, limit: number): readonly Drop[] {
    this.expire()
    return this.drops.since(this.options.clock.now() - withinMs, limit)
  }

  find(mid: Uint8Array): DirectoryEntry | undefined {
    this.expire()
    return this.byMid.get(toHex(mid))
  }

  /** The relay itself answered just now. No effect if it is not listed. */
  markHeard(mid: Uint8Array): void {
    const key = toHex(mid)
    const entry = this.byMid.get(key)
    if (!entry) return
    entry.lastHeardMs = this.options.clock.now()
    // Those who asked meanwhile were not told of it.
    if (!entry.silent) return
    this.learn(key, entry)
    this.drops.forget(key)
  }

  /**
   * The relay has proven that its key is at `address`, just now: it was heard too. No effect if it is not listed, or at another
   * address.
   * @param address undefined: it was dialled at one of its addresses of another kind than UDP
   */
  markProven(mid: Uint8Array, address: IpAddress | undefined): void {
    const key = toHex(mid)
    const entry = this.byMid.get(key)
    if (!entry || (address !== undefined && !isAt(entry.descriptor, address))) return
    const nowMs = this.options.clock.now()
    entry.lastHeardMs = nowMs
    entry.provenMs = nowMs
    this.earliestUnproven = Math.min(this.earliestUnproven, nowMs + this.settings.provenForMs)
    const wasTold = !entry.silent && (entry.proven || !this.options.onlyProven)
    if (!entry.proven) this.changes++
    entry.proven = true
    if (!wasTold) this.learn(key, entry)
    this.drops.forget(key)
  }

  /** What was proven of a relay does not hold any more. */
  markUnproven(mid: Uint8Array): void {
    const entry = this.byMid.get(toHex(mid))
    if (!entry?.proven) return
    entry.proven = false
    entry.provenMs = undefined
    this.changes++
  }

  /** Whoever is at this UDP address was asked and had not answered `atMs`. No effect if it was heard, or news of it, since. */
  markSilent(address: Address, atMs = this.options.clock.now()): void {
    for (const entry of this.byMid.values()) {
      const newsMs = Math.max(entry.learntMs, entry.lastHeardMs ?? 0)
      if (entry.silent || newsMs > atMs || !isAt(entry.descriptor, address)) continue
      entry.silent = true
      this.drops.note(entry.descriptor.publicKey.mid, 'silent', this.options.clock.now())
    }
  }

  /** Forgets a relay that has been blocked, and tells others who ask. */
  drop(mid: Uint8Array): void {
    const key = toHex(mid)
    const entry = this.byMid.get(key)
    if (!entry) return
    this.remove(key, entry)
    this.drops.note(mid, 'blocked', this.options.clock.now())
  }

  /** Forgets what has expired. */
  expire(): void {
    this.expireProofs()
    const wallMs = this.options.clock.wall()
    if (wallMs / 1000 <= this.earliestExpiry) return
    this.earliestExpiry = Number.POSITIVE_INFINITY
    for (const [mid, entry] of this.byMid) {
      if (isExpired(entry.descriptor, wallMs)) {
        this.remove(mid, entry)
        this.drops.note(entry.descriptor.publicKey.mid, 'expired', this.options.clock.now())
      } else {
        this.noteExpiry(entry.descriptor)
      }
    }
  }

  private expireProofs(): void {
    const nowMs = this.options.clock.now()
    if (nowMs < this.earliestUnproven) return
    this.earliestUnproven = Number.POSITIVE_INFINITY
    for (const entry of this.byMid.values()) {
      if (entry.provenMs === undefined) continue
      const endsMs = entry.provenMs + this.settings.provenForMs
      if (endsMs <= nowMs) {
        this.changes++
        entry.proven = false
        entry.provenMs = undefined
      } else {
        this.earliestUnproven = Math.min(this.earliestUnproven, endsMs)
      }
    }
  }

  private enter(bytes: Uint8Array): AddResult {
    const { self, network, clock } = this.options
    const { publicKey, published } = descriptorHead(bytes)
    const kept = this.published.get(keyNumber(publicKey))
    if (kept && kept.published >= published && equalBytes(kept.key, publicKey)) return 'known'
    const parsed = (this.options.parse ?? parseDescriptor)(bytes)
    if (self && parsed.publicKey.equals(self)) return 'known'
    const mid = toHex(parsed.publicKey.mid)
    const old = this.byMid.get(mid)
    // The signature, which costs most, is looked at only if it would change something.
    if (old && (old.descriptor.published >= parsed.published || equalBytes(old.descriptor.bytes, bytes))) {
      return 'known'
    }
    if (this.options.refuse?.(parsed)) {
      this.options.counters.add('directory-blocked')
      return 'unwanted'
    }
    const descriptor = parsed.verify(network, clock.wall())
    const place = placeOf(descriptor)
    if (old?.place !== place) this.makeRoomInNetwork(place)
    const family = toHex(descriptor.family)
    if (old?.family !== family) this.makeRoomInFamily(family)
    // It may have expired, and gone, while room was made.
    if (old && this.byMid.get(mid) === old) this.remove(mid, old)
    else this.makeRoom()
    const isThere = old?.descriptor.udp && isAt(descriptor, old.descriptor.udp)
    const entry: StoredEntry = {
      descriptor,
      place,
      family,
      lastHeardMs: old?.lastHeardMs,
      proven: isThere ? old.proven : false,
      provenMs: isThere ? old.provenMs : undefined,
      sequence: 0,
      learntMs: 0,
      silent: false,
    }
    this.learn(mid, entry)
    this.drops.forget(mid)
    const result = old ? 'renewed' : 'new'
    this.options.learnt?.(entry, result)
    return result
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
    const { publicKey, published } = entry.descriptor
    this.published.set(keyNumber(publicKey.bytes), { key: publicKey.bytes, published })
    this.perPlace.add(entry.place)
    this.perFamily.add(entry.family)
    this.noteExpiry(entry.descriptor)
  }

  private remove(mid: string, entry: StoredEntry): void {
    const { place, family, descriptor } = entry
    entry.sequence = 0
    this.byMid.delete(mid)
    const number = keyNumber(descriptor.publicKey.bytes)
    if (this.published.get(number)?.key === descriptor.publicKey.bytes) this.published.delete(number)
    this.changes++
    this.perPlace.take(place)
    this.perFamily.take(family)
  }

  private noteExpiry({ published, lifetime }: RelayDescriptor): void {
    this.earliestExpiry = Math.min(this.earliestExpiry, published + lifetime)
  }

  /** Anybody may claim an address, so that its network is not closed to its own by those who never answered. */
  private makeRoomInNetwork(place: string): void {
    const most = this.settings.maxPerNetwork
    if (this.perPlace.of(place) < most) return
    this.expire()
    if (this.perPlace.of(place) < most || this.removeUnheard((entry) => entry.place === place)) return
    throw new CodecError('directory-network', `more than ${most} relays of one network`)
  }

  private makeRoom(): void {
    if (this.byMid.size < this.settings.maxDescriptors) return
    this.expire()
    if (this.byMid.size < this.settings.maxDescriptors) return
    if (this.removeUnheard(() => true)) return
    throw new CodecError('directory-full', `${this.byMid.size} relays are known and all were heard`)
  }

  /** Anybody may claim a family, so that it is not closed to its own by those who never answered. */
  private makeRoomInFamily(family: string): void {
    if (family === '' || this.perFamily.of(family) < this.settings.maxPerFamily) return
    this.expire()
    if (this.perFamily.of(family) < this.settings.maxPerFamily) return
    if (this.removeUnheard((entry) => entry.family === family)) return
    throw new CodecError('directory-family', `more than ${this.settings.maxPerFamily} relays of one family`)
  }

  /** The oldest that was never heard, or is silent, and has no proof. */
  private removeUnheard(fits: (entry: StoredEntry) => boolean): boolean {
    for (const [mid, entry] of this.byMid) {
      const heard = entry.proven || (entry.lastHeardMs !== undefined && !entry.silent)
      if (heard || !fits(entry) || this.options.isKept?.(mid)) continue
      this.remove(mid, entry)
      return true
    }
    return false
  }
}

function isAt({ udp, udp6 }: RelayDescriptor, address: Address): boolean {
  return (udp && sameAddress(udp, address)) || (udp6 && sameAddress(udp6, address)) || false
}

/** The last six bytes of a public key: quicker to look up by than all of it. Keys that share them are told apart by who looks. */
function keyNumber(publicKey: Uint8Array): number {
  let number = 0
  for (let i = publicKey.length - 6; i < publicKey.length; i++) number = 256 * number + (publicKey[i] ?? 0)
  return number
}

/** What a relay is counted under: its UDP network, or the host of its WebSocket. */
function placeOf({ udp, websocket }: RelayDescriptor): string {
  if (udp) return networkOf(udp)
  return websocket?.replace(/^wss?:\/\//, '').replace(/(:\d+)?\/relay$/, '') ?? ''
}
