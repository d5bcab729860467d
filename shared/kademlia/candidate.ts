import { formatAddress, type IpAddress } from '../bytes/address.ts'
import type { NodeContact } from './api.ts'
import { compareDistance } from './distance.ts'
import { nodeIdFits } from './node-id.ts'
import { countedNetworkOf, machineOf } from './place.ts'

/** `slow`: no answer yet, and later than usual; another is asked in its place, but its answer still counts. */
export type CandidateState = 'fresh' | 'asked' | 'slow' | 'answered' | 'failed'

/** A node that a walk knows of. */
export interface Candidate {
  /** As told by others, until the node itself has said it. */
  id: Uint8Array
  readonly address: IpAddress
  readonly machine: string
  readonly network: string | undefined
  /** Whether its id fits its address (BEP 42). */
  fits: boolean
  state: CandidateState
  /** Answers that led to it. */
  readonly hops: number
  /** What it gave us to store something there. */
  token?: Uint8Array
}

export function candidateOf(contact: NodeContact, hops: number, checkIds: boolean): Candidate {
  const { id, address } = contact
  return {
    id,
    address,
    machine: machineOf(address),
    network: countedNetworkOf(address),
    fits: !checkIds || nodeIdFits(id, address),
    state: 'fresh',
    hops,
  }
}

export function keyOf(contact: { readonly address: IpAddress }): string {
  return formatAddress(contact.address)
}

/** How many of which kind may be among the closest. */
export interface Quota {
  /** Nodes whose ids fit their addresses. */
  readonly k: number
  /** Others besides. */
  readonly unfit: number
  readonly perNetwork: number
}

/**
 * Those of a sorted list that count as the closest: of each machine the closest node, of each network few, unfit ones apart. Failed
 * and slow ones are passed over and take nobody's place.
 */
export function* eligible(sorted: readonly Candidate[], quota: Quota): Generator<Candidate> {
  const machines = new Set<string>()
  const networks = new Map<string, number>()
  let fit = 0
  let unfit = 0
  for (const candidate of sorted) {
    if (candidate.state === 'failed' || candidate.state === 'slow') continue
    if (candidate.fits ? fit >= quota.k : unfit >= quota.unfit) continue
    if (machines.has(candidate.machine)) continue
    const { network } = candidate
    if (network !== undefined) {
      const used = networks.get(network) ?? 0
      if (used >= quota.perNetwork) continue
      networks.set(network, used + 1)
    }
    machines.add(candidate.machine)
    if (candidate.fits) fit++
    else unfit++
    yield candidate
    if (fit >= quota.k && unfit >= quota.unfit) return
  }
}

/** Puts a candidate where it belongs by distance. @returns false if it is farther than all of a full list */
export function insertSorted(
  list: Candidate[],
  target: Uint8Array,
  candidate: Candidate,
  most: number,
): boolean {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareDistance(target, (list[middle] as Candidate).id, candidate.id) <= 0) low = middle + 1
    else high = middle
  }
  if (low >= most) return false
  list.splice(low, 0, candidate)
  if (list.length > most) list.pop()
  return true
}
