import { formatIpv4, formatIpv6, type IpAddress, parseIpv4, parseIpv6 } from '../bytes/address.ts'
import { CodecError } from '../bytes/error.ts'
import { Reader } from '../bytes/reader.ts'
import { Writer } from '../bytes/writer.ts'
import type { Family, NodeContact } from './api.ts'
import { ID_BYTES } from './constants.ts'

/** Compact forms: an address is its IP bytes and its port (BEP 5, BEP 32), a node its id before that. */

const IP_BYTES: Record<Family, number> = { ipv4: 4, ipv6: 16 }
const PORT_BYTES = 2

/** 6 or 18 bytes. @throws CodecError `codec-address` */
export function compactAddress(address: IpAddress): Uint8Array {
  const writer = new Writer(IP_BYTES[address.kind] + PORT_BYTES)
  writeAddress(writer, address)
  return writer.finish()
}

/** The address of 6 or 18 bytes; undefined if there are others, or the port is 0. */
export function readCompactAddress(bytes: Uint8Array): IpAddress | undefined {
  for (const kind of ['ipv4', 'ipv6'] as const) {
    if (bytes.length === IP_BYTES[kind] + PORT_BYTES) {
      const address = readAddress(new Reader(bytes), kind)
      return address.port === 0 ? undefined : address
    }
  }
  return undefined
}

/** 26 or 38 bytes each; nodes of another family are left out. */
export function compactNodes(nodes: readonly NodeContact[], family: Family): Uint8Array {
  const writer = new Writer(nodes.length * (ID_BYTES + IP_BYTES[family] + PORT_BYTES))
  for (const { id, address } of nodes) {
    if (address.kind !== family) continue
    writer.raw(id)
    writeAddress(writer, address)
  }
  return writer.finish()
}

/** At most `max` nodes; those with port 0 are left out. Ids are copies. @throws CodecError `krpc-nodes` of a length that fits no number of them */
export function readCompactNodes(bytes: Uint8Array, family: Family, max: number): NodeContact[] {
  const size = ID_BYTES + IP_BYTES[family] + PORT_BYTES
  if (bytes.length % size !== 0) {
    throw new CodecError('krpc-nodes', `${bytes.length} bytes of nodes, no multiple of ${size}`)
  }
  const reader = new Reader(bytes)
  const nodes: NodeContact[] = []
  while (reader.remaining > 0 && nodes.length < max) {
    // A copy: what is kept must not keep the datagram.
    const id = new Uint8Array(reader.view(ID_BYTES))
    const address = readAddress(reader, family)
    if (address.port !== 0) nodes.push({ id, address })
  }
  return nodes
}

function writeAddress(writer: Writer, address: IpAddress): void {
  const bytes = address.kind === 'ipv4' ? parseIpv4(address.host) : parseIpv6(address.host)
  if (!bytes) throw new CodecError('codec-address', `no ${address.kind} address`)
  writer.raw(bytes).u16(address.port)
}

function readAddress(reader: Reader, kind: Family): IpAddress {
  const bytes = reader.view(IP_BYTES[kind])
  const host = kind === 'ipv4' ? formatIpv4(bytes) : formatIpv6(bytes)
  return { kind, host, port: reader.u16() }
}
