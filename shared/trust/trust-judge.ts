import type { IpAddress } from '../bytes/address.ts'
import type { Checks, Misbehaviour, Opinion, Verdict } from './verdict.ts'

/** Whom checks are about. */
export interface CheckedRelay {
  /** The address that was asked. */
  readonly address: IpAddress
  /** SHA-1 of its key, 20 bytes; undefined while no key is known. */
  readonly mid: Uint8Array | undefined
  /**
   * Whether the key itself has signed that this is its address. Otherwise a third party may have named key and address together,
   * and what the address does is not laid at the key's door.
   */
  readonly claimed: boolean
}

/** One opinion, and the network of who holds it. */
export interface Voice {
  /** As of `networkOf`: all relays of one network count as one. */
  readonly network: string
  readonly opinion: Opinion
}

/** What the rest of the program sees of the trust book: `TrustBook` has all of it. Relays are named by mid, 20 bytes. */
export interface TrustJudge {
  /** What is thought of a relay; that of an unknown one says so. */
  verdict(mid: Uint8Array): Verdict
  /** Whether a relay (mid) or an address is never to be used: a spy, blocked by hand, or caught. */
  isBlocked(who: Uint8Array | IpAddress): boolean

  /** The outcome of the five checks. A spy is blocked with this, and remembered. */
  recordChecks(relay: CheckedRelay, checks: Checks): Verdict | undefined
  /** Whether a circuit with it as a hop was built and carried; `weight` in (0, 1] where it is one of several who may be to blame. */
  recordCircuit(mid: Uint8Array, ok: boolean, weight?: number): void
  /** Both in bytes per second. `promised` 0 for no promise. */
  recordBandwidth(mid: Uint8Array, promised: number, measured: number): void
  /** Something that it was caught at. */
  recordMisbehaviour(mid: Uint8Array, kind: Misbehaviour): void
  /** What others say of one relay. Fewer than three networks change nothing. */
  recordOpinions(mid: Uint8Array, voices: readonly Voice[]): void

  /** Marks a relay by hand, or takes the mark away; taking it away also forgets it as a spy, and either of trust and none the addresses it is blocked by. */
  markByHand(mid: Uint8Array, mark: 'blocked' | 'trusted' | undefined): void
  /** Forgets an address as that of a spy. */
  unblockAddress(address: IpAddress): void

  /** All relays of which anything is known. */
  list(): readonly { readonly mid: Uint8Array; readonly verdict: Verdict }[]
  /** What this node has found itself, to be told to others. */
  opinions(): readonly Opinion[]
  /** Rises with every change: what was computed from the book is good while it stays. */
  readonly version: number

  /** All of it, for a file or a database. */
  snapshot(): Uint8Array
  /**
   * Takes up a snapshot, in place of what is known.
   * @throws CodecError `trust-snapshot` (damaged, or of another version); nothing is changed then
   */
  restore(bytes: Uint8Array): void
}
