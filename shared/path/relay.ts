import { type IpAddress, parseIpv4, parseIpv6 } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import type { PublicKey } from '../identity/keys.ts'

/** What path selection knows of a relay; from its verified descriptor. */
export interface PathRelay {
  readonly publicKey: PublicKey
  /** The relay's own name for itself, for people. */
  readonly name: string
  /** Where the hop before it reaches it. */
  readonly address: IpAddress
  /** Operator family; empty for none. */
  readonly family: string
  /** Whether it ends STREAM and BitTorrent DATA cells. */
  readonly exit: boolean
  /** Bandwidth as measured or promised, bytes per second; 0 for unknown. */
  readonly bytesPerSecond: number
}

/** Leading bits that two addresses of one network share. */
export interface NetworkBits {
  readonly ipv4: number
  readonly ipv6: number
}

/** Requirement C (issue 3): no circuit with two relays of one /16 (IPv4) or /32 (IPv6). */
export const NETWORK_BITS: NetworkBits = { ipv4: 16, ipv6: 32 }

/** The network of an address, as a key to compare by. */
export function networkOf(address: IpAddress, bits: NetworkBits): string {
  const ipv4 = address.kind === 'ipv4'
  const bytes = Uint8Array.from((ipv4 ? parseIpv4(address.host) : parseIpv6(address.host)) ?? [])
  const keep = ipv4 ? bits.ipv4 : bits.ipv6
  for (let i = 0; i < bytes.length; i++) {
    const left = Math.min(8, Math.max(0, keep - 8 * i))
    bytes[i] = (bytes[i] as number) & (0xff << (8 - left))
  }
  return `${address.kind} ${toHex(bytes)}`
}

/** Map key of a relay. */
export function relayKey(relay: PathRelay): string {
  return toHex(relay.publicKey.bytes)
}

/** Whether one circuit may hold both: other keys, other networks, other operators. */
export function mayShareCircuit(a: PathRelay, b: PathRelay, bits: NetworkBits): boolean {
  return (
    !a.publicKey.equals(b.publicKey) &&
    networkOf(a.address, bits) !== networkOf(b.address, bits) &&
    (a.family === '' || a.family !== b.family)
  )
}
