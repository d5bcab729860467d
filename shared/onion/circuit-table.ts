import type { PublicKey } from '../identity/keys.ts'
import { TokenBucket } from '../ipv8/token-bucket.ts'
import type { Link } from '../link/link.ts'
import type { Clock } from '../world/clock.ts'
import type { RouterLimits } from './constants.ts'
import type { RelayCircuit } from './relay-circuit.ts'

/** One circuit's end on one link. */
export interface Leg {
  readonly circuit: RelayCircuit
  /** Towards the owner, or towards the next hop. */
  readonly side: 'previous' | 'next'
  readonly link: Link
  /** The circuit id on this link, chosen by who sent create. */
  readonly id: number
  /** The neighbour's key: from its create, or the one that was extended to. Destroys must be signed with it. */
  readonly key: PublicKey
}

/** What a router knows of one link. */
export interface LinkEntry {
  readonly legs: Map<number, Leg>
  readonly handshakes: TokenBucket
  readonly signatures: TokenBucket
  /** A cell from there has opened: its address is no forged one. */
  proven: boolean
}

/**
 * Circuits by link and id. py-ipv8 keys its tables by the id alone and compares no source address, so that anybody who
 * guesses or sees an id may send into a circuit; here an id means nothing but on the link where it was agreed.
 */
export class CircuitTable {
  readonly circuits = new Set<RelayCircuit>()
  private readonly links = new Map<Link, LinkEntry>()
  private readonly limits: RouterLimits
  private readonly clock: Clock
  private legCount = 0

  constructor(limits: RouterLimits, clock: Clock) {
    this.limits = limits
    this.clock = clock
  }

  find(link: Link, id: number): Leg | undefined {
    return this.links.get(link)?.legs.get(id)
  }

  entry(link: Link): LinkEntry {
    let entry = this.links.get(link)
    if (entry === undefined) {
      const { limits, clock } = this
      entry = {
        legs: new Map(),
        handshakes: new TokenBucket(clock, limits.handshakesPerSecondPerLink, limits.handshakeBurstPerLink),
        signatures: new TokenBucket(clock, limits.signaturesPerSecondPerLink, limits.signatureBurstPerLink),
        proven: false,
      }
      this.links.set(link, entry)
    }
    return entry
  }

  /** What is known of a link, without beginning to know it. */
  known(link: Link): LinkEntry | undefined {
    return this.links.get(link)
  }

  /** Whether one more leg fits, on this link and in all. */
  hasRoom(entry: LinkEntry): boolean {
    return this.legCount < this.limits.circuits && entry.legs.size < this.limits.circuitsPerLink
  }

  add(leg: Leg): void {
    this.entry(leg.link).legs.set(leg.id, leg)
    this.circuits.add(leg.circuit)
    this.legCount++
  }

  remove(leg: Leg): void {
    if (this.links.get(leg.link)?.legs.delete(leg.id) === true) this.legCount--
  }

  legsOf(link: Link): Leg[] {
    return [...(this.links.get(link)?.legs.values() ?? [])]
  }

  forget(link: Link): void {
    this.links.delete(link)
  }

  /** Forgets links that no circuit uses; their rate limits start anew. */
  forgetUnused(): void {
    for (const [link, entry] of this.links) if (entry.legs.size === 0) this.links.delete(link)
  }

  get linkCount(): number {
    return this.links.size
  }

  get legs(): number {
    return this.legCount
  }
}
