import type { IpAddress } from '../bytes/address.ts'
import type { Clock } from '../world/clock.ts'
import { BoundedMap } from './bounded-map.ts'
import type { ConnectionType } from './introduction.ts'
import { isLoopback, isPrivate, networkOf } from './network-of.ts'
import type { PortAgreement } from './own-addresses.ts'

/**
 * What stands between us and the others (N-10): 'open': strangers reach us; 'cone': punctures work, and all see us at one
 * port; 'likely-symmetric': punctures mostly fail, or everybody sees another port; 'unknown': too little was seen.
 */
export type NatType = 'unknown' | 'open' | 'cone' | 'likely-symmetric'

/** NATs forget: what was told longer ago than this has not been punctured for us any more. */
export const PUNCTURE_FRESH_MS = 20_000
/** Tries remembered, and those needed before their failing says anything. */
const MAX_TRIES = 32
const MIN_TRIES = 4
/**
 * Where others agree on our port, the NAT maps as cones do, and failing punctures are first of all the others' fault: so
 * many tries are needed then, of which more than three quarters fail.
 */
const MIN_TRIES_AGAINST_PORTS = 12
/** Networks that strangers must reach us from. */
const MIN_UNSOLICITED = 3

/** Gathers evidence about our NAT, and forgets it when it is old. */
export class Nat {
  private readonly clock: Clock
  private readonly evidenceMs: number
  private readonly ports: () => PortAgreement
  private readonly unsolicited = new BoundedMap<string, { readonly atMs: number }>(8)
  /** By host: behind a symmetric NAT a peer is introduced again and again, each time at another port where it is not met. */
  private readonly tries = new BoundedMap<string, { readonly worked: boolean; readonly atMs: number }>(
    MAX_TRIES,
  )
  /** Since the start. */
  puncturesTried = 0
  puncturesSucceeded = 0

  constructor(clock: Clock, evidenceMs: number, ports: () => PortAgreement) {
    this.clock = clock
    this.evidenceMs = evidenceMs
    this.ports = ports
  }

  /** Whether a peer whose introducer asked it to puncture us answered our request; or one that we punctured got through to us. */
  puncture(target: IpAddress, worked: boolean): void {
    this.puncturesTried++
    if (worked) this.puncturesSucceeded++
    this.tries.set(target.host, { worked, atMs: this.clock.now() })
  }

  /** A signed request came from a host that we never sent to. Those of our own network say nothing about the NAT. */
  reachedBy(source: IpAddress): void {
    if (isPrivate(source) || isLoopback(source)) return
    this.unsolicited.set(networkOf(source), { atMs: this.clock.now() })
  }

  get type(): NatType {
    const fresh = ({ atMs }: { readonly atMs: number }) => this.clock.now() - atMs < this.evidenceMs
    if (this.unsolicited.values().filter(fresh).length >= MIN_UNSOLICITED) return 'open'
    const ports = this.ports()
    if (ports === 'differs') return 'likely-symmetric'
    const tries = this.tries.values().filter(fresh)
    const failed = tries.filter(({ worked }) => !worked).length
    const mostFail =
      ports === 'same'
        ? tries.length >= MIN_TRIES_AGAINST_PORTS && failed * 4 > tries.length * 3
        : tries.length >= MIN_TRIES && failed * 2 > tries.length
    if (mostFail) return 'likely-symmetric'
    return ports === 'same' && failed < tries.length ? 'cone' : 'unknown'
  }

  /** What our introductions say of us. */
  get connectionType(): ConnectionType {
    const { type } = this
    if (type === 'open') return 'public'
    return type === 'likely-symmetric' ? 'symmetric-nat' : 'unknown'
  }
}
