import { equalBytes, toHex } from '../bytes/bytes.ts'
import { CodecError } from '../bytes/error.ts'
import type { PublicKey } from '../identity/keys.ts'
import { networkOf } from '../ipv8/network-of.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { DIRECTORY_DEFAULTS, type DirectorySettings } from './constants.ts'
import { isExpired, parseDescriptor, type RelayDescriptor } from './descriptor.ts'

export interface DirectoryEntry {
  readonly descriptor: RelayDescriptor
  /** When the relay itself was last heard, on the handed-in clock; undefined if it never was. */
  readonly lastHeardMs: number | undefined
}

export interface DirectoryOptions {
  /** The name of the network; descriptors of others are refused. */
  readonly network: string
  readonly clock: Clock
  readonly counters: Counters
  /** Our own key: its descriptors are not kept. */
  readonly self?: PublicKey
  readonly settings?: Partial<DirectorySettings>
}

export type AddResult = 'new' | 'renewed' | 'known' | 'refused'

interface StoredEntry extends DirectoryEntry {
  descriptor: RelayDescriptor
  lastHeardMs: number | undefined
}

/**
 * Verified descriptors by mid; the newest of each relay. Bounded in all and per network; when full, what was never heard
 * gives way to what is new, oldest first, and what was heard stays.
 */
export class Directory {
  private readonly options: DirectoryOptions
  private readonly settings: DirectorySettings
  /** In the order in which they were learnt, which a renewal does not change: cursors of the exchange count on it. */
  private readonly byMid = new Map<string, StoredEntry>()

  constructor(options: DirectoryOptions) {
    this.options = options
    this.settings = { ...DIRECTORY_DEFAULTS, ...options.settings }
  }

  get size(): number {
    return this.byMid.size
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

  /** What others are told: all, but those that were heard once and then not for `servedAfterHeardMs`. */
  served(): readonly RelayDescriptor[] {
    const now = this.options.clock.now()
    return this.list()
      .filter(
        ({ lastHeardMs }) =>
          lastHeardMs === undefined || now - lastHeardMs <= this.settings.servedAfterHeardMs,
      )
      .map(({ descriptor }) => descriptor)
  }

  find(mid: Uint8Array): DirectoryEntry | undefined {
    return this.byMid.get(toHex(mid))
  }

  /** The relay itself answered just now. No effect if it is not listed. */
  markHeard(mid: Uint8Array): void {
    const entry = this.byMid.get(toHex(mid))
    if (entry) entry.lastHeardMs = this.options.clock.now()
  }

  /** Forgets what has expired. */
  expire(): void {
    const wallMs = this.options.clock.wall()
    for (const [mid, { descriptor }] of this.byMid) if (isExpired(descriptor, wallMs)) this.byMid.delete(mid)
  }

  private enter(bytes: Uint8Array): AddResult {
    const parsed = parseDescriptor(bytes)
    const { self, network, clock } = this.options
    if (self && parsed.publicKey.equals(self)) return 'known'
    const mid = toHex(parsed.publicKey.mid)
    const old = this.byMid.get(mid)
    // The signature, which costs most, is looked at only if it would change something.
    if (old && (old.descriptor.published >= parsed.published || equalBytes(old.descriptor.bytes, bytes))) {
      return 'known'
    }
    const descriptor = parsed.verify(network, clock.wall())
    this.checkNetwork(mid, descriptor)
    if (old) {
      old.descriptor = descriptor
      return 'renewed'
    }
    this.makeRoom()
    this.byMid.set(mid, { descriptor, lastHeardMs: undefined })
    return 'new'
  }

  private checkNetwork(mid: string, descriptor: RelayDescriptor): void {
    const network = placeOf(descriptor)
    let neighbours = 0
    for (const [other, entry] of this.byMid) {
      if (other !== mid && placeOf(entry.descriptor) === network) neighbours++
    }
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
    for (const [mid, { lastHeardMs }] of this.byMid) {
      if (lastHeardMs !== undefined) continue
      this.byMid.delete(mid)
      return
    }
    throw new CodecError('directory-full', `${this.byMid.size} relays are known and all were heard`)
  }
}

/** What a relay is counted under: its UDP network, or the host of its WebSocket. */
function placeOf({ udp, websocket }: RelayDescriptor): string {
  if (udp) return networkOf(udp)
  return websocket?.replace(/^wss?:\/\//, '').replace(/(:\d+)?\/relay$/, '') ?? ''
}
