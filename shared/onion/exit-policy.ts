import type { IpAddress } from '../bytes/address.ts'
import { inNetwork, ipBytes, type Network, parseNetwork } from '../ipv8/network.ts'
import { type SpecialUse, specialUse } from '../ipv8/special-use.ts'

/** Why an exit does not go somewhere. */
export type PolicyRefusal = SpecialUse | 'own-network' | 'port' | 'numeric-name' | 'local-name' | 'malformed'

export interface ExitPolicySettings {
  /** Networks that are allowed although the tables below refuse them, e.g. `127.0.0.0/8` in the lab. */
  readonly allowNetworks?: readonly string[]
  /**
   * The exit's own addresses and the networks that it stands in; asked for each address judged. From the machine itself even
   * its public ones lead past its firewall, and past that of its network, to services that are nobody's outside.
   */
  readonly ownNetworks?: () => readonly Network[]
  /** TCP ports that are refused; port 0 always is. */
  readonly refusePorts?: readonly number[]
}

/** Mail submission and relay: what open proxies are abused for first (requirement O-06). */
export const MAIL_PORTS: readonly number[] = [25, 465, 587, 2525]

/** Last labels, or whole names, that mean this machine, its network or another naming system (RFC 6761, 6762, 8375, 7686). */
const LOCAL_NAMES = new Set(
  'localhost local localdomain internal intranet private corp home lan domain onion i2p test invalid example arpa alt'.split(
    ' ',
  ),
)

/**
 * Where an exit may go (requirement O-06). Judges addresses, so that it is asked after name resolution; names are judged
 * before, only to keep what some resolvers take for an address, and what is answered locally, from being asked for.
 */
export class ExitPolicy {
  private readonly allowed: readonly Network[]
  private readonly refusedPorts: ReadonlySet<number>
  private readonly ownNetworks: () => readonly Network[]

  /** @throws CulvertError `network-malformed` */
  constructor(settings: ExitPolicySettings = {}) {
    this.allowed = (settings.allowNetworks ?? []).map(parseNetwork)
    this.refusedPorts = new Set(settings.refusePorts ?? MAIL_PORTS)
    this.ownNetworks = settings.ownNetworks ?? (() => [])
  }

  judge(address: IpAddress, transport: 'tcp' | 'udp'): 'allowed' | PolicyRefusal {
    if (!Number.isInteger(address.port) || address.port < 1 || address.port > 0xffff) return 'port'
    if (transport === 'tcp' && this.refusedPorts.has(address.port)) return 'port'
    const bytes = ipBytes(address)
    if (!bytes) return 'malformed'
    const isIn = (network: Network) => inNetwork(bytes, network)
    if (this.allowed.some(isIn)) return 'allowed'
    return specialUse(bytes) ?? (this.ownNetworks().some(isIn) ? 'own-network' : 'allowed')
  }

  /** Whether a name may be given to a resolver. What it resolves to is judged by `judge`. */
  judgeName(name: string): 'allowed' | PolicyRefusal {
    const bare = (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase()
    const labels = bare.split('.')
    if (
      bare.length > 253 ||
      !labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label))
    ) {
      return 'malformed'
    }
    const last = labels.at(-1) as string
    // 127.1, 0x7f.1, 2130706433, 017700000001: addresses to inet_aton, and so to many resolvers (WHATWG URL §3.5).
    if (/^([0-9]+|0x[0-9a-f]*)$/.test(last)) return 'numeric-name'
    if (labels.length === 1 || LOCAL_NAMES.has(last)) return 'local-name'
    return 'allowed'
  }
}
