import { inNetwork, parseNetwork } from './network.ts'

/** What an address is for that is not one of the Internet's own. */
export type SpecialUse =
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

type Rule = readonly [network: string, use: SpecialUse]

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

/** Everything that IANA has given out for use on the Internet. */
const GLOBAL_UNICAST = parseNetwork('2000::/3')

const RULES = [...IPV4_RULES, ...IPV6_RULES].map(([network, use]) => [parseNetwork(network), use] as const)

/** Why an address (4 or 16 bytes) is none that is reached over the Internet as such; undefined if it is one. */
export function specialUse(bytes: Uint8Array): SpecialUse | undefined {
  for (const [network, use] of RULES) if (inNetwork(bytes, network)) return use
  if (bytes.length === 4) return undefined
  if (!inNetwork(bytes, GLOBAL_UNICAST)) return 'reserved'
  return isIsatap(bytes) ? 'translated' : undefined
}

/** An interface identifier 0000:5efe or 0200:5efe and an IPv4 address (RFC 5214 §6.1). */
function isIsatap(bytes: Uint8Array): boolean {
  return ((bytes[8] as number) & 0xfd) === 0 && bytes[9] === 0 && bytes[10] === 0x5e && bytes[11] === 0xfe
}
