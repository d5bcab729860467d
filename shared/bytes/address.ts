import type { Codec } from './codec.ts'
import { CodecError } from './error.ts'
import type { Reader } from './reader.ts'
import type { Writer } from './writer.ts'

/**
 * A UDP or TCP endpoint. `host` is canonical: dotted decimal for IPv4, RFC 5952 text for IPv6 (lower case, longest run
 * of zeros compressed, no brackets), 1 to 255 bytes of ASCII for a name.
 */
export type Address =
  | { readonly kind: 'ipv4'; readonly host: string; readonly port: number }
  | { readonly kind: 'ipv6'; readonly host: string; readonly port: number }
  | { readonly kind: 'domain'; readonly host: string; readonly port: number }

export type IpAddress = Exclude<Address, { kind: 'domain' }>

/** 0.0.0.0:0, which IPv8 uses for "none". */
export const NO_ADDRESS: IpAddress = { kind: 'ipv4', host: '0.0.0.0', port: 0 }

export function isNoAddress(address: Address): boolean {
  return address.kind === 'ipv4' && address.port === 0 && address.host === '0.0.0.0'
}

export function sameAddress(a: Address, b: Address): boolean {
  return a.port === b.port && a.host === b.host && a.kind === b.kind
}

/** `host:port`, with brackets around IPv6; unique per address, so fit for map keys. */
export function formatAddress(address: Address): string {
  return address.kind === 'ipv6' ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}

const DOT = 0x2e
const ZERO = 0x30

/** Four bytes of a canonical dotted decimal, or undefined: no leading zeros, no short, octal or hex forms. */
export function parseIpv4(host: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4)
  let index = 0
  let digits = 0
  let value = 0
  // By hand, without pieces and patterns: addresses of every packet and every peer named in one come through here.
  for (let i = 0; i <= host.length; i++) {
    const code = i < host.length ? host.charCodeAt(i) : DOT
    if (code === DOT) {
      if (digits === 0 || value > 255 || index > 3) return undefined
      bytes[index++] = value
      digits = 0
      value = 0
    } else {
      const digit = code - ZERO
      if (digit < 0 || digit > 9 || digits === 3 || (digits > 0 && value === 0)) return undefined
      value = 10 * value + digit
      digits++
    }
  }
  return index === 4 ? bytes : undefined
}

/** Sixteen bytes of an IPv6 text address (RFC 4291 §2.2, dotted-decimal tail allowed), or undefined. No zone ids. */
export function parseIpv6(host: string): Uint8Array | undefined {
  let text = host.toLowerCase()
  const dot = text.indexOf('.')
  if (dot >= 0) {
    const cut = text.lastIndexOf(':')
    const tail = parseIpv4(text.slice(cut + 1))
    if (cut < 0 || tail === undefined) return undefined
    const [a = 0, b = 0, c = 0, d = 0] = tail
    text = `${text.slice(0, cut + 1)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  }
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')))
  const head = groups[0] ?? []
  const tail = groups[1] ?? []
  const count = head.length + tail.length
  if (halves.length === 1 ? count !== 8 : count > 7) return undefined
  const all = [...head, ...Array<string>(8 - count).fill('0'), ...tail]
  const bytes = new Uint8Array(16)
  for (let i = 0; i < 8; i++) {
    const group = all[i] as string
    if (!/^[0-9a-f]{1,4}$/.test(group)) return undefined
    const value = Number.parseInt(group, 16)
    bytes[2 * i] = value >>> 8
    bytes[2 * i + 1] = value
  }
  return bytes
}

export function formatIpv4(bytes: Uint8Array): string {
  return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`
}

/** RFC 5952 §4: lower case, no leading zeros, the first longest run of two or more zero groups as `::`. */
export function formatIpv6(bytes: Uint8Array): string {
  const groups: number[] = []
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] as number) << 8) | (bytes[i + 1] as number))
  let best = -1
  let bestLength = 1
  for (let i = 0; i < 8; i++) {
    let j = i
    while (j < 8 && groups[j] === 0) j++
    if (j - i > bestLength) {
      best = i
      bestLength = j - i
    }
  }
  const hex = (list: number[]) => list.map((g) => g.toString(16)).join(':')
  if (best < 0) return hex(groups)
  return `${hex(groups.slice(0, best))}::${hex(groups.slice(best + bestLength))}`
}

/**
 * The address of a host given as text: IPv4, IPv6 (brackets allowed) or a name. Forms of IPv4 that only some resolvers
 * understand (decimal, hex, octal, short) come out as names.
 */
export function addressOf(host: string, port: number): Address {
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
  if (parseIpv4(bare)) return { kind: 'ipv4', host: bare, port }
  const v6 = bare.includes(':') ? parseIpv6(bare) : undefined
  if (v6) return { kind: 'ipv6', host: formatIpv6(v6), port }
  return { kind: 'domain', host: bare, port }
}

function writeIpv4(writer: Writer, address: Address): void {
  const bytes = parseIpv4(address.host)
  if (address.kind !== 'ipv4' || !bytes) {
    throw new CodecError('codec-address', `${address.kind} address where IPv4 belongs`)
  }
  writer.raw(bytes).u16(address.port)
}

function readIpv4(reader: Reader): Address & { kind: 'ipv4' } {
  return { kind: 'ipv4', host: formatIpv4(reader.view(4)), port: reader.u16() }
}

function readIpv6(reader: Reader): Address & { kind: 'ipv6' } {
  return { kind: 'ipv6', host: formatIpv6(reader.view(16)), port: reader.u16() }
}

function writeIp(writer: Writer, address: Address): void {
  if (address.kind === 'ipv4') {
    writeIpv4(writer.u8(1), address)
  } else {
    const bytes = parseIpv6(address.host)
    if (address.kind !== 'ipv6' || !bytes) {
      throw new CodecError('codec-address', `${address.kind} address where an IP address belongs`)
    }
    writer.u8(3).raw(bytes).u16(address.port)
  }
}

/** IP 4, port 2: six bytes. */
export const ipv4Address: Codec<IpAddress> = { write: writeIpv4, read: readIpv4 }

/** 01 IP 4 port 2, or 03 IP 16 port 2. */
export const ipAddress: Codec<IpAddress> = {
  write: writeIp,
  read: (reader) => {
    const type = reader.u8()
    if (type === 1) return readIpv4(reader)
    if (type === 3) return readIpv6(reader)
    throw new CodecError('codec-address', `address type ${type} where 1 or 3 belongs`)
  },
}

/** As ipAddress, or 02 length 2 name port 2. Names: 1 to 255 printable ASCII bytes without spaces. */
export const anyAddress: Codec<Address> = {
  write: (writer, address) => {
    if (address.kind !== 'domain') {
      writeIp(writer, address)
      return
    }
    const { host } = address
    if (!isName(host))
      throw new CodecError('codec-address', 'a name of 1 to 255 printable ASCII bytes is needed')
    writer.u8(2).u16(host.length)
    for (let i = 0; i < host.length; i++) writer.u8(host.charCodeAt(i))
    writer.u16(address.port)
  },
  read: (reader) => {
    const type = reader.u8()
    if (type === 1) return readIpv4(reader)
    if (type === 3) return readIpv6(reader)
    if (type !== 2) throw new CodecError('codec-address', `address type ${type} where 1, 2 or 3 belongs`)
    const length = reader.u16()
    if (length < 1 || length > 255) throw new CodecError('codec-address', `a name of ${length} bytes`)
    const host = String.fromCharCode(...reader.view(length))
    if (!isName(host)) throw new CodecError('codec-address', 'a name with bytes that are not printable ASCII')
    return { kind: 'domain', host, port: reader.u16() }
  },
}

function isName(host: string): boolean {
  return /^[\x21-\x7e]{1,255}$/.test(host)
}
