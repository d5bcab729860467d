import { type IpAddress, parseIpv4, parseIpv6 } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'

/**
 * The network that an address is counted under: IPv4 /24, IPv6 /48, as text fit for map keys. What one operator usually
 * gets at once, so tables that admit few of one network are hard to fill for one.
 */
export function networkOf(address: IpAddress): string {
  if (address.kind === 'ipv4')
    return `4/${toHex(parseIpv4(address.host)?.subarray(0, 3) ?? new Uint8Array())}`
  return `6/${toHex(parseIpv6(address.host)?.subarray(0, 6) ?? new Uint8Array())}`
}

/** RFC 1918: what py-ipv8 never takes for its own WAN address. Loopback is not among them (the lab lives there). */
export function isPrivateIpv4(address: IpAddress): boolean {
  const bytes = address.kind === 'ipv4' ? parseIpv4(address.host) : undefined
  if (!bytes) return false
  const [a = 0, b = 0] = bytes
  return a === 10 || (a === 172 && b >= 16 && b <= 31) || (a === 192 && b === 168)
}

/** As isPrivateIpv4, and what IPv6 has in its place: unique local (fc00::/7, RFC 4193) and link-local (fe80::/10). */
export function isPrivate(address: IpAddress): boolean {
  if (address.kind === 'ipv4') return isPrivateIpv4(address)
  const [a = 0, b = 0] = parseIpv6(address.host) ?? []
  return (a & 0xfe) === 0xfc || (a === 0xfe && (b & 0xc0) === 0x80)
}

/** 127.0.0.0/8 or ::1. */
export function isLoopback(address: IpAddress): boolean {
  return address.kind === 'ipv4' ? parseIpv4(address.host)?.[0] === 127 : address.host === '::1'
}

/** What one machine usually has: an IPv4 address, or an IPv6 /64. As text fit for map keys. */
export function siteOf(address: IpAddress): string {
  if (address.kind === 'ipv4') return address.host
  return `6/${toHex(parseIpv6(address.host)?.subarray(0, 8) ?? new Uint8Array())}`
}

/** Whether a datagram to this address can reach one peer: a port, and neither unspecified, multicast nor broadcast. */
export function isUnicast(address: IpAddress): boolean {
  if (address.port === 0) return false
  const [first = 0] = (address.kind === 'ipv4' ? parseIpv4(address.host) : parseIpv6(address.host)) ?? []
  if (address.kind === 'ipv6') return first !== 0xff && address.host !== '::'
  return first !== 0 && first < 224
}
