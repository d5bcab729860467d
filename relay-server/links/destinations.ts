import type { Address, IpAddress } from '../../shared/bytes/address.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import { ExitPolicy, MAIL_PORTS } from '../../shared/onion/exit-policy.ts'
import type { Clock } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import { type NameServer, Resolver } from '../exit/resolver.ts'

export interface DestinationsOptions {
  readonly clock: Clock
  readonly counters: Counters
  /** Whether packets may be sent to an address that a stranger named: never a private one, outside a lab. */
  mayReach(address: IpAddress): boolean
  /** The system's, by default. */
  readonly nameServer?: NameServer
}

/**
 * Where a dialler may connect. Addresses of relays come from strangers: each is judged, and of a name what it resolved to. The
 * address that was judged is the one that is connected to, so that a name which means something else a moment later
 * (DNS rebinding) gains nothing.
 */
export class Destinations {
  private readonly options: DestinationsOptions
  private readonly names = new ExitPolicy()
  private readonly resolver: Resolver

  constructor(options: DestinationsOptions) {
    const { clock, counters, nameServer } = options
    this.options = options
    this.resolver = new Resolver({ clock, counters, ...(nameServer && { server: nameServer }) })
  }

  /** Whether it may be dialled, as far as is known without asking for its name. */
  mayDial(at: Address): boolean {
    if (at.port < 1 || MAIL_PORTS.includes(at.port)) return false
    return at.kind === 'domain' ? this.names.judgeName(at.host) === 'allowed' : this.options.mayReach(at)
  }

  /** The address to connect to. @throws CulvertError `link-address-refused`, `link-unreachable` */
  async resolve(at: Address): Promise<IpAddress> {
    if (!this.mayDial(at)) throw refused()
    if (at.kind !== 'domain') return at
    const found = await this.resolver.resolve(at.host, at.port).catch((cause: unknown) => {
      throw new CulvertError('link-unreachable', 'the relay’s name has no address', { cause })
    })
    const allowed = found.find((address) => this.options.mayReach(address))
    if (!allowed) throw refused()
    return allowed
  }
}

function refused(): CulvertError {
  return new CulvertError('link-address-refused', 'the relay’s address is not one that may be dialled')
}
