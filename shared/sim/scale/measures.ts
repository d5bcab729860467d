import { DIRECTORY_COMMUNITY_ID } from '../../directory/constants.ts'
import { TUNNEL_COMMUNITY_ID } from '../../ipv8/constants.ts'
import { MESSAGE } from '../../onion/constants.ts'
import type { MeshMeter, MeshNode } from '../mesh.ts'

export const PACKET_KINDS = [
  'cell',
  'build',
  'destroy',
  'introduction',
  'puncture',
  'alive',
  'directory',
] as const
export type PacketKind = (typeof PACKET_KINDS)[number]

const MESSAGE_AT = 22
const PLAINTEXT_AT = 27
/** Introduction messages of either style; punctures are the other ids above 200. */
const INTRODUCTIONS = new Set([246, 245, 234, 233])

/** What a packet is for, by its prefix and message id. `alive` is the DiscoveryCommunity: pings, pongs, similarity. */
function kindOf(packet: Uint8Array): PacketKind {
  const message = packet[MESSAGE_AT] as number
  if (packet[2] === DIRECTORY_COMMUNITY_ID[0]) return 'directory'
  if (message > 200) return INTRODUCTIONS.has(message) ? 'introduction' : 'puncture'
  if (packet[2] !== TUNNEL_COMMUNITY_ID[0]) return 'alive'
  if (message === MESSAGE.destroy) return 'destroy'
  return packet[PLAINTEXT_AT] === 1 ? 'build' : 'cell'
}

export interface PacketCount {
  readonly packets: number
  readonly bytes: number
}

/** Counts packets sent, by kind, for two sorts of nodes; and cells sent by each node. */
export class PacketMeter implements MeshMeter {
  /** Cells sent by each node. */
  readonly cells = new Map<MeshNode, number>()
  private readonly relays: ReadonlySet<MeshNode>
  private readonly counts = new Map<string, { packets: number; bytes: number }>()

  constructor(relays: ReadonlySet<MeshNode>) {
    this.relays = relays
    this.reset()
  }

  /** Counts from here on. */
  reset(): void {
    this.cells.clear()
    for (const role of ['relay', 'client']) {
      for (const kind of PACKET_KINDS) this.counts.set(`${role} ${kind}`, { packets: 0, bytes: 0 })
    }
  }

  sent(from: MeshNode, packet: Uint8Array): void {
    const isRelay = this.relays.has(from)
    const kind = kindOf(packet)
    const count = this.counts.get(isRelay ? `relay ${kind}` : `client ${kind}`)
    if (count !== undefined) {
      count.packets++
      count.bytes += packet.length
    }
    if (kind === 'cell' && isRelay) this.cells.set(from, (this.cells.get(from) ?? 0) + 1)
  }

  of(role: 'relay' | 'client', kind: PacketKind): PacketCount {
    return this.counts.get(`${role} ${kind}`) ?? { packets: 0, bytes: 0 }
  }
}

export interface Distribution {
  readonly count: number
  readonly mean: number
  readonly least: number
  readonly median: number
  readonly p95: number
  readonly most: number
}

/** Nearest-rank quantiles; NaN of nothing. */
export function distribution(values: readonly number[]): Distribution {
  const sorted = Float64Array.from(values).sort()
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length
  return { count: sorted.length, mean, least: at(0), median: at(0.5), p95: at(0.95), most: at(1) }
}

/** Gini coefficient of a load: 0 if all carry the same, near 1 if one carries all. */
export function gini(loads: readonly number[]): number {
  const sorted = [...loads].sort((a, b) => a - b)
  const total = sorted.reduce((sum, load) => sum + load, 0)
  if (total === 0) return 0
  const weighted = sorted.reduce((sum, load, i) => sum + (i + 1) * load, 0)
  return (2 * weighted) / (sorted.length * total) - (sorted.length + 1) / sorted.length
}
