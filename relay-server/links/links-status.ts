import type { BandwidthStatus } from '../../shared/link/bandwidth.ts'
import type { KeeperStatus, LinkTraffic } from '../../shared/link/health.ts'
import type { WireKind } from '../../shared/link/wire.ts'
import { rounded } from '../discovery/settings.ts'

/** What the connections of one kind are, and have carried, that are there now (L-07). */
export interface KindStatus extends LinkTraffic {
  readonly wires: number
  /** The mean of those measured; undefined where none was. */
  readonly latencyMs: number | undefined
}

export type KindsStatus = { readonly [K in WireKind]?: KindStatus }

/** Numbers and states of a relay's links; no address, key or id, unless asked for. */
export interface LinksStatus extends KeeperStatus {
  readonly bandwidth: BandwidthStatus
  /** Of the connections to other relays that are there now. */
  readonly kinds: KindsStatus
}

/** With times as people read them: more of a clock's digits help only who tells machines apart by them (N-13). */
export function linksStatusOf(status: KeeperStatus, bandwidth: BandwidthStatus): LinksStatus {
  return rounded({ ...status, bandwidth, kinds: kindsOf(status) })
}

/** The connections of all links, by kind. */
function kindsOf({ neighbours }: Pick<KeeperStatus, 'neighbours'>): KindsStatus {
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
