import type { IpAddress } from '../bytes/address.ts'
import { inNetwork, ipBytes, type Network, parseNetwork } from './network.ts'

/** Why an exit does not go somewhere. */
export type PolicyRefusal =
  | 'unspecified'
  | 'private'
  | 'loopback'
  | 'link-local'
  | 'carrier-grade-nat'
  | 'multicast'
  | 'broadcast'
  | 'reserved'
  | 'documentation'
  | 'translated'
  | 'unique-local'
  | 'site-local'
  | 'own-machine'
  | 'port'
  | 'numeric-name'
  | 'local-name'
  | 'malformed'

export interface ExitPolicySettings {
  /** Networks that are allowed although the tables below refuse them, e.g. `127.0.0.0/8` in the lab. */
  readonly allowNetworks?: readonly string[]
  /**
   * The exit's own addresses, as canonical text; asked for each address judged. From the machine itself even its public ones
   * lead past its firewall, to services that are nobody's outside.
   */
  readonly ownHosts?: () => ReadonlySet<string>
  /** TCP ports that are refused; port 0 always is. */
  readonly refusePorts?: readonly number[]
}

/** Mail submission and relay: what open proxies are abused for first (requirement O-06). */
export const MAIL_PORTS: readonly number[] = [25, 465, 587, 2525]

type Rule = readonly [network: string, refusal: PolicyRefusal]

/** IANA IPv4 Special-Purpose Address Registry (RFC 6890), without the blocks that are globally reachable. */
const IPV4_RULES: readonly Rule[] = [
  ['0.0.0.0/8', 'unspecified'],
  ['10.0.0.0/8', 'private'],
  ['100.64.0.0/10', 'carrier-grade-nat'],
  ['127.0.0.0/8', 'loopback'],
  ['168.63.129.16/32', 'reserved'], // a cloud's host, public in form only
  ['169.254.0.0/16', 'link-local'],
  ['172.16.0.0/12', 'private'],
  ['192.0.0.0/24', 'reserved'],
  ['192.0.2.0/24', 'documentation'],
  ['192.88.99.0/24', 'translated'], // 6to4 relays, RFC 7526
  ['192.168.0.0/16', 'private'],
  ['198.18.0.0/15', 'reserved'],
  ['198.51.100.0/24', 'documentation'],
  ['203.0.113.0/24', 'documentation'],
  ['224.0.0.0/4', 'multicast'],
  ['255.255.255.255/32', 'broadcast'],
  ['240.0.0.0/4', 'reserved'],
]

/**
 * The same for IPv6; the first match counts. Forms that carry an IPv4 address in them are refused whatever it is: somebody
 * between here and there would turn them into IPv4, and the IPv4 form can be written as such.
 */
const IPV6_RULES: readonly Rule[] = [
  ['::/128', 'unspecified'],
  ['::1/128', 'loopback'],
  ['::/96', 'translated'], // IPv4-compatible, RFC 4291 §2.5.5.1
  ['::ffff:0:0/96', 'translated'], // IPv4-mapped, RFC 4291 §2.5.5.2
  ['::ffff:0:0:0/96', 'translated'], // SIIT, RFC 2765
  ['64:ff9b::/96', 'translated'], // NAT64, RFC 6052
  ['64:ff9b:1::/48', 'translated'], // NAT64, RFC 8215
  ['2001::/32', 'translated'], // Teredo, RFC 4380
  ['2001::/23', 'reserved'],
  ['2001:db8::/32', 'documentation'],
  ['2002::/16', 'translated'], // 6to4, RFC 3056
  ['3fff::/20', 'documentation'],
  ['fc00::/7', 'unique-local'],
  ['fe80::/10', 'link-local'],
  ['fec0::/10', 'site-local'],
  ['ff00::/8', 'multicast'],
]

const NO_HOSTS: ReadonlySet<string> = new Set()

/** Everything that IANA has given out for use on the Internet. */
const GLOBAL_UNICAST = parseNetwork('2000::/3')

const RULES = [...IPV4_RULES, ...IPV6_RULES].map(
  ([network, refusal]) => [parseNetwork(network), refusal] as const,
)

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
  private readonly ownHosts: () => ReadonlySet<string>

  /** @throws CulvertError `network-malformed` */
  constructor(settings: ExitPolicySettings = {}) {
    this.allowed = (settings.allowNetworks ?? []).map(parseNetwork)
    this.refusedPorts = new Set(settings.refusePorts ?? MAIL_PORTS)
    this.ownHosts = settings.ownHosts ?? (() => NO_HOSTS)
  }

  judge(address: IpAddress, transport: 'tcp' | 'udp'): 'allowed' | PolicyRefusal {
    if (!Number.isInteger(address.port) || address.port < 1 || address.port > 0xffff) return 'port'
    if (transport === 'tcp' && this.refusedPorts.has(address.port)) return 'port'
    const bytes = ipBytes(address)
    if (!bytes) return 'malformed'
    if (this.allowed.some((network) => inNetwork(bytes, network))) return 'allowed'
    for (const [network, refusal] of RULES) if (inNetwork(bytes, network)) return refusal
    if (this.ownHosts().has(address.host)) return 'own-machine'
    if (bytes.length === 4) return 'allowed'
    if (!inNetwork(bytes, GLOBAL_UNICAST)) return 'reserved'
    return isIsatap(bytes) ? 'translated' : 'allowed'
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

/** An interface identifier 0000:5efe or 0200:5efe and an IPv4 address (RFC 5214 §6.1). */
function isIsatap(bytes: Uint8Array): boolean {
  return ((bytes[8] as number) & 0xfd) === 0 && bytes[9] === 0 && bytes[10] === 0x5e && bytes[11] === 0xfe
}
