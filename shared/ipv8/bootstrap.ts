import { formatAddress, type IpAddress } from '../bytes/address.ts'
import { shuffled } from '../world/random.ts'
import type { IntroductionRequests } from './introduction-requests.ts'
import type { Surroundings } from './surroundings.ts'

interface BootstrapNode {
  readonly address: IpAddress
  answeredMs: number
}

/** An answer counts as one of now for so long: a retry, its time-out, and some more. */
const ANSWER_COUNTS_MS = 45_000
/** In the first half minute, rounds without any answer follow one another this quickly: in a lab all relays start at once. */
const STARTING_MS = 30_000
const STARTING_ROUND_MS = 5_000

/**
 * The addresses to begin with (N-05, N-06): all asked on start; all again every 30 s while nobody is known; otherwise, while
 * peers are wanting, one in turn every 30 s, and the next at once when it stays silent.
 */
export class Bootstrap {
  private readonly around: Surroundings
  private readonly requests: IntroductionRequests
  private readonly nodes = new Map<string, BootstrapNode>()
  private startedMs: number | undefined
  private lastRoundMs = Number.NEGATIVE_INFINITY

  constructor(around: Surroundings, requests: IntroductionRequests) {
    this.around = around
    this.requests = requests
  }

  /** Addresses added after the start are asked at once. */
  add(addresses: readonly IpAddress[]): void {
    for (const address of addresses) {
      const key = formatAddress(address)
      if (this.nodes.has(key)) continue
      const node = { address, answeredMs: Number.NEGATIVE_INFINITY }
      this.nodes.set(key, node)
      if (this.startedMs !== undefined) this.ask(node)
    }
  }

  /** Not asked any more: a name that led here leads elsewhere. */
  drop(addresses: readonly IpAddress[]): void {
    for (const address of addresses) this.nodes.delete(formatAddress(address))
  }

  get known(): number {
    return this.nodes.size
  }

  /** How many answered lately. */
  get answered(): number {
    const now = this.around.clock.now()
    return [...this.nodes.values()].filter(({ answeredMs }) => now - answeredMs < ANSWER_COUNTS_MS).length
  }

  /** `peers`: how many are known; `wanted`: whether more are. */
  tick(peers: number, wanted: boolean): void {
    const now = this.around.clock.now()
    this.startedMs ??= now
    const starting = now - this.startedMs < STARTING_MS && peers === 0 && this.answered === 0
    const pauseMs = starting ? STARTING_ROUND_MS : this.around.settings.bootstrapRetryMs
    if (now - this.lastRoundMs < pauseMs || !wanted) return
    const first = this.lastRoundMs < this.startedMs
    this.lastRoundMs = now
    const all = shuffled(this.around.random, [...this.nodes.values()])
    for (const node of first || peers === 0 ? all : all.slice(0, 1)) this.ask(node)
  }

  stop(): void {
    this.startedMs = undefined
  }

  onAnswer(address: IpAddress): void {
    const node = this.nodes.get(formatAddress(address))
    if (!node) return
    node.answeredMs = this.around.clock.now()
    this.around.counters.add('ipv8-bootstrap-answered')
  }

  /** While peers are wanting, another takes the place of a silent one. */
  onUnreachable(address: IpAddress, peers: number, wanted: boolean): void {
    this.around.counters.add('ipv8-bootstrap-silent')
    if (this.startedMs === undefined || !wanted || peers === 0) return
    const others = [...this.nodes.values()].filter(
      (node) => formatAddress(node.address) !== formatAddress(address),
    )
    const [backup] = shuffled(this.around.random, others)
    // One after the other, within the pace of the rounds.
    if (backup && this.around.clock.now() - this.lastRoundMs < this.around.settings.bootstrapRetryMs)
      this.ask(backup)
  }

  private ask(node: BootstrapNode): void {
    this.around.counters.add('ipv8-bootstrap-asked')
    this.requests.ask(node.address, { bootstrap: true })
  }
}
