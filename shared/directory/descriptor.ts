import { utf8ToBytes } from '@noble/hashes/utils.js'
import { type IpAddress, ipAddress, parseIpv6 } from '../bytes/address.ts'
import { concat } from '../bytes/bytes.ts'
import {
  type Codec,
  decode,
  decodePrefix,
  encode,
  fixed,
  list8,
  struct,
  u8,
  u16,
  u32,
} from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { Reader } from '../bytes/reader.ts'
import { KEY_BYTES, type KeyPair, type PublicKey, publicKeyCodec, SIGNATURE_BYTES } from '../identity/keys.ts'
import {
  MAX_ADDRESS_BYTES,
  MAX_ADDRESSES,
  MAX_CLOCK_SKEW_S,
  MAX_DESCRIPTOR_BYTES,
  MAX_FAMILY_BYTES,
  MAX_LIFETIME_S,
  MAX_NETWORK_NAME_BYTES,
  MAX_NICKNAME_BYTES,
} from './constants.ts'

/** What a relay says of itself. */
export interface DescriptorFields {
  /** 0 to 32 printable ASCII characters, spaces allowed. For people; proves nothing. */
  readonly nickname: string
  /** FLAG_... of ipv8/constants.ts. */
  readonly flags: number
  /** 0 to 32 bytes, the same for all relays of one operator; empty for none. No circuit has two of one family. */
  readonly family: Uint8Array
  /** Where it speaks IPv8 over UDP. */
  readonly udp: IpAddress | undefined
  /** The same over IPv6, where `udp` is its IPv4 address. Readers that look at one address alone see `udp`. */
  readonly udp6?: IpAddress
  /** Where pages reach it: ws://host:port/relay or wss://host:port/relay, the port optional, at most 255 bytes. */
  readonly websocket: string | undefined
  /** What it can relay, bytes per second, by its own measure; 0 for unknown. */
  readonly bandwidth: number
  /** Unix seconds, 32 bits. */
  readonly published: number
  /** Seconds from `published` for which it may be used, 1 to 604,800. */
  readonly lifetime: number
}

/** A descriptor whose signature and dates were checked. */
export interface RelayDescriptor extends DescriptorFields {
  readonly publicKey: PublicKey
  /** As signed; to be passed on unchanged. */
  readonly bytes: Uint8Array
}

const VERSION = 1
const KIND_UDP = 1
const KIND_WEBSOCKET = 2

/** Length as u8, then the bytes. */
function varlen8(max: number): Codec<Uint8Array> {
  const check = (length: number) => {
    if (length > max) throw new CodecError('codec-length', `${length} bytes where at most ${max} belong`)
  }
  return {
    write: (writer, value) => {
      check(value.length)
      writer.u8(value.length).raw(value)
    },
    read: (reader) => {
      const length = reader.u8()
      check(length)
      return reader.view(length)
    },
  }
}

const nickname: Codec<string> = {
  write: (writer, text) => varlen8(MAX_NICKNAME_BYTES).write(writer, utf8ToBytes(checkNickname(text))),
  read: (reader) => checkNickname(ascii(varlen8(MAX_NICKNAME_BYTES).read(reader))),
}

/** Bytes above 7f come out as characters that no check of this file lets pass. */
function ascii(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}

function checkNickname(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text
  throw new CodecError('descriptor-nickname', 'a nickname of printable ASCII characters is needed')
}

/**
 * The body, before the signature: version u8 (1), public key 74, published u32, lifetime u32, flags u16, bandwidth u32,
 * nickname (length u8, ASCII), family (length u8, bytes), addresses (count u8 up to 8; each kind u8, length u8, value).
 * Kind 1 is UDP (an ip_address; a second one, if there is, is the IPv6 address), kind 2 a WebSocket URL (ASCII); of several of one kind the first counts, other kinds are
 * skipped. What follows is for later versions of this layout: signed, and ignored.
 */
const body = struct({
  version: u8,
  publicKey: publicKeyCodec,
  published: u32,
  lifetime: u32,
  flags: u16,
  bandwidth: u32,
  nickname,
  family: varlen8(MAX_FAMILY_BYTES),
  addresses: list8(struct({ kind: u8, value: varlen8(MAX_ADDRESS_BYTES) }), MAX_ADDRESSES),
})

/** The front of the body: whose it is, and from when. */
const head = struct({ version: u8, publicKey: fixed(KEY_BYTES), published: u32 })

/** As much as tells whether a descriptor is news: cheap, and proves nothing. `publicKey` is a view of `bytes`. */
export function descriptorHead(bytes: Uint8Array): { publicKey: Uint8Array; published: number } {
  return decodePrefix(head, bytes)
}

/** "culvert relay descriptor 1", 00, network name (length u8, UTF-8): signed before the body, sent never. */
function domain(network: string): Uint8Array {
  const name = utf8ToBytes(network)
  if (name.length > MAX_NETWORK_NAME_BYTES)
    throw new CodecError('descriptor-network', 'the network name is too long')
  return concat(utf8ToBytes('culvert relay descriptor 1'), new Uint8Array([0, name.length]), name)
}

/** Whether a URL may stand in a descriptor as its relay's WebSocket: ws://host/relay, wss://host:port/relay. */
export function isWebsocketUrl(url: string): boolean {
  const [, host, port] =
    /^wss?:\/\/(\[[0-9a-f:.]+\]|[A-Za-z0-9.-]+)(?::([0-9]{1,5}))?\/relay$/.exec(url) ?? []
  const bracketed = host?.startsWith('[') ?? false
  const isHost = host !== undefined && (!bracketed || parseIpv6(host.slice(1, -1)) !== undefined)
  const isPort = port === undefined || (Number(port) >= 1 && Number(port) <= 65_535)
  return isHost && isPort && url.length <= MAX_ADDRESS_BYTES
}

function checkWebsocket(url: string): string {
  if (isWebsocketUrl(url)) return url
  throw new CodecError('descriptor-websocket', 'a URL like wss://host:port/relay is needed')
}

function checkLifetime(lifetime: number): void {
  if (lifetime >= 1 && lifetime <= MAX_LIFETIME_S) return
  throw new CodecError('descriptor-lifetime', `a lifetime of 1 to ${MAX_LIFETIME_S} seconds is needed`)
}

function checkSize(bytes: Uint8Array): void {
  if (bytes.length <= MAX_DESCRIPTOR_BYTES) return
  throw new CodecError(
    'descriptor-size',
    `${bytes.length} bytes where at most ${MAX_DESCRIPTOR_BYTES} belong`,
  )
}

/**
 * The descriptor as it is sent: body, then the Ed25519 signature (64) over domain and body, at most 995 bytes in all.
 * @param network the name of the network, at most 64 bytes; a descriptor of one network is worth nothing in another
 * @throws CodecError if a field does not fit
 */
export function signDescriptor(fields: DescriptorFields, keyPair: KeyPair, network: string): Uint8Array {
  checkLifetime(fields.lifetime)
  const addresses: { kind: number; value: Uint8Array }[] = []
  if (fields.udp) addresses.push({ kind: KIND_UDP, value: encode(ipAddress, fields.udp) })
  if (fields.udp6) addresses.push({ kind: KIND_UDP, value: encode(ipAddress, fields.udp6) })
  if (fields.websocket !== undefined) {
    addresses.push({ kind: KIND_WEBSOCKET, value: utf8ToBytes(checkWebsocket(fields.websocket)) })
  }
  const content = encode(body, { ...fields, version: VERSION, publicKey: keyPair.publicKey, addresses })
  const bytes = concat(content, keyPair.sign(concat(domain(network), content)))
  checkSize(bytes)
  return bytes
}

/** A descriptor that is well formed; nothing is proved yet. */
export interface UnverifiedDescriptor extends RelayDescriptor {
  /** Checks dates, then the signature; throws CodecError. */
  verify(network: string, wallMs: number): RelayDescriptor
}

/** Takes a descriptor apart, without looking at its signature or dates. Copies `bytes`. */
export function parseDescriptor(untrusted: Uint8Array): UnverifiedDescriptor {
  checkSize(untrusted)
  const bytes = Uint8Array.from(untrusted)
  const end = bytes.length - SIGNATURE_BYTES
  const reader = new Reader(bytes, 0, end)
  if (new Reader(bytes, 0, end).u8() !== VERSION) {
    throw new CodecError('descriptor-version', `descriptors of version ${VERSION} are understood`)
  }
  const { version: _, addresses, ...fields } = body.read(reader)
  checkLifetime(fields.lifetime)
  const first = (kind: number) => addresses.find((address) => address.kind === kind)?.value
  const udp = first(KIND_UDP)
  const websocket = first(KIND_WEBSOCKET)
  const descriptor: RelayDescriptor = {
    ...fields,
    udp: udp && decode(ipAddress, udp),
    websocket: websocket && checkWebsocket(ascii(websocket)),
    bytes,
  }
  const verify = (network: string, wallMs: number) => {
    checkDates(descriptor, wallMs)
    const tail = new Reader(bytes)
    const content = tail.view(reader.end)
    if (!descriptor.publicKey.verify(tail.rest(), concat(domain(network), content))) {
      throw new CodecError('descriptor-forged', 'not signed by its key for this network')
    }
    return descriptor
  }
  return { ...descriptor, verify }
}

function checkDates(descriptor: DescriptorFields, wallMs: number): void {
  if (descriptor.published > wallMs / 1000 + MAX_CLOCK_SKEW_S) {
    throw new CodecError('descriptor-future', `published more than ${MAX_CLOCK_SKEW_S} s ahead of our clock`)
  }
  if (isExpired(descriptor, wallMs)) throw new CodecError('descriptor-expired', 'its lifetime has passed')
}

export function isExpired(descriptor: DescriptorFields, wallMs: number): boolean {
  return descriptor.published + descriptor.lifetime < wallMs / 1000
}

/**
 * Verifies a descriptor that came from anywhere.
 * @param wallMs now, milliseconds since 1970
 * @throws CodecError `descriptor-size`, `-version`, `-future`, `-expired`, `-lifetime`, `-nickname`, `-websocket`,
 *   `-forged`, `key-...` or `codec-...`
 */
export function readDescriptor(bytes: Uint8Array, network: string, wallMs: number): RelayDescriptor {
  return parseDescriptor(bytes).verify(network, wallMs)
}
