import { type IpAddress, parseIpv4, parseIpv6 } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import { isUnicast } from '../ipv8/network-of.ts'
import type { Clock, Timer } from '../world/clock.ts'
import { type Random, uint32 } from '../world/random.ts'
import type { Dht, Family, Lookup, NodeAnswer, NodeContact } from './api.ts'
import { CRAWL_DEFAULTS, type CrawlSettings, ID_BYTES } from './constants.ts'
import { CrawlMap, type CrawlNode } from './crawl-map.ts'
import { DistinctCount } from './distinct-count.ts'
import { share } from './meter.ts'
import { nodeIdFits } from './node-id.ts'

export interface CrawlerOptions {
  readonly clock: Clock
  readonly random: Random
  /** Has nodes already; best a read-only one (BEP 43), so that nobody remembers it. */
  readonly dht: Pick<Dht, 'askNode' | 'nodes'>
  /** The DHT that is crawled: that of IPv4 and that of IPv6 are two (BEP 32). */
  readonly family: Family
  /** Whether a node that others named may be asked. */
  mayReach(address: IpAddress): boolean
  readonly settings?: Partial<CrawlSettings>
}

/** Nodes met for each point that was looked for, when the space counts as walked through: half of what an answer names. */
const NODES_PER_POINT = 4

/** `whole`: everybody who was named was asked. `full`: the same, but not everybody could be remembered. */
export type CrawlEnd = 'whole' | 'full' | 'time'

/** What a crawl has found: numbers, and nothing that says who or what. */
export interface CrawlFigures {
  /** Undefined while it goes on. */
  readonly ended: CrawlEnd | undefined
  readonly tookMs: number
  /** Questions asked, without those sent again. */
  readonly queries: number
  /** Nodes that were named, each address once; those of them that answered, and those that did not in time. */
  readonly met: number
  readonly answered: number
  readonly silent: number
  /** Share of those that answered whose id fits their address (BEP 42), 0..1. */
  readonly fittingIds: number
  /** Networks (IPv4 /16, IPv6 /32) of those that answered. */
  readonly networks: number
  /** Estimated number of nodes that answer in the whole DHT. */
  readonly networkSize: number
  /** Nodes that answered a question for samples of info hashes (BEP 51), be it with none. */
  readonly sampling: number
  /** Distinct info hashes among the samples. */
  readonly infoHashes: number
  /** Whether that is counted; else it is estimated, to within about 1 %. */
  readonly infoHashesExact: boolean
}

/**
 * Walks through the id space and counts (D-10). One point after the other is looked for, each as far from those before as can be,
 * so that whatever the time suffices for is spread evenly. Who is closest to a point is asked for nodes near it, until nobody closer is
 * known; then one more near there, for its neighbours, and so on to the next point. It ends when everybody was asked and the points stand as
 * close as nodes do.
 *
 * Samples are asked for in the same breath: of each node once, and again, when its interval has passed, if it has more info hashes than it
 * has shown. At last those who gave none and were silent are asked for nodes alone, for some pass over questions of BEP 51.
 *
 * Of info hashes nothing is kept but what DistinctCount needs.
 */
export class Crawler {
  private readonly options: CrawlerOptions
  private readonly settings: CrawlSettings
  private readonly map: CrawlMap
  private readonly counted: DistinctCount
  private readonly startedMs: number
  private readonly underWay = new Set<Lookup>()
  private readonly networks = new Set<string>()
  private readonly sizes: number[] = []
  private readonly origin: number
  private point: Uint8Array
  private points = 0
  private readonly askedForPoint = new Set<CrawlNode>()
  private timer: Timer | undefined
  private ended: { readonly why: CrawlEnd; readonly ms: number } | undefined
  private queries = 0
  private answered = 0
  private silent = 0
  private fitting = 0
  private sampling = 0

  constructor(options: CrawlerOptions) {
    const { clock, random } = options
    this.options = options
    this.settings = { ...CRAWL_DEFAULTS, ...options.settings }
    this.map = new CrawlMap(this.settings)
    this.counted = new DistinctCount(Math.ceil(this.settings.countedInfoHashes / 2), random)
    this.startedMs = clock.now()
    this.origin = uint32(random)
    this.point = this.nextPoint()
  }

  /** To be called once. `done` is called once, never within this call, unless the crawl is cancelled. */
  run(done: (figures: CrawlFigures) => void): Lookup {
    this.timer = this.options.clock.after(0, () => this.step(done))
    return { cancel: () => this.stop() }
  }

  figures(): CrawlFigures {
    const { answered, silent, queries, sampling, map, counted } = this
    return {
      ended: this.ended?.why,
      tookMs: (this.ended?.ms ?? this.options.clock.now()) - this.startedMs,
      queries,
      met: map.size,
      answered,
      silent,
      fittingIds: share(this.fitting, answered),
      networks: this.networks.size,
      networkSize: this.networkSize(),
      sampling,
      infoHashes: counted.count,
      infoHashesExact: counted.isExact,
    }
  }

  private step(done: (figures: CrawlFigures) => void): void {
    const { clock } = this.options
    const { queriesPerSecond, timeMs, pending } = this.settings
    const untilMs = this.startedMs + timeMs
    const now = clock.now()
    const asks = now < untilMs && this.underWay.size < pending && this.askNext(now)
    if (now >= untilMs) this.end('time')
    else if (!asks && this.underWay.size === 0 && !this.map.isDueBy(untilMs)) {
      this.end(this.map.isFull ? 'full' : 'whole')
    }
    if (this.ended) {
      done(this.figures())
      return
    }
    this.timer = clock.after(Math.min(1000 / queriesPerSecond, untilMs - now), () => this.step(done))
  }

  /** @returns whether there was anybody to ask */
  private askNext(nowMs: number): boolean {
    if (!this.map.isDueBy(nowMs)) this.learn(this.options.dht.nodes())
    const { nearest, due, doubtful } = this.map.near(this.point, nowMs)
    const isWalking = due !== undefined || this.points * NODES_PER_POINT < this.map.size
    if (isWalking && nearest && this.mayAskForPoint(nearest)) {
      this.askedForPoint.add(nearest)
      this.ask(nearest, this.point, nearest.dueMs <= nowMs)
    } else if (isWalking && nearest) {
      this.reached()
      if (!due) return this.askNext(nowMs)
      this.ask(due, due.id, true)
    } else {
      const next = due ?? doubtful
      if (!next) return false
      this.ask(next, next.id, next === due)
    }
    return true
  }

  private mayAskForPoint(node: CrawlNode): boolean {
    return this.askedForPoint.size < this.settings.queriesPerPoint && !this.askedForPoint.has(node)
  }

  private reached(): void {
    const size = this.map.sizeAround(this.point, share(this.answered, this.answered + this.silent))
    if (size !== undefined) this.sizes.push(size)
    if (this.sizes.length > this.settings.sizeSamples) this.sizes.shift()
    this.point = this.nextPoint()
    this.askedForPoint.clear()
  }

  /** As a van der Corput sequence goes: the bits of the number in reverse, from an origin by chance. */
  private nextPoint(): Uint8Array {
    const point = this.options.random.bytes(ID_BYTES)
    let reversed = 0
    for (let bit = 0; bit < 32; bit++) reversed = (reversed << 1) | ((this.points >>> bit) & 1)
    this.points++
    const front = reversed ^ this.origin
    for (let i = 0; i < 4; i++) point[i] = front >>> (24 - 8 * i)
    return point
  }

  private ask(node: CrawlNode, target: Uint8Array, samples: boolean): void {
    node.isAsked = true
    node.isDoubtful = false
    if (samples) node.dueMs = Number.POSITIVE_INFINITY
    this.queries++
    const lookup = this.options.dht.askNode(node.address, { target, samples }, (answer) => {
      this.underWay.delete(lookup)
      node.isAsked = false
      if (answer === undefined) this.missed(node)
      else if (answer === 'refused') this.answeredBy(node)
      else this.heard(node, answer)
      // It may not know BEP 51, which some nodes say and others do not, and still know others.
      if (answer === undefined || answer === 'refused') node.isDoubtful = samples
    })
    this.underWay.add(lookup)
  }

  private missed(node: CrawlNode): void {
    if (node.hasAnswered || node.wasSilent) return
    node.wasSilent = true
    this.silent++
  }

  private answeredBy(node: CrawlNode): void {
    if (node.hasAnswered) return
    node.hasAnswered = true
    this.answered++
    if (node.wasSilent) this.silent--
    if (nodeIdFits(node.id, node.address)) this.fitting++
    this.networks.add(wideNetworkOf(node.address))
  }

  private heard(node: CrawlNode, { id, nodes, samples }: NodeAnswer): void {
    if (!node.hasAnswered) {
      node.id = id
      if (samples) this.sampling++
    }
    this.answeredBy(node)
    this.learn(nodes.slice(0, this.settings.nodesPerAnswer))
    if (!samples) return
    for (const infoHash of samples.infoHashes) this.counted.add(infoHash)
    if (samples.total > samples.infoHashes.length) {
      node.dueMs = this.options.clock.now() + Math.max(samples.intervalMs, this.settings.leastIntervalMs)
    }
  }

  private learn(nodes: readonly NodeContact[]): void {
    const { family, mayReach } = this.options
    for (const node of nodes) {
      const { address } = node
      if (address.kind === family && isUnicast(address) && mayReach(address)) this.map.learn(node)
    }
  }

  /** Who has asked everybody needs no estimate. */
  private networkSize(): number {
    const sorted = [...this.sizes].sort((a, b) => a - b)
    const median = this.ended?.why === 'whole' ? 0 : (sorted[sorted.length >>> 1] ?? 0)
    return Math.max(this.answered, Math.round(median))
  }

  private end(why: CrawlEnd): void {
    this.ended = { why, ms: this.options.clock.now() }
    this.stop()
  }

  private stop(): void {
    this.timer?.cancel()
    for (const lookup of this.underWay) lookup.cancel()
    this.underWay.clear()
  }
}

/** IPv4 /16, IPv6 /32: about what one provider has. */
function wideNetworkOf({ kind, host }: IpAddress): string {
  const bytes = kind === 'ipv4' ? parseIpv4(host)?.subarray(0, 2) : parseIpv6(host)?.subarray(0, 4)
  return `${kind}/${toHex(bytes ?? new Uint8Array())}`
}
