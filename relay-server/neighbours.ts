import { formatAddress, type IpAddress } from '../shared/bytes/address.ts'
import type { Directory } from '../shared/directory/directory.ts'
import type { DirectoryExchange } from '../shared/directory/exchange.ts'
import type { Link } from '../shared/link/link.ts'
import type { Clock, Timer } from '../shared/world/clock.ts'
import { type Random, shuffled } from '../shared/world/random.ts'
import { resolveEndpoint } from './endpoints.ts'

/** The first round of questions comes after this; each later one after twice the time, up to the configured interval. */
const FIRST_INTERVAL_MS = 250
/** Relays asked in one round. Their answers hold all that they know, so not everybody need be asked. */
const ASKED_PER_ROUND = 16
/** The same, once the rounds are as far apart as configured: each answer holds the same news. */
const ASKED_PER_LATE_ROUND = 2

export interface NeighboursOptions {
  readonly directory: Directory
  readonly exchange: DirectoryExchange
  readonly clock: Clock
  readonly random: Random
  /** `host:port` of Culvert relays to begin with: the operator's own. Tribler's nodes keep no directory. */
  readonly bootstrap: readonly string[]
  /** IP versions of the socket, the preferred first. */
  readonly families: readonly IpAddress['kind'][]
  readonly linkTo: (address: IpAddress) => Link | undefined
  /**
   * Whether packets may go to an address that a descriptor names. Whoever signs one may write into it what he likes: the
   * router of this relay's own network, for one.
   */
  readonly mayReach: (address: IpAddress) => boolean
  readonly intervalMs: number
  /** Addresses of `bootstrap`, once they are known. */
  readonly onResolved: (addresses: readonly IpAddress[]) => void
}

/**
 * Keeps the directory filled: asks the configured relays and those heard of for the relays that they know, who thereby
 * learn of this one. Quickly at first, so that a small network knows itself within a second or two.
 */
export class Neighbours {
  private readonly options: NeighboursOptions
  private readonly resolved = new Map<string, IpAddress>()
  private timer: Timer | undefined
  private intervalMs = FIRST_INTERVAL_MS
  private stopped = false

  constructor(options: NeighboursOptions) {
    this.options = options
  }

  start(): void {
    void this.round()
  }

  stop(): void {
    this.stopped = true
    this.timer?.cancel()
  }

  private async round(): Promise<void> {
    await this.resolve()
    if (this.stopped) return
    const { exchange, linkTo, random, clock, intervalMs } = this.options
    const asked = this.intervalMs < intervalMs ? ASKED_PER_ROUND : ASKED_PER_LATE_ROUND
    for (const address of shuffled(random, this.addresses()).slice(0, asked)) {
      const link = linkTo(address)
      if (link) exchange.fetchFrom(link, () => undefined)
    }
    this.timer = clock.after(this.intervalMs, () => void this.round())
    this.intervalMs = Math.min(2 * this.intervalMs, this.options.intervalMs)
  }

  /** Names that could not be found are looked up again in the next round. */
  private async resolve(): Promise<void> {
    const { bootstrap, families, onResolved } = this.options
    const missing = bootstrap.filter((endpoint) => !this.resolved.has(endpoint))
    if (missing.length === 0) return
    await Promise.all(
      missing.map(async (endpoint) => {
        const address = await resolveEndpoint(endpoint, families)
        if (address) this.resolved.set(endpoint, address)
      }),
    )
    onResolved([...this.resolved.values()])
  }

  private addresses(): IpAddress[] {
    const known = new Map<string, IpAddress>()
    for (const address of this.resolved.values()) known.set(formatAddress(address), address)
    const { directory, mayReach } = this.options
    for (const { descriptor } of directory.list()) {
      const { udp } = descriptor
      if (udp && mayReach(udp)) known.set(formatAddress(udp), udp)
    }
    return [...known.values()]
  }
}
