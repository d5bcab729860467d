import { addressOf, parseIpv6 } from '../../shared/bytes/address.ts'
import { toHex } from '../../shared/bytes/bytes.ts'
import type { GatewayLimits } from './constants.ts'

/** `::ffff:1.2.3.4`, as a socket of both IP versions names its IPv4 neighbours. */
const MAPPED_IPV4 = /^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i

export function plainHost(host: string): string {
  return host.replace(MAPPED_IPV4, '')
}

/** Counts connections, in all and by neighbour. A neighbour is an IPv4 address, or a /64 of IPv6, as one home has it. */
export class Admission {
  private readonly limits: Pick<GatewayLimits, 'connections' | 'connectionsPerAddress'>
  private readonly perNeighbour = new Map<string, number>()
  private total = 0

  constructor(limits: Pick<GatewayLimits, 'connections' | 'connectionsPerAddress'>) {
    this.limits = limits
  }

  /**
   * Takes one connection of `host` in, or says which limit it is over.
   * @param most at once of this neighbour, where it is not one but many: what comes through an onion service
   */
  enter(
    host: string,
    most = this.limits.connectionsPerAddress,
  ): 'admitted' | 'limit-connections' | 'limit-address' {
    const neighbour = neighbourOf(host)
    const count = this.perNeighbour.get(neighbour) ?? 0
    if (this.total >= this.limits.connections) return 'limit-connections'
    if (count >= most) return 'limit-address'
    this.total++
    this.perNeighbour.set(neighbour, count + 1)
    return 'admitted'
  }

  /** One connection of `host` that was admitted has ended. */
  leave(host: string): void {
    const neighbour = neighbourOf(host)
    const count = this.perNeighbour.get(neighbour) ?? 0
    this.total--
    if (count <= 1) this.perNeighbour.delete(neighbour)
    else this.perNeighbour.set(neighbour, count - 1)
  }
}

/** An IPv4 address, or the first 8 bytes of an IPv6 one: what one home has. */
export function neighbourOf(host: string): string {
  const plain = plainHost(host)
  const v6 = addressOf(plain, 0).kind === 'ipv6' ? parseIpv6(plain) : undefined
  return v6 ? toHex(v6.subarray(0, 8)) : plain
}
