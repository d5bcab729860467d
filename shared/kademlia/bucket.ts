import type { IpAddress } from '../bytes/address.ts'
import { equalBytes } from '../bytes/bytes.ts'
import type { NodeContact } from './api.ts'

/** A node of the table: it has answered us. */
export interface TableNode extends NodeContact {
  readonly id: Uint8Array
  readonly address: IpAddress
  /** What it counts as (place.ts). */
  readonly machine: string
  readonly network: string | undefined
  /** Whether its id fits its address (BEP 42). */
  readonly fits: boolean
  /** When it was last heard of, by the clock's `now`. */
  heardMs: number
  /** Queries in a row that it did not answer. */
  failures: number
  /** Smoothed round-trip time. */
  rttMs: number
}

/** Nodes of one distance from us, and a few more that answered but found no place. */
export class Bucket {
  nodes: TableNode[] = []
  /** Latest heard last. Made when the first one comes: most buckets never have any. */
  spares: TableNode[] | undefined
  /** When one of its nodes was last heard of. */
  touchedMs: number

  constructor(now: number) {
    this.touchedMs = now
  }

  withId(id: Uint8Array): TableNode | undefined {
    return this.nodes.find((node) => equalBytes(node.id, id))
  }

  ofNetwork(network: string | undefined): number {
    if (network === undefined) return 0
    let count = 0
    for (const node of this.nodes) if (node.network === network) count++
    return count
  }

  remove(node: TableNode): void {
    const at = this.nodes.indexOf(node)
    if (at >= 0) this.nodes.splice(at, 1)
  }

  keepSpare(node: TableNode, most: number): void {
    const others = this.spares?.filter((spare) => spare.machine !== node.machine) ?? []
    others.push(node)
    this.spares = others.slice(-most)
  }

  /** The spare heard of last, no longer a spare. */
  takeSpare(): TableNode | undefined {
    const spare = this.spares?.pop()
    if (this.spares?.length === 0) this.spares = undefined
    return spare
  }
}
