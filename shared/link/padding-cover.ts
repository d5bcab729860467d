import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { fraction, pick, type Random } from '../world/random.ts'
import { paddingPacket } from './control.ts'
import { BULK_FLOW } from './fair-queue.ts'
import type { Link, LinkKind } from './link.ts'
import type { CoverBudget } from './padding.ts'

/** A link that hides what it carries. UDP does not: padding can be told from cells there. */
const COVERED_KINDS: readonly LinkKind[] = ['tcp', 'tor', 'websocket', 'webrtc']

/** Whether padding on such a link looks like all else. */
export function canBeCovered({ kind }: { readonly kind: LinkKind }): boolean {
  return COVERED_KINDS.includes(kind)
}

/** Padding packets are as long as what is most often sent: an acknowledgement in its class, a cell. */
const PACKET_BYTES = [254, 1_472] as const
const MEAN_PACKET_BYTES = PACKET_BYTES.reduce<number>((sum, bytes) => sum + bytes, 0) / PACKET_BYTES.length
/** A budget that was not used is kept for so many of the largest packets, since random times come in clusters. */
const BURST_PACKETS = 4
const BURST_BYTES = BURST_PACKETS * 1_472
/** How often it is looked for links, while there are none. */
const IDLE_MS = 1_000

export interface CoverTrafficOptions {
  readonly clock: Clock
  readonly random: Random
  /** `cover-sent`, `cover-sent-bytes`; `cover-withheld`: the budget did not allow it. */
  readonly counters: Counters
  readonly budget: CoverBudget
  /** The open links that are to be covered, of kinds that can be. */
  links(): readonly Pick<Link, 'open' | 'send'>[]
  /** Packet bytes that these links have sent since the start, cover traffic included. Never falls. */
  sentBytes(): number
}

/**
 * Sends padding over links at random times (L-09), so that a watcher's counts are not those of the circuits alone. The times
 * are a Poisson process, which tells nothing about what else is sent; a packet that the budget does not allow is left out. It
 * goes in the class that waits for all others.
 */
export class CoverTraffic {
  private readonly options: CoverTrafficOptions
  private readonly total: Allowance
  private readonly perLink = new WeakMap<object, Allowance>()
  private timer: Timer | undefined
  private sentCover = 0

  constructor(options: CoverTrafficOptions) {
    this.options = options
    this.total = new Allowance(options.budget.totalBytesPerSecond, options.clock.now())
  }

  /** Does nothing where the budget is none. */
  start(): void {
    if (this.timer === undefined && this.options.budget.bytesPerSecond > 0) this.await(IDLE_MS)
  }

  /** Idempotent. */
  stop(): void {
    this.timer?.cancel()
    this.timer = undefined
  }

  private await(delayMs: number): void {
    this.timer = this.options.clock.after(delayMs, () => this.next())
  }

  private next(): void {
    const { random, budget } = this.options
    const links = this.options.links().filter(({ open }) => open)
    const link = pick(random, links)
    if (link === undefined) {
      this.await(IDLE_MS)
      return
    }
    this.cover(link)
    // As many processes of one link each, taken together, are one process of their rates' sum.
    const bytesPerSecond = Math.min(links.length * budget.bytesPerSecond, budget.totalBytesPerSecond)
    this.await(-Math.log(1 - fraction(random)) * (MEAN_PACKET_BYTES / bytesPerSecond) * 1_000)
  }

  private cover(link: Pick<Link, 'open' | 'send'>): void {
    const { random, counters, clock } = this.options
    const bytes = pick(random, PACKET_BYTES) ?? MEAN_PACKET_BYTES
    const now = clock.now()
    const ofLink = this.allowanceOf(link, now)
    if (!this.mayShare(bytes) || !ofLink.has(bytes, now) || !this.total.has(bytes, now)) {
      counters.add('cover-withheld')
      return
    }
    ofLink.take(bytes)
    this.total.take(bytes)
    this.sentCover += bytes
    counters.add('cover-sent')
    counters.add('cover-sent-bytes', bytes)
    link.send(paddingPacket(bytes), BULK_FLOW)
  }

  private mayShare(bytes: number): boolean {
    const carried = this.options.sentBytes() - this.sentCover
    return this.sentCover + bytes <= carried * this.options.budget.share
  }

  private allowanceOf(link: object, now: number): Allowance {
    let allowance = this.perLink.get(link)
    if (allowance === undefined) {
      allowance = new Allowance(this.options.budget.bytesPerSecond, now)
      this.perLink.set(link, allowance)
    }
    return allowance
  }
}

/** A token bucket of BURST_BYTES. */
class Allowance {
  private readonly bytesPerSecond: number
  private bytes = BURST_BYTES
  private at: number

  constructor(bytesPerSecond: number, now: number) {
    this.bytesPerSecond = bytesPerSecond
    this.at = now
  }

  has(bytes: number, now: number): boolean {
    this.bytes = Math.min(BURST_BYTES, this.bytes + ((now - this.at) / 1_000) * this.bytesPerSecond)
    this.at = now
    return this.bytes >= bytes
  }

  take(bytes: number): void {
    this.bytes -= bytes
  }
}
