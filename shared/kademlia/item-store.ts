import type { IpAddress } from '../bytes/address.ts'
import { unpinned } from '../bytes/bytes.ts'
import type { KademliaSettings } from './constants.ts'
import { faultOfPut, type PutFault } from './item.ts'
import type { WireItem } from './krpc.ts'
import { NearMap } from './near-map.ts'
import { countedNetworkOf } from './place.ts'

interface StoredItem {
  readonly item: WireItem
  readonly untilMs: number
  /** The network that put it here first. */
  readonly network: string | undefined
}

const FULL: PutFault = { code: 202, message: 'no room' }

/** Items that others put here (BEP 44), each for a while: bounded in number, by the network that put them, and each to 1,000 bytes. */
export class ItemStore {
  private readonly settings: KademliaSettings
  private readonly items: NearMap<StoredItem>

  constructor(settings: KademliaSettings) {
    this.settings = settings
    this.items = new NearMap(settings.items)
  }

  get size(): number {
    return this.items.size
  }

  get bytes(): number {
    return this.items.values().reduce((sum, { item }) => sum + item.value.length, 0)
  }

  get(target: Uint8Array, now: number): WireItem | undefined {
    const stored = this.items.get(target)
    return stored && stored.untilMs > now ? stored.item : undefined
  }

  /**
   * Takes an item if BEP 44 allows it in place of what is there.
   * @param near our node id: what is far from it goes first
   * @returns why it is refused
   */
  put(
    target: Uint8Array,
    item: WireItem,
    from: IpAddress,
    near: Uint8Array,
    now: number,
    { salt, cas }: { salt?: Uint8Array | undefined; cas?: number | undefined },
  ): PutFault | undefined {
    const kept = this.items.get(target)
    const fault = faultOfPut(item, { salt, cas, kept: kept && kept.untilMs > now ? kept.item : undefined })
    if (fault) return fault
    const network = kept ? kept.network : countedNetworkOf(from)
    if (!kept && this.ofNetwork(network) >= this.settings.itemsPerNetwork) return FULL
    const stored = { item: copyOf(item), untilMs: now + this.settings.itemMs, network }
    return this.items.set(target, stored, near) === stored ? FULL : undefined
  }

  /** Keeps what a lookup of ours found, where there is room, to help those who look for the same (K-05); checked already. */
  cache(target: Uint8Array, item: WireItem, now: number): void {
    const kept = this.items.get(target)
    if (!kept && this.items.size >= this.settings.items) return
    if (kept && kept.untilMs > now && (kept.item.sequence ?? 0) >= (item.sequence ?? 0)) return
    const untilMs = Math.max(kept?.untilMs ?? 0, now + this.settings.hotItemMs)
    this.items.set(target, { item, untilMs, network: kept?.network }, target)
  }

  expire(now: number): void {
    this.items.prune(({ untilMs }) => untilMs <= now)
  }

  private ofNetwork(network: string | undefined): number {
    if (network === undefined) return 0
    let count = 0
    for (const stored of this.items.values()) if (stored.network === network) count++
    return count
  }
}

/** Packets are not kept for the bytes in them. */
export function copyOf({ value, publicKey, sequence, signature }: WireItem): WireItem {
  return {
    value: unpinned(value),
    ...(publicKey && { publicKey: unpinned(publicKey) }),
    ...(sequence !== undefined && { sequence }),
    ...(signature && { signature: unpinned(signature) }),
  }
}
