import type { IpAddress } from '../bytes/address.ts'
import { equalBytes } from '../bytes/bytes.ts'
import { isUnicast } from '../ipv8/network-of.ts'
import type { Family, NodeContact } from './api.ts'
import { type Candidate, candidateOf, eligible, insertSorted, keyOf, type Quota } from './candidate.ts'
import { type KademliaSettings, NODES_PER_ANSWER } from './constants.ts'
import { compareDistance } from './distance.ts'
import type { KrpcResponse } from './krpc.ts'
import { nodeIdFits } from './node-id.ts'
import type { Asked, Reply, Rpc } from './rpc.ts'

/** Nodes taken from one answer: mainline gives 8, some give k. */
const NODES_TAKEN = 20
/** A path keeps this many times k candidates: enough for those that fail. */
const KEPT_PER_K = 4

export interface WalkOptions {
  readonly rpc: Rpc
  readonly settings: KademliaSettings
  readonly family: Family
  readonly target: Uint8Array
  /** What each node is asked. */
  readonly asked: Asked
  /** Disjoint paths; 1 for what is of no interest to an attacker. */
  readonly paths: number
  readonly seeds: readonly NodeContact[]
  /**
   * Queries for the rest of the k closest are padded to this: of eight nodes for an answer, all who are near to the target
   * name the same.
   */
  readonly padToBytes: number
  /** Addresses that answers may not name: our own. */
  isOwn(contact: NodeContact): boolean
  /** The round-trip time of a node in the table. */
  rttOf(address: IpAddress): number | undefined
  /** @returns false to end the walk here: what was looked for is found */
  onAnswer?(candidate: Candidate, response: KrpcResponse): boolean
  done(): void
}

interface Path {
  readonly candidates: Candidate[]
  /** Asked and not yet slow. */
  inFlight: number
}

/**
 * One way through the DHT to the nodes closest to a target (Kademlia §2.3), on disjoint paths (S/Kademlia §4.4): a node is asked
 * for one path only, and what it tells is known to that path alone, so that a hostile node leads one of them astray and not
 * the others. A path ends when the few closest nodes that it knows have answered. Then all are put together, and the rest of the k
 * closest asked.
 */
export class Walk {
  private readonly options: WalkOptions
  private quota: Quota
  private paths: Path[]
  private readonly known = new Map<string, Candidate>()
  private ended = false
  asked = 0
  answered = 0

  constructor(options: WalkOptions) {
    this.options = options
    const { settings, seeds } = options
    const { k, nodeIds, perNetworkInLookup } = settings
    const count = Math.max(1, Math.min(options.paths, seeds.length))
    this.quota = {
      k: count > 1 ? Math.min(k, NODES_PER_ANSWER) : k,
      unfit: nodeIds === 'prefer' ? settings.unfitInLookup : 0,
      perNetwork: perNetworkInLookup,
    }
    this.paths = Array.from({ length: count }, () => ({ candidates: [], inFlight: 0 }))
    for (const [i, seed] of seeds.entries()) {
      const path = this.paths[i % count]
      if (path) this.learn(path, seed, 0)
    }
  }

  start(): void {
    this.step()
  }

  /** Asks nobody more; `done` is not called. */
  cancel(): void {
    this.ended = true
  }

  /** Ends it with what there is. */
  finish(): void {
    if (this.ended) return
    this.cancel()
    this.options.done()
  }

  /** The closest that answered, closest first: k, and a few unfit ones besides (`Quota`). */
  closest(): Candidate[] {
    return [...eligible(this.sorted(), this.quota)]
  }

  /** All that answered, closest first. */
  private sorted(): Candidate[] {
    const { target } = this.options
    return [...this.known.values()]
      .filter(({ state }) => state === 'answered')
      .sort((a, b) => compareDistance(target, a.id, b.id))
  }

  private step(): void {
    if (this.ended) return
    let busy = false
    for (const path of this.paths) {
      while (path.inFlight < this.options.settings.alpha) {
        const next = this.nextOf(path)
        if (!next) break
        this.ask(path, next)
      }
      if (path.inFlight > 0) busy = true
    }
    if (busy) return
    if (this.paths.length > 1) {
      this.join()
      this.step()
    } else {
      this.finish()
    }
  }

  /** From here on, one path knows what all of them have found. */
  private join(): void {
    const { settings, target } = this.options
    const all = [...this.known.values()].sort((a, b) => compareDistance(target, a.id, b.id))
    this.paths = [{ candidates: all.slice(0, KEPT_PER_K * settings.k), inFlight: 0 }]
    this.quota = { ...this.quota, k: settings.k }
  }

  private nextOf(path: Path): Candidate | undefined {
    if (this.asked >= this.options.settings.queriesPerLookup) return undefined
    for (const candidate of eligible(path.candidates, this.quota)) {
      if (candidate.state === 'fresh') return candidate
    }
    return undefined
  }

  private ask(path: Path, candidate: Candidate): void {
    const { rpc, asked, rttOf, padToBytes } = this.options
    const rttMs = rttOf(candidate.address)
    candidate.state = 'asked'
    path.inFlight++
    this.asked++
    rpc.ask({
      address: candidate.address,
      asked,
      ...(this.paths.length === 1 && { padToBytes }),
      ...(rttMs !== undefined && { rttMs }),
      slow: () => {
        if (this.ended) return
        candidate.state = 'slow'
        path.inFlight--
        this.step()
      },
      done: (reply) => {
        if (this.ended) return
        if (candidate.state === 'asked') path.inFlight--
        // Late ones find their path joined with the others.
        this.replied(this.paths.includes(path) ? path : (this.paths[0] ?? path), candidate, reply)
      },
    })
  }

  private replied(path: Path, candidate: Candidate, reply: Reply): void {
    if (reply.kind === 'response') {
      this.answered++
      this.identify(path, candidate, reply.response.id)
      candidate.state = 'answered'
      if (reply.response.token) candidate.token = Uint8Array.from(reply.response.token)
      const { family } = this.options
      const nodes = (family === 'ipv4' ? reply.response.nodes : reply.response.nodes6) ?? []
      for (const node of nodes.slice(0, NODES_TAKEN)) this.learn(path, node, candidate.hops + 1)
      if (this.options.onAnswer?.(candidate, reply.response) === false) {
        this.finish()
        return
      }
    } else {
      candidate.state = 'failed'
    }
    this.step()
  }

  /** The id that counts is the one that the node itself says: others may have named a wrong one, to hide it. */
  private identify(path: Path, candidate: Candidate, id: Uint8Array): void {
    if (equalBytes(candidate.id, id)) return
    candidate.id = Uint8Array.from(id)
    candidate.fits = this.options.settings.nodeIds === 'off' || nodeIdFits(candidate.id, candidate.address)
    for (const { candidates } of this.paths) {
      const at = candidates.indexOf(candidate)
      if (at >= 0) candidates.splice(at, 1)
    }
    this.keep(path, candidate)
  }

  private learn(path: Path, contact: NodeContact, hops: number): void {
    const { family, settings, isOwn } = this.options
    const { address } = contact
    if (address.kind !== family || !isUnicast(address) || isOwn(contact)) return
    const key = keyOf(contact)
    const known = this.known.get(key)
    if (known) {
      // Whoever asked it: that it answered is true for all. Sorted in, so that this path does not look for a worse one.
      if (!path.candidates.includes(known)) this.keep(path, known)
      return
    }
    const candidate = candidateOf(contact, hops, settings.nodeIds !== 'off')
    if (settings.nodeIds === 'require' && !candidate.fits) return
    if (this.keep(path, candidate)) this.known.set(key, candidate)
  }

  private keep(path: Path, candidate: Candidate): boolean {
    const { settings, target } = this.options
    return insertSorted(path.candidates, target, candidate, KEPT_PER_K * settings.k)
  }
}

/** Seeds for a walk with so many paths: each gets k of them at first. */
export function seedsFor(k: number, paths: number): number {
  return Math.max(k, paths * NODES_PER_ANSWER)
}
