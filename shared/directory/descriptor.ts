import { utf8ToBytes } from '@noble/hashes/utils.js'
import { concat } from '../bytes/bytes.ts'
import { type Codec, decodePrefix, encode, fixed, list8, struct, u8, u16, u32 } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { Reader } from '../bytes/reader.ts'
import { KEY_BYTES, type KeyPair, type PublicKey, publicKeyCodec, SIGNATURE_BYTES } from '../identity/keys.ts'
import {
  MAX_ADDRESS_BYTES,
  MAX_ADDRESSES,
  MAX_CLOCK_SKEW_S,
  MAX_CONTACT_BYTES,
  MAX_DESCRIPTOR_BYTES,
  MAX_FAMILY_BYTES,
  MAX_LIFETIME_S,
  MAX_NETWORK_NAME_BYTES,
  MAX_NICKNAME_BYTES,
} from './constants.ts'
import { ascii, type RelayAddresses, readAddresses, writeAddresses } from './descriptor-addresses.ts'
import { type ExitSummary, exitSummary } from './exit-summary.ts'

export { isWebsocketUrl } from './descriptor-addresses.ts'

/** What a relay says of itself. */
export interface DescriptorFields extends RelayAddresses {
  /** 0 to 32 printable ASCII characters, spaces allowed. For people; proves nothing. */
  readonly nickname: string
  /** FLAG_... of ipv8/constants.ts. */
  readonly flags: number
  /** 0 to 32 bytes, the same for all relays of one operator; empty for none. No circuit has two of one family. */
  readonly family: Uint8Array
  /** What it can relay, bytes per second, by its own measure; 0 for unknown. */
  readonly bandwidth: number
  /** Unix seconds, 32 bits. */
  readonly published: number
  /** Seconds from `published` for which it may be used, 1 to 604,800. */
  readonly lifetime: number
  /** Where the operator may be written to: 1 to 64 printable ASCII characters. */
  readonly contact?: string | undefined
  /** Where it says it stands: two letters of ISO 3166-1, such as NL. What a table of addresses says counts more. */
  readonly country?: string | undefined
  /** Number of its autonomous system, 32 bits; a claim as well. */
  readonly as?: number | undefined
  /** What it lets out; absent if it is no exit, or older than this field. */
  readonly exit?: ExitSummary | undefined
}

/** A descriptor whose signature and dates were checked. */
export interface RelayDescriptor extends DescriptorFields {
  readonly publicKey: PublicKey
  /** As signed; to be passed on unchanged. */
  readonly bytes: Uint8Array
}

const VERSION = 1

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

function text(max: number, name: 'nickname' | 'contact'): Codec<string> {
  const check = (value: string) => {
    if (/^[\x20-\x7e]*$/.test(value)) return value
    throw new CodecError(`descriptor-${name}`, `a ${name} of printable ASCII characters is needed`)
  }
  return {
    write: (writer, value) => varlen8(max).write(writer, utf8ToBytes(check(value))),
    read: (reader) => check(ascii(varlen8(max).read(reader))),
  }
}

/** Two capital letters, or 00 00 for unknown. */
const country: Codec<string | undefined> = {
  write: (writer, code) => {
    if (code === undefined) writer.raw(new Uint8Array(2))
    else writer.raw(utf8ToBytes(checkCountry(code)))
  },
  read: (reader) => {
    const bytes = reader.view(2)
    return bytes[0] === 0 && bytes[1] === 0 ? undefined : checkCountry(ascii(bytes))
  },
}

function checkCountry(code: string): string {
  if (/^[A-Z]{2}$/.test(code)) return code
  throw new CodecError('descriptor-country', 'a country of two capital letters is needed')
}

/**
 * The body, before the signature: version u8 (1), public key 74, published u32, lifetime u32, flags u16, bandwidth u32,
 * nickname (length u8, ASCII), family (length u8, bytes), addresses (count u8 up to 8; each kind u8, length u8, value).
 * The kinds: 1 UDP (an ip_address; a second one, if there is, is the IPv6 address), 2 WebSocket URL, 3 tcp://host:port, 4
 * tor://….onion:port, 5 webrtc+wss://host:port/relay, the relay that signals WebRTC (all ASCII); of several of one kind the first counts, other
 * kinds are skipped. Then, since its first readers, the extension; what follows is for later versions: signed, and ignored.
 */
const body = struct({
  version: u8,
  publicKey: publicKeyCodec,
  published: u32,
  lifetime: u32,
  flags: u16,
  bandwidth: u32,
  nickname: text(MAX_NICKNAME_BYTES, 'nickname'),
  family: varlen8(MAX_FAMILY_BYTES),
  addresses: list8(struct({ kind: u8, value: varlen8(MAX_ADDRESS_BYTES) }), MAX_ADDRESSES),
})

/**
 * The extension of the body, absent from the first descriptors: contact (length u8 up to 64, ASCII), country (2 ASCII letters,
 * or 00 00), autonomous system u32 (0 for unknown), exit policy (exit-summary.ts).
 */
const extension = struct({
  contact: text(MAX_CONTACT_BYTES, 'contact'),
  country,
  as: u32,
  exit: exitSummary,
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
  const addresses = writeAddresses(fields)
  const front = encode(body, { ...fields, version: VERSION, publicKey: keyPair.publicKey, addresses })
  const content = concat(front, writeExtension(fields))
  const bytes = concat(content, keyPair.sign(concat(domain(network), content)))
  checkSize(bytes)
  return bytes
}

/** Nothing at all where there is nothing to say: such a descriptor is as it always was. */
function writeExtension({ contact = '', country, as = 0, exit }: DescriptorFields): Uint8Array {
  if (contact === '' && country === undefined && as === 0 && exit === undefined) return new Uint8Array()
  return encode(extension, { contact, country, as, exit })
}

/** What the extension says, as far as there is one and it says anything. */
function readExtension(reader: Reader): Partial<DescriptorFields> {
  if (reader.remaining === 0) return {}
  const { contact, country, as, exit } = extension.read(reader)
  return {
    ...(contact === '' ? {} : { contact }),
    ...(country === undefined ? {} : { country }),
    ...(as === 0 ? {} : { as }),
    ...(exit === undefined ? {} : { exit }),
  }
}

/** A descriptor that is well formed; nothing is proved yet. */
export interface UnverifiedDescriptor extends RelayDescriptor {
  /**
   * Checks dates, then the signature.
   * @param wallMs now, milliseconds since 1970
   * @throws CodecError `descriptor-future`, `-expired`, `-forged`
   */
  verify(network: string, wallMs: number): RelayDescriptor
}

/**
 * Takes a descriptor apart, without looking at its signature or dates. Copies `bytes`.
 * @throws CodecError `descriptor-size`, `-version`, `-lifetime`, `-nickname`, `-websocket`, `-contact`, `-country`, `-tcp`,
 *   `-onion`, `-webrtc`, `-policy`, `key-...` or `codec-...`
 */
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
  const descriptor: RelayDescriptor = {
    ...fields,
    ...readAddresses(addresses),
    ...readExtension(reader),
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
