import { type Address, formatAddress, sameAddress } from '../bytes/address.ts'
import { equalBytes, toHex } from '../bytes/bytes.ts'
import type { PublicKey } from '../identity/keys.ts'
import type { MESSAGE } from '../onion/constants.ts'
import type { MessageBody } from '../onion/messages.ts'
import type { Clock } from '../world/clock.ts'
import { type HiddenRelayLimits, SOURCE } from './constants.ts'

/** An introduction point as message 18 has it. */
export type ToldPoint = MessageBody<typeof MESSAGE.peersResponse>['peers'][number]

interface Told extends ToldPoint {
  readonly lookupKey: Uint8Array
  readonly sinceMs: number
}

/** What other relays told this one about seeders that they introduce, oldest first. */
export class Hearsay {
  private readonly limits: HiddenRelayLimits
  private readonly clock: Clock
  private readonly known = new Map<string, Told>()

  constructor(limits: HiddenRelayLimits, clock: Clock) {
    this.limits = limits
    this.clock = clock
  }

  /**
   * Enters what came from `from`. A relay speaks for itself alone: points at other addresses, or under a key that is not the
   * known one of the relay there, are left out. A source address can be forged: so what is new takes the place of the oldest of that
   * relay, and is not refused for it.
   * @returns how many were entered
   */
  add(
    from: Address,
    keyAt: (address: Address) => PublicKey | undefined,
    lookupKey: Uint8Array,
    points: readonly ToldPoint[],
  ): number {
    const key = keyAt(from)
    if (!key) return 0
    let entered = 0
    for (const point of points) {
      if (!sameAddress(point.address, from) || !equalBytes(point.nodeKey, key.bytes)) continue
      const id = `${formatAddress(from)} ${toHex(point.seederKey)}`
      // Anew, so that the order stays that of age.
      this.known.delete(id)
      this.makeRoom(from)
      this.known.set(id, {
        address: point.address,
        nodeKey: key.bytes,
        seederKey: point.seederKey.slice(),
        source: SOURCE.dht,
        lookupKey: lookupKey.slice(),
        sinceMs: this.clock.now(),
      })
      entered++
    }
    for (const id of this.known.keys()) {
      if (this.known.size <= this.limits.told) break
      this.known.delete(id)
    }
    return entered
  }

  of(lookupKey: Uint8Array): ToldPoint[] {
    const beforeMs = this.clock.now() - this.limits.toldMs
    for (const [id, { sinceMs }] of this.known) {
      if (sinceMs > beforeMs) break
      this.known.delete(id)
    }
    return [...this.known.values()].filter((each) => equalBytes(each.lookupKey, lookupKey))
  }

  /** For one more of that relay. */
  private makeRoom(from: Address): void {
    const ids = [...this.known].flatMap(([id, { address }]) => (sameAddress(address, from) ? id : []))
    const [oldest] = ids
    if (oldest !== undefined && ids.length >= this.limits.toldByOne) this.known.delete(oldest)
  }
}
