import type { IpAddress } from '../bytes/address.ts'
import { NearMap } from '../kademlia/near-map.ts'
import { countedNetworkOf } from '../kademlia/place.ts'
import type { DhtSettings } from './constants.ts'
import type { Entry } from './entry.ts'

interface Kept {
  readonly identity: string
  readonly bytes: Uint8Array
  readonly version: number
  readonly untilMs: number
  /** The network that put it here. */
  readonly network: string | undefined
}

/**
 * Entries that others put here, by target, the latest first; each for a while. Bounded in targets (those far from us go first), in
 * entries of one, and by the network that put them.
 */
export class ValueStore {
  private readonly settings: DhtSettings
  private readonly byTarget: NearMap<Kept[]>

  constructor(settings: DhtSettings) {
    this.settings = settings
    this.byTarget = new NearMap(settings.targets)
  }

  /** Entries in all. */
  get size(): number {
    return this.byTarget.values().reduce((sum, kept) => sum + kept.length, 0)
  }

  get bytes(): number {
    return this.byTarget
      .values()
      .reduce((sum, kept) => sum + kept.reduce((n, each) => n + each.bytes.length, 0), 0)
  }

  /**
   * Takes an entry, its signature checked, in place of one of the same identity unless that is of a later version.
   * @param from undefined for what we store ourselves
   * @param near our node id: what is far from it goes first
   * @returns whether it is kept
   */
  put(
    target: Uint8Array,
    entry: Entry,
    from: IpAddress | undefined,
    near: Uint8Array,
    now: number,
    ageMs = this.settings.entryMs,
  ): boolean {
    const { valuesPerTarget, valuesPerNetwork, valuesPerNetworkAndTarget, entryBytes } = this.settings
    if (entry.bytes.length > entryBytes || ageMs <= 0) return false
    const kept = (this.byTarget.get(target) ?? []).filter(({ untilMs }) => untilMs > now)
    const before = kept.find(({ identity }) => identity === entry.identity)
    if (before && before.version > entry.version) return false
    const network = from && countedNetworkOf(from)
    const others = kept.filter((each) => each !== before)
    const ofNetwork = (list: readonly Kept[]) => list.filter((each) => each.network === network).length
    if (network !== undefined && before?.network !== network) {
      if (ofNetwork(others) >= valuesPerNetworkAndTarget) return false
      const inAll = this.byTarget.values().reduce((sum, list) => sum + ofNetwork(list), 0)
      if (inAll >= valuesPerNetwork) return false
    }
    const fresh: Kept = {
      identity: entry.identity,
      bytes: entry.bytes.slice(),
      version: entry.version,
      untilMs: now + ageMs,
      network,
    }
    const list = [fresh, ...others].slice(0, valuesPerTarget)
    return this.byTarget.set(target, list, near) !== list
  }

  /** As many as fit a message, from the one at `offset` on: of each network one in turn, so that none hides what others put here. */
  get(target: Uint8Array, now: number, offset = 0): Uint8Array[] {
    const fresh = (this.byTarget.get(target) ?? []).filter(({ untilMs }) => untilMs > now)
    const rank = (each: Kept) =>
      each.network === undefined
        ? 0
        : fresh.slice(0, fresh.indexOf(each)).filter(({ network }) => network === each.network).length
    return fresh
      .map((each) => ({ each, rank: rank(each) }))
      .sort((a, b) => a.rank - b.rank)
      .slice(offset, offset + this.settings.valuesPerMessage)
      .map(({ each }) => each.bytes)
  }

  expire(now: number): void {
    this.byTarget.prune((kept) => kept.every(({ untilMs }) => untilMs <= now))
  }
}
