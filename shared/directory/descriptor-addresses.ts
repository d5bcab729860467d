import { utf8ToBytes } from '@noble/hashes/utils.js'
import { type IpAddress, ipAddress } from '../bytes/address.ts'
import { decode, encode } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { type LinkAddress, readLinkAddress } from '../link/link-address.ts'

/** Where a relay can be reached, by kind. All but UDP are texts of shared/link/link-address.ts, at most 255 bytes of ASCII. */
export interface RelayAddresses {
  /** Where it speaks IPv8 over UDP. */
  readonly udp: IpAddress | undefined
  /** The same over IPv6, where `udp` is its IPv4 address. Readers that look at one address alone see `udp`. */
  readonly udp6?: IpAddress | undefined
  /** Where pages and relays reach it: ws://host:port/relay or wss://host:port/relay, the port optional. */
  readonly websocket: string | undefined
  /** Where it speaks IPv8 over TCP and TLS: tcp://host:port. */
  readonly tcp?: string | undefined
  /** The same over Tor: tor://….onion:port, a version 3 onion service. */
  readonly onion?: string | undefined
  /** The relay that signals WebRTC for it: webrtc+ws://host:port/relay or webrtc+wss://host:port/relay. */
  readonly webrtc?: string | undefined
}

/** As it stands in a descriptor. */
export interface KindAndValue {
  readonly kind: number
  readonly value: Uint8Array
}

const KIND_UDP = 1
const KIND_WEBSOCKET = 2
const KIND_TCP = 3
const KIND_ONION = 4
const KIND_WEBRTC = 5

/** Whether a URL may stand in a descriptor as its relay's WebSocket: ws://host/relay, wss://host:port/relay. */
export function isWebsocketUrl(url: string): boolean {
  return readLinkAddress(url)?.kind === 'websocket'
}

/** Kinds whose value is ASCII text, in the order in which they are written. */
const TEXTS = [
  { kind: KIND_WEBSOCKET, name: 'websocket', link: 'websocket', like: 'wss://host:port/relay' },
  { kind: KIND_TCP, name: 'tcp', link: 'tcp', like: 'tcp://host:port' },
  { kind: KIND_ONION, name: 'onion', link: 'tor', like: 'tor://….onion:port' },
  { kind: KIND_WEBRTC, name: 'webrtc', link: 'webrtc', like: 'webrtc+wss://host:port/relay' },
] as const

function checked(text: string, { name, link, like }: (typeof TEXTS)[number]): string {
  if (readLinkAddress(text)?.kind === link) return text
  throw new CodecError(`descriptor-${name}`, `an address like ${like} is needed`)
}

/** Every address of a relay in one form: where its links can be opened. */
export function linkAddressesOf(addresses: RelayAddresses): LinkAddress[] {
  const { udp, udp6 } = addresses
  const datagrams = [udp, udp6].flatMap((at): LinkAddress[] => (at ? [{ kind: 'udp', at }] : []))
  const texts = TEXTS.flatMap(({ name }) => addresses[name] ?? [])
  return [...datagrams, ...texts.flatMap((text) => readLinkAddress(text) ?? [])]
}

/** @throws CodecError `descriptor-…` with the kind's name, for an address that is not of its kind */
export function writeAddresses(addresses: RelayAddresses): KindAndValue[] {
  const written: KindAndValue[] = []
  for (const address of [addresses.udp, addresses.udp6]) {
    if (address) written.push({ kind: KIND_UDP, value: encode(ipAddress, address) })
  }
  for (const text of TEXTS) {
    const url = addresses[text.name]
    if (url !== undefined) written.push({ kind: text.kind, value: utf8ToBytes(checked(url, text)) })
  }
  return written
}

/**
 * Of several of one kind the first counts, but of UDP: a second one of IPv6 is `udp6`. Other kinds are for later versions.
 * @throws CodecError as above, or `codec-...`
 */
export function readAddresses(addresses: readonly KindAndValue[]): RelayAddresses {
  const [udp, second] = addresses
    .filter(({ kind }) => kind === KIND_UDP)
    .slice(0, 2)
    .map(({ value }) => decode(ipAddress, value))
  const read: { -readonly [K in keyof RelayAddresses]: RelayAddresses[K] } = { udp, websocket: undefined }
  if (second?.kind === 'ipv6' && udp?.kind === 'ipv4') read.udp6 = second
  for (const text of TEXTS) {
    const found = addresses.find(({ kind }) => kind === text.kind)
    if (found) read[text.name] = checked(ascii(found.value), text)
  }
  return read
}

/** Bytes above 7f come out as characters that no check lets pass. */
export function ascii(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}
