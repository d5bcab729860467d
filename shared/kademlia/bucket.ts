import type { PackedId } from './packed-id.ts'
import type { TableNode } from './table-node.ts'

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

  withId(id: PackedId): TableNode | undefined {
    return this.nodes.find(({ key }) => key === id)
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
