import { type IpAddress, parseIpv4, parseIpv6 } from '../bytes/address.ts'
import { CulvertError } from '../bytes/error.ts'

/** A block of addresses, as in `10.0.0.0/8` or `2001:db8::/32`. */
export interface Network {
  /** 4 or 16 bytes. */
  readonly bytes: Uint8Array
  /** How many leading bits of `bytes` all its addresses share. */
  readonly bits: number
}

/** @throws CulvertError `network-malformed` */
export function parseNetwork(text: string): Network {
  const [host = '', bitsText = '', ...rest] = text.split('/')
  const bytes = parseIpv4(host) ?? parseIpv6(host)
  const bits = Number(bitsText)
  if (!bytes || rest.length > 0 || !/^[0-9]{1,3}$/.test(bitsText) || bits > 8 * bytes.length) {
    throw new CulvertError('network-malformed', `"${text}" is not a network such as 10.0.0.0/8 or fc00::/7`)
  }
  return { bytes, bits }
}

/** 4 or 16 bytes of an address. */
export function ipBytes(address: IpAddress): Uint8Array | undefined {
  return address.kind === 'ipv4' ? parseIpv4(address.host) : parseIpv6(address.host)
}

/** Whether `bytes` (4 or 16) are in the network. An IPv4 address is in no IPv6 network and the other way round. */
export function inNetwork(bytes: Uint8Array, network: Network): boolean {
  if (bytes.length !== network.bytes.length) return false
  const whole = network.bits >> 3
  for (let i = 0; i < whole; i++) if (bytes[i] !== network.bytes[i]) return false
  const rest = network.bits & 7
  if (rest === 0) return true
  const mask = (0xff << (8 - rest)) & 0xff
  return (((bytes[whole] as number) ^ (network.bytes[whole] as number)) & mask) === 0
}
