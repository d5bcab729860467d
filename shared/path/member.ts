import type { Link } from '../link/link.ts'
import { type PathRelay, relayKey } from './relay.ts'

/** What the pool needs of a circuit; `Circuit` of the onion room has it. */
export interface PoolCircuit {
  readonly state: 'extending' | 'ready' | 'closing' | 'closed'
  /** Nothing has come back for longer than it should take: it may be dead. */
  readonly suspect: boolean
  /** Hop by hop; the first that is `failed` is the one to blame. */
  readonly hops: readonly { readonly state: string; readonly latencyMs?: number | undefined }[]
  /** The hop before the one to blame is said to have refused to extend to it; who says so may lie. */
  readonly refusedByPrevious: boolean
  /** The last round trip to the last hop. */
  readonly latencyMs: number | undefined
  readonly bytesIn: number
  readonly bytesOut: number
  start(): void
  /** Asks the last hop for a sign of life. */
  ping(): void
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
  /** The guards that there were when it was built; it goes through others of them only if there was no choice. */
  readonly guards: ReadonlySet<string>
}

/** How many relays two circuits share. */
export function sharedRelays(a: Member<PoolCircuit>, b: Member<PoolCircuit>): number {
  const keys = new Set(a.path.map(relayKey))
  return b.path.filter((relay) => keys.has(relayKey(relay))).length
}

/** Whether one of these guards, none when the circuit was built, is a later hop of it: its end would be that of both. */
export function isEntangled({ path, guards }: Member<PoolCircuit>, now: readonly PathRelay[]): boolean {
  const later = new Set(path.slice(1).map(relayKey))
  return now.some((guard) => later.has(relayKey(guard)) && !guards.has(relayKey(guard)))
}

/** Ready, and not silent. */
export function isUsable({ circuit }: Member<PoolCircuit>): boolean {
  return circuit.state === 'ready' && !circuit.suspect
}

/** Being built, or usable. */
export function isAlive(member: Member<PoolCircuit>): boolean {
  return member.circuit.state === 'extending' || isUsable(member)
}

/** The `relayKey` of its last hop. */
export function exitKey({ path }: Member<PoolCircuit>): string {
  return path.map(relayKey).at(-1) ?? ''
}
