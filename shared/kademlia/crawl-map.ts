import type { IpAddress } from '../bytes/address.ts'
import type { NodeContact } from './api.ts'
import type { CrawlSettings } from './constants.ts'
import { compareDistance, distanceShare } from './distance.ts'
import { countedNetworkOf, machineOf } from './place.ts'

/** Nodes that an estimate of the network's size is made from. */
const NODES_PER_ESTIMATE = 8
/** The median of a gamma distribution with shape n is about n - 1/3. */
const MEDIAN_CORRECTION = 1 / 3

/** A node that a crawl has met: somebody named it. */
export interface CrawlNode {
  /** As told by others, until the node itself has said it. */
  id: Uint8Array
  readonly address: IpAddress
  /** Whether an answer is waited for. */
  isAsked: boolean
  /** Whether it answered ever. */
  hasAnswered: boolean
  /** Whether it was asked, and gave no answer in time. */
  wasSilent: boolean
  /** From when on it may be asked for samples; infinity if there are none to be had. */
  dueMs: number
  /** Whether it gave no samples when asked for them and is to be asked for nodes alone, when there is nothing better to ask. */
  isDoubtful: boolean
}

export interface Near {
  readonly nearest: CrawlNode | undefined
  readonly due: CrawlNode | undefined
  readonly doubtful: CrawlNode | undefined
}

/** All nodes that a crawl has met, each machine once, few of one network. */
export class CrawlMap {
  private readonly settings: CrawlSettings
  private readonly nodes = new Map<string, CrawlNode>()
  private readonly perNetwork = new Map<string, number>()
  /** Whether a node was passed over for want of room. */
  isFull = false

  constructor(settings: CrawlSettings) {
    this.settings = settings
  }

  get size(): number {
    return this.nodes.size
  }

  learn({ id, address }: NodeContact): void {
    const machine = machineOf(address)
    if (this.nodes.has(machine)) return
    const network = countedNetworkOf(address)
    const neighbours = network === undefined ? 0 : (this.perNetwork.get(network) ?? 0)
    if (neighbours >= this.settings.nodesPerNetwork) return
    if (this.nodes.size >= this.settings.nodes) {
      this.isFull = true
      return
    }
    if (network !== undefined) this.perNetwork.set(network, neighbours + 1)
    this.nodes.set(machine, {
      id,
      address,
      isAsked: false,
      hasAnswered: false,
      wasSilent: false,
      dueMs: 0,
      isDoubtful: false,
    })
  }

  /** Closest to the point: of nodes that may be alive; of those that may be asked for samples now; of doubtful ones. */
  near(point: Uint8Array, nowMs: number): Near {
    let nearest: CrawlNode | undefined
    let due: CrawlNode | undefined
    let doubtful: CrawlNode | undefined
    for (const node of this.nodes.values()) {
      if (node.isAsked) continue
      if (!isSilent(node)) nearest = closer(point, nearest, node)
      if (node.dueMs <= nowMs) due = closer(point, due, node)
      if (node.isDoubtful) doubtful = closer(point, doubtful, node)
    }
    return { nearest, due, doubtful }
  }

  /** Whether any node may be asked by then. */
  isDueBy(timeMs: number): boolean {
    for (const node of this.nodes.values()) if (node.dueMs <= timeMs || node.isDoubtful) return true
    return false
  }

  /**
   * How many nodes there are in all if everywhere is as around this point; undefined while too few are known to tell.
   * @param answering share of nodes that answer: so much those count that were not asked yet
   */
  sizeAround(point: Uint8Array, answering: number): number | undefined {
    const closest: CrawlNode[] = []
    for (const node of this.nodes.values()) {
      if (isSilent(node)) continue
      let at = closest.length
      while (at > 0 && compareDistance(point, node.id, (closest[at - 1] as CrawlNode).id) < 0) at--
      if (at >= NODES_PER_ESTIMATE) continue
      closest.splice(at, 0, node)
      if (closest.length > NODES_PER_ESTIMATE) closest.pop()
    }
    const farthest = closest.at(-1)
    if (!farthest || closest.length < NODES_PER_ESTIMATE) return undefined
    const live = closest.reduce((sum, { hasAnswered }) => sum + (hasAnswered ? 1 : answering), 0)
    const share = distanceShare(point, farthest.id)
    return Math.max(0, live - MEDIAN_CORRECTION) / Math.max(share, Number.EPSILON)
  }
}

function isSilent({ wasSilent, hasAnswered }: CrawlNode): boolean {
  return wasSilent && !hasAnswered
}

function closer(point: Uint8Array, best: CrawlNode | undefined, node: CrawlNode): CrawlNode {
  return best && compareDistance(point, best.id, node.id) <= 0 ? best : node
}
