import type { PublicKey } from '../identity/keys.ts'
import type { Link } from '../link/link.ts'
import type { RouterLimits } from './constants.ts'
import type { RelayCircuit } from './relay-circuit.ts'
import { TokenBucket } from './token-bucket.ts'

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
}

/**
 * Circuits by link and id. py-ipv8 keys its tables by the id alone and compares no source address, so that anybody who
 * guesses or sees an id may send into a circuit; here an id means nothing but on the link where it was agreed.
 */
export class CircuitTable {
  readonly circuits = new Set<RelayCircuit>()
  private readonly links = new Map<Link, LinkEntry>()
  private readonly limits: RouterLimits
  private legCount = 0

  constructor(limits: RouterLimits) {
    this.limits = limits
  }

  find(link: Link, id: number): Leg | undefined {
    return this.links.get(link)?.legs.get(id)
  }

  entry(link: Link, nowMs: number): LinkEntry {
    let entry = this.links.get(link)
    if (entry === undefined) {
      const { limits } = this
      entry = {
        legs: new Map(),
        handshakes: new TokenBucket(limits.handshakesPerSecondPerLink, limits.handshakeBurstPerLink, nowMs),
        signatures: new TokenBucket(limits.signaturesPerSecondPerLink, limits.signatureBurstPerLink, nowMs),
      }
      this.links.set(link, entry)
    }
    return entry
  }

  /** Whether one more leg fits, on this link and in all. */
  hasRoom(entry: LinkEntry): boolean {
    return this.legCount < this.limits.circuits && entry.legs.size < this.limits.circuitsPerLink
  }

  add(leg: Leg, nowMs: number): void {
    this.entry(leg.link, nowMs).legs.set(leg.id, leg)
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
