import { utf8ToBytes } from '@noble/hashes/utils.js'
import { type IpAddress, ipAddress, parseIpv6 } from '../bytes/address.ts'
import { decode, encode } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { MAX_ADDRESS_BYTES } from './constants.ts'

/** Where a relay can be reached, by kind. */
export interface RelayAddresses {
  /** Where it speaks IPv8 over UDP. */
  readonly udp: IpAddress | undefined
  /** The same over IPv6, where `udp` is its IPv4 address. Readers that look at one address alone see `udp`. */
  readonly udp6?: IpAddress | undefined
  /** Where pages reach it: ws://host:port/relay or wss://host:port/relay, the port optional, at most 255 bytes. */
  readonly websocket: string | undefined
  /** Where it speaks IPv8 over TCP and TLS: tcp://host:port. */
  readonly tcp?: string | undefined
  /** The same over Tor: tor://….onion:port, a version 3 onion service. */
  readonly onion?: string | undefined
  /** URL of the relay that signals WebRTC for it, as of `websocket`. */
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

const HOST = String.raw`(\[[0-9a-f:.]+\]|[A-Za-z0-9.-]+)`

function isUrl(url: string, pattern: RegExp): boolean {
  const [, host, port] = pattern.exec(url) ?? []
  const bracketed = host?.startsWith('[') ?? false
  const isHost = host !== undefined && (!bracketed || parseIpv6(host.slice(1, -1)) !== undefined)
  const isPort = port === undefined || (Number(port) >= 1 && Number(port) <= 65_535)
  return isHost && isPort && url.length <= MAX_ADDRESS_BYTES
}

const WEBSOCKET = new RegExp(`^wss?://${HOST}(?::([0-9]{1,5}))?/relay$`)
const TCP = new RegExp(`^tcp://${HOST}:([0-9]{1,5})$`)
/** 56 characters of base32: key 32, checksum 2, version 1 (Tor rend-spec-v3 §6). */
const ONION = /^tor:\/\/([a-z2-7]{56}\.onion):([0-9]{1,5})$/

/** Whether a URL may stand in a descriptor as its relay's WebSocket: ws://host/relay, wss://host:port/relay. */
export function isWebsocketUrl(url: string): boolean {
  return isUrl(url, WEBSOCKET)
}

/** Kinds whose value is ASCII text, in the order in which they are written. */
const TEXTS = [
  { kind: KIND_WEBSOCKET, name: 'websocket', pattern: WEBSOCKET, like: 'wss://host:port/relay' },
  { kind: KIND_TCP, name: 'tcp', pattern: TCP, like: 'tcp://host:port' },
  { kind: KIND_ONION, name: 'onion', pattern: ONION, like: 'tor://….onion:port' },
  { kind: KIND_WEBRTC, name: 'webrtc', pattern: WEBSOCKET, like: 'wss://host:port/relay' },
] as const

function checked(text: string, { name, pattern, like }: (typeof TEXTS)[number]): string {
  if (isUrl(text, pattern)) return text
  throw new CodecError(`descriptor-${name}`, `an address like ${like} is needed`)
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
