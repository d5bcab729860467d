import type { KeeperStatus, LinkTraffic } from '../../shared/link/health.ts'
import type { WireKind } from '../../shared/link/wire.ts'

/** What the connections of one kind are, and have carried, that are there now (L-07). */
export interface KindStatus extends LinkTraffic {
  readonly wires: number
  /** The mean of those measured; undefined where none was. */
  readonly latencyMs: number | undefined
}

export type KindsStatus = { readonly [K in WireKind]?: KindStatus }

/** The connections of all links, by kind. */
export function kindsOf({ neighbours }: Pick<KeeperStatus, 'neighbours'>): KindsStatus {
  const wires = neighbours.flatMap((neighbour) => neighbour.wires)
  const kinds: { [K in WireKind]?: KindStatus } = {}
  for (const kind of new Set(wires.map((wire) => wire.kind))) {
    const those = wires.filter((wire) => wire.kind === kind)
    const sum = (name: keyof LinkTraffic) => those.reduce((total, wire) => total + wire[name], 0)
    const measured = those.flatMap(({ latencyMs }) => latencyMs ?? [])
    kinds[kind] = {
      wires: those.length,
      messagesIn: sum('messagesIn'),
      messagesOut: sum('messagesOut'),
      bytesIn: sum('bytesIn'),
      bytesOut: sum('bytesOut'),
      latencyMs:
        measured.length > 0 ? measured.reduce((total, ms) => total + ms, 0) / measured.length : undefined,
    }
  }
  return kinds
}
