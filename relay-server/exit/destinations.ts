import type { Address, IpAddress } from '../../shared/bytes/address.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import type { ExitPolicy } from '../../shared/onion/exit-policy.ts'
import type { StreamResetReason } from '../../shared/onion/exit-port.ts'
import type { Counters } from '../../shared/world/counters.ts'
import { NameError, type Resolver } from './resolver.ts'

/** A destination that the exit policy refuses, in whatever form it was written. Code: `destination-refused`. */
export class RefusedError extends CulvertError {}

/**
 * From the destination that an owner wrote to the address that is really used (requirement O-06). The policy judges a
 * name before it is asked for and every address after that, and what comes out is an address: nobody resolves it again,
 * so a name that changes its mind in between (rebinding) changes nothing.
 */
export class Destinations {
  private readonly policy: ExitPolicy
  private readonly resolver: Resolver
  private readonly counters: Counters
  /** A circuit's cells name the same few address objects again and again. */
  private readonly judged = { tcp: new WeakMap<Address, boolean>(), udp: new WeakMap<Address, boolean>() }

  constructor(policy: ExitPolicy, resolver: Resolver, counters: Counters) {
    this.policy = policy
    this.resolver = resolver
    this.counters = counters
  }

  /** Whether the policy lets `address` be used as it is; of a name, whether it may be asked for. */
  allows(address: Address, protocol: 'tcp' | 'udp'): boolean {
    let allowed = this.judged[protocol].get(address)
    if (allowed === undefined) {
      const { policy } = this
      const verdict =
        address.kind === 'domain' ? policy.judgeName(address.host) : policy.judge(address, protocol)
      allowed = verdict === 'allowed'
      this.judged[protocol].set(address, allowed)
    }
    return allowed
  }

  /** The first address of `destination` that the policy allows. Throws a RefusedError or a NameError. */
  async choose(destination: Address, protocol: 'tcp' | 'udp'): Promise<IpAddress> {
    if (!this.allows(destination, protocol)) throw this.refused()
    if (destination.kind !== 'domain') return destination
    const found = await this.resolver.resolve(destination.host, destination.port)
    const chosen = found.find((address) => this.allows(address, protocol))
    if (chosen === undefined) throw this.refused()
    return chosen
  }

  private refused(): RefusedError {
    this.counters.add('exit-destination-refused')
    return new RefusedError('destination-refused', 'the exit policy refuses this destination')
  }
}

/** What the owner of a stream is told about an error of `choose`. */
export function refusalOf(error: unknown): StreamResetReason {
  if (error instanceof RefusedError) return 'destination-refused'
  if (error instanceof NameError && error.code === 'name-not-found') return 'name-not-found'
  return 'unspecified'
}
