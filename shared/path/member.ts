import type { Link } from '../link/link.ts'
import type { PathRelay } from './relay.ts'

/** What the pool needs of a circuit; `Circuit` of the onion room has it. */
export interface PoolCircuit {
  readonly state: 'extending' | 'ready' | 'closing' | 'closed'
  /** Nothing has come back for longer than it should take: it may be dead. */
  readonly suspect: boolean
  /** Hop by hop; the first that is `failed` is the one to blame. */
  readonly hops: readonly { readonly state: string; readonly latencyMs?: number | undefined }[]
  /** The last round trip to the last hop. */
  readonly latencyMs: number | undefined
  readonly bytesIn: number
  readonly bytesOut: number
  start(): void
  destroy(reason: 'unneeded' | 'worn-out'): void
}

/** A circuit with what the pool knows of it. */
export interface Member<C extends PoolCircuit> {
  /** 1, 2, 3 ...: for people; says nothing about the wire. */
  readonly number: number
  readonly circuit: C
  readonly path: readonly PathRelay[]
  readonly link: Link
  readonly startedMs: number
  /** It shall not serve as primary for longer. */
  readonly wornAtMs: number
}

/** Ready, and not silent. */
export function isUsable({ circuit }: Member<PoolCircuit>): boolean {
  return circuit.state === 'ready' && !circuit.suspect
}
