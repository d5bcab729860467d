import { sameAddress } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import { compareDistance } from '../kademlia/distance.ts'
import { countedNetworkOf, machineOf } from '../kademlia/place.ts'
import type { DhtSettings } from './constants.ts'
import type { NodeContact } from './messages.ts'
import { idOf } from './tables.ts'

/** What a node answered to a find. */
export interface Found {
  readonly token: Uint8Array
  readonly values: readonly Uint8Array[]
  readonly nodes: readonly NodeContact[]
}

export interface LookupOptions {
  readonly target: Uint8Array
  /** Nodes alone are looked for: those to store at. */
  readonly forceNodes: boolean
  readonly settings: DhtSettings
  readonly seeds: readonly NodeContact[]
  /** Calls back once; at once with undefined where it cannot be asked. */
  ask(
    node: NodeContact,
    target: Uint8Array,
    forceNodes: boolean,
    done: (found: Found | undefined) => void,
  ): void
  /** Whether a node that somebody told of may be asked. */
  mayAsk(node: NodeContact): boolean
  /** Whether it can be reached without a puncture: it has answered us lately. */
  isProven(node: NodeContact): boolean
  done(): void
}

interface Candidate {
  readonly node: NodeContact
  readonly id: Uint8Array
  /** Who has to be asked to have it punctured: whoever told of it, but for the first of an answer, where that is done (protocol). */
  readonly puncturer: NodeContact | undefined
  /** Machines that told of it; none where it was known. */
  readonly tellers: Set<string>
  state: 'new' | 'asked' | 'answered' | 'silent'
  token: Uint8Array | undefined
}

/** The search for one target among the nodes of one IP version: nearer and nearer, until the nearest eight that answer have. */
export class Lookup {
  private readonly options: LookupOptions
  private readonly candidates: Candidate[] = []
  private readonly found = new Map<string, Uint8Array>()
  /** By machine: how often it was asked, and nodes that it told of and that did not answer. */
  private readonly askedOf = new Map<string, number>()
  private readonly missingOf = new Map<string, number>()
  private asked = 0
  private running = 0
  private ended = false

  constructor(options: LookupOptions) {
    this.options = options
    for (const node of options.seeds) this.add(node, undefined, undefined)
  }

  start(): void {
    this.step()
  }

  /** Ends it with what was found so far. */
  stop(): void {
    this.ended = true
  }

  /** Entries found so far, each once. */
  values(): Uint8Array[] {
    return [...this.found.values()]
  }

  /** The nearest that answered, with what they take in a store. */
  holders(): { readonly node: NodeContact; readonly token: Uint8Array }[] {
    return this.nearest(({ state }) => state === 'answered').flatMap(({ node, token }) =>
      token ? [{ node, token }] : [],
    )
  }

  /**
   * Whoever has a network gets a few of the places, and not more by standing nearer. Those that are silent hold none: anybody can
   * tell of nodes that are not there.
   */
  private nearest(suits: (candidate: Candidate) => boolean): Candidate[] {
    const { replicas, perNetworkInLookup } = this.options.settings
    const ofNetwork = new Map<string, number>()
    const nearest: Candidate[] = []
    for (const candidate of this.candidates) {
      if (nearest.length >= replicas) break
      if (!suits(candidate)) continue
      const network = countedNetworkOf(candidate.node.address)
      const rivals = network === undefined ? 0 : (ofNetwork.get(network) ?? 0)
      if (rivals >= perNetworkInLookup) continue
      if (network !== undefined) ofNetwork.set(network, rivals + 1)
      nearest.push(candidate)
    }
    return nearest
  }

  private step(): void {
    const { alpha, asksPerLookup } = this.options.settings
    while (!this.ended && this.running < alpha && this.asked < asksPerLookup) {
      const next = this.next((candidate) => this.isTrusted(candidate)) ?? this.next(() => true)
      if (!next) break
      if (!this.mayAskThere(next)) {
        next.state = 'silent'
        continue
      }
      this.asked++
      this.running++
      next.state = 'asked'
      this.approach(next)
    }
    if (this.running > 0 || this.ended) return
    this.ended = true
    this.options.done()
  }

  private next(suits: (candidate: Candidate) => boolean): Candidate | undefined {
    const isIn = (each: Candidate) => (each.state === 'new' ? suits(each) : each.state !== 'silent')
    return this.nearest(isIn).find(({ state }) => state === 'new')
  }

  /** Whoever told of several that do not answer is believed last: nodes that are not there shall not use up our questions. */
  private isTrusted({ tellers }: Candidate): boolean {
    const { missingPerTeller } = this.options.settings
    const isGood = (teller: string) => (this.missingOf.get(teller) ?? 0) < missingPerTeller
    return tellers.size === 0 || [...tellers].some(isGood)
  }

  /** Anybody can tell of many nodes at one address that is not his: it shall not get many packets for that. */
  private mayAskThere({ node }: Candidate): boolean {
    const machine = machineOf(node.address)
    countUp(this.askedOf, machine)
    return (this.askedOf.get(machine) ?? 0) <= this.options.settings.asksPerMachine
  }

  /** Asks a node, by way of who told of it if it may be behind a NAT: whoever is asked for it sends it a puncture request. */
  private approach(candidate: Candidate): void {
    const { target, forceNodes, isProven, ask } = this.options
    const { node, puncturer } = candidate
    const askIt = () => ask(node, target, forceNodes, (found) => this.answered(candidate, found))
    if (puncturer && !isProven(node)) ask(puncturer, candidate.id, true, askIt)
    else askIt()
  }

  private answered(candidate: Candidate, found: Found | undefined): void {
    this.running--
    candidate.state = found ? 'answered' : 'silent'
    if (found && !this.ended) this.take(candidate, found)
    if (!found) for (const teller of candidate.tellers) countUp(this.missingOf, teller)
    this.step()
  }

  private take(candidate: Candidate, { token, values, nodes }: Found): void {
    const { valuesPerMessage, nodesPerMessage, valuesPerLookup, entryBytes } = this.options.settings
    candidate.token = token.slice()
    for (const value of values.slice(0, valuesPerMessage)) {
      if (value.length > entryBytes || this.found.size >= valuesPerLookup) continue
      this.found.set(toHex(value), value.slice())
    }
    for (const [i, node] of nodes.slice(0, nodesPerMessage).entries()) {
      if (node.address.kind !== candidate.node.address.kind || !this.options.mayAsk(node)) continue
      this.add(node, candidate.node, i === 0 ? undefined : candidate.node)
    }
  }

  private add(node: NodeContact, teller: NodeContact | undefined, puncturer: NodeContact | undefined): void {
    const { target, settings } = this.options
    const known = this.candidates.find(
      (each) => sameAddress(each.node.address, node.address) && each.node.publicKey.equals(node.publicKey),
    )
    if (known) {
      if (teller && known.tellers.size > 0) known.tellers.add(machineOf(teller.address))
      return
    }
    const id = idOf(node)
    const at = this.candidates.findIndex((each) => compareDistance(target, id, each.id) < 0)
    const tellers = new Set(teller ? [machineOf(teller.address)] : [])
    const candidate: Candidate = { node, id, puncturer, tellers, state: 'new', token: undefined }
    this.candidates.splice(at < 0 ? this.candidates.length : at, 0, candidate)
    if (this.candidates.length <= settings.candidates) return
    const farthest = this.candidates.findLastIndex(({ state }) => state === 'new')
    if (farthest >= 0) this.candidates.splice(farthest, 1)
  }
}

function countUp(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
