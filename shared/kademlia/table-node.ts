import type { IpAddress } from '../bytes/address.ts'
import type { NodeContact } from './api.ts'
import { type PackedId, unpacked } from './packed-id.ts'

/** Who a node is, without what was heard of it: many tables may share one. */
export type NodeIdentity = Pick<TableNode, 'key' | 'address' | 'machine' | 'network' | 'fits'>

/** What is known of a node of the table: it has answered us. Whole milliseconds, since fractions take memory of their own. */
export class TableNode implements NodeContact {
  readonly key: PackedId
  readonly address: IpAddress
  /** What it counts as (place.ts). */
  readonly machine: string
  readonly network: string | undefined
  /** Whether its id fits its address (BEP 42). */
  readonly fits: boolean
  /** When it was last heard of, by the clock's `now`. */
  heardMs: number
  /** Queries in a row that it did not answer. */
  failures = 0
  /** Smoothed round-trip time; 0 if unknown. */
  rttMs: number

  constructor(node: NodeIdentity, now: number, rttMs: number) {
    this.key = node.key
    this.address = node.address
    this.machine = node.machine
    this.network = node.network
    this.fits = node.fits
    this.heardMs = Math.round(now)
    this.rttMs = Math.round(rttMs)
  }

  /** A copy, made anew each time. */
  get id(): Uint8Array {
    return unpacked(this.key)
  }

  /** It answered. */
  heard(now: number, rttMs: number): void {
    this.heardMs = Math.round(now)
    this.failures = 0
    if (rttMs > 0) this.rttMs = Math.round(this.rttMs > 0 ? (7 * this.rttMs + rttMs) / 8 : rttMs)
  }

  /** As told to others. */
  get contact(): NodeContact {
    return { id: this.id, address: this.address }
  }
}
