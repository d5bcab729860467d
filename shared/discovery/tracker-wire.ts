import { addressOf, formatIpv4, formatIpv6, type IpAddress } from '../bytes/address.ts'
import { BencodeDictionary, decodeDictionary } from '../bytes/bencode.ts'
import { decodePrefix, encode, fixed, raw, struct, u8, u16, u32 } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { Reader } from '../bytes/reader.ts'

/** What trackers are told and tell: HTTP (BEP 3, 7, 23) and UDP (BEP 15). */

export type AnnounceEvent = 'started' | 'completed' | 'stopped' | undefined

export interface Announce {
  /** 20 bytes each. */
  readonly infoHash: Uint8Array
  readonly peerId: Uint8Array
  /** Where the announced one listens; its host is that which the tracker sees. */
  readonly port: number
  readonly event: AnnounceEvent
  /** Whether it still looks for peers. Trackers give those that do not (seeds) no others of their kind. */
  readonly looking: boolean
  /** 32 bits that stay the same, so that the tracker knows a peer again though its address has changed. */
  readonly key: number
  /** Peers wanted. */
  readonly wanted: number
}

export interface AnnounceAnswer {
  readonly peers: readonly IpAddress[]
  /** Seconds after which the tracker wants to hear again, and before which it does not; undefined if it says nothing. */
  readonly interval: number | undefined
  readonly minInterval: number | undefined
  /** To be given back with the next announce (HTTP alone). */
  readonly trackerId: Uint8Array | undefined
}

/** Peers read of one answer: trackers give 50 to 200. */
export const MAX_TRACKER_PEERS = 200
export const MAX_TRACKER_ID_BYTES = 64
/** An announce over UDP fits into this; so do 200 peers over IPv6. */
export const MAX_UDP_ANSWER_BYTES = 4_096

const CONNECT = 0
const ANNOUNCE = 1
const ERROR = 3
/** BEP 15: what every connection begins with. */
const PROTOCOL_ID = Uint8Array.of(0, 0, 0x04, 0x17, 0x27, 0x10, 0x19, 0x80)
const EVENT_IDS = { completed: 1, started: 2, stopped: 3 } as const

const answerHead = struct({ action: u32, transaction: u32 })
const connectAnswer = struct({ action: u32, transaction: u32, connection: fixed(8) })
const announceAnswer = struct({
  action: u32,
  transaction: u32,
  interval: u32,
  leechers: u32,
  seeders: u32,
  peers: raw,
})
const connectRequest = struct({ protocol: fixed(8), action: u32, transaction: u32 })
const announceRequest = struct({
  connection: fixed(8),
  action: u32,
  transaction: u32,
  infoHash: fixed(20),
  peerId: fixed(20),
  downloaded: fixed(8),
  left: fixed(8),
  uploaded: fixed(8),
  event: u32,
  ip: u32,
  key: u32,
  wanted: u32,
  port: u16,
  options: raw,
})
/** BEP 41: the path of the URL, in parts of at most 255 bytes, each with its type and length before it. */
const urlData = struct({ type: u8, length: u8, data: raw })
const URL_DATA = 2

/** The first datagram to a UDP tracker: 16 bytes. */
export function connectDatagram(transaction: number): Uint8Array {
  return encode(connectRequest, { protocol: PROTOCOL_ID, action: CONNECT, transaction })
}

/** @param connection what the tracker gave; 8 bytes. @param path of the tracker's URL with its query, ASCII, or empty */
export function announceDatagram(
  announce: Announce,
  connection: Uint8Array,
  transaction: number,
  path: Uint8Array,
): Uint8Array {
  const zeros = new Uint8Array(8)
  const left = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, announce.looking ? 1 : 0)
  const part = path.subarray(0, 255)
  const options =
    part.length === 0 ? part : encode(urlData, { type: URL_DATA, length: part.length, data: part })
  const { infoHash, peerId, port, event, key, wanted } = announce
  return encode(announceRequest, {
    connection,
    action: ANNOUNCE,
    transaction,
    infoHash,
    peerId,
    downloaded: zeros,
    left,
    uploaded: zeros,
    event: event ? EVENT_IDS[event] : 0,
    ip: 0,
    key,
    wanted,
    port,
    options,
  })
}

export type UdpTrackerAnswer =
  | { readonly kind: 'connected'; readonly connection: Uint8Array }
  | { readonly kind: 'announced'; readonly answer: AnnounceAnswer }
  | { readonly kind: 'error' }

/**
 * Reads what a UDP tracker sent; undefined if it does not answer `transaction`.
 * @param family of the tracker's address: the peers are of the same one
 * @throws CodecError
 */
export function readUdpAnswer(
  datagram: Uint8Array,
  transaction: number,
  family: IpAddress['kind'],
): UdpTrackerAnswer | undefined {
  const head = decodePrefix(answerHead, datagram)
  if (head.transaction !== transaction) return undefined
  if (head.action === ERROR) return { kind: 'error' }
  if (head.action === CONNECT) {
    return { kind: 'connected', connection: decodePrefix(connectAnswer, datagram).connection.slice() }
  }
  if (head.action !== ANNOUNCE) throw new CodecError('tracker-action', 'a tracker answered something else')
  const { interval, peers } = decodePrefix(announceAnswer, datagram)
  return {
    kind: 'announced',
    answer: {
      peers: compactPeers(peers, family),
      interval,
      minInterval: undefined,
      trackerId: undefined,
    },
  }
}

/** The URL to announce with: that of the tracker, with what it is told in the query (BEP 3). */
export function announceUrl(url: string, announce: Announce, trackerId: Uint8Array | undefined): string {
  const { infoHash, peerId, port, event, looking, key, wanted } = announce
  const query = [
    `info_hash=${percent(infoHash)}`,
    `peer_id=${percent(peerId)}`,
    `port=${port}`,
    'uploaded=0',
    'downloaded=0',
    `left=${looking ? 1 : 0}`,
    'compact=1',
    'no_peer_id=1',
    `numwant=${wanted}`,
    `key=${key.toString(16).padStart(8, '0')}`,
    ...(event ? [`event=${event}`] : []),
    ...(trackerId ? [`trackerid=${percent(trackerId)}`] : []),
  ].join('&')
  return `${url}${url.includes('?') ? '&' : '?'}${query}`
}

/**
 * Reads the body of an HTTP tracker's answer: compact peers of both families, or the long form with addresses as text.
 * @throws CodecError `tracker-refused` if it says no; `bencode-...`
 */
export function readHttpAnswer(body: Uint8Array): AnnounceAnswer {
  const answer = decodeDictionary(body)
  if (answer.get('failure reason') !== undefined) {
    throw new CodecError('tracker-refused', 'the tracker refused the announce')
  }
  const trackerId = answer.string('tracker id')
  return {
    peers: [...peersOf(answer, 'peers', 'ipv4'), ...peersOf(answer, 'peers6', 'ipv6')],
    interval: seconds(answer.integer('interval')),
    minInterval: seconds(answer.integer('min interval')),
    trackerId: trackerId && trackerId.length <= MAX_TRACKER_ID_BYTES ? trackerId.slice() : undefined,
  }
}

function seconds(value: number | undefined): number | undefined {
  return value !== undefined && value > 0 ? value : undefined
}

function peersOf(answer: BencodeDictionary, key: string, family: IpAddress['kind']): IpAddress[] {
  const compact = answer.string(key)
  if (compact) return compactPeers(compact, family)
  return (answer.list(key) ?? []).slice(0, MAX_TRACKER_PEERS).flatMap((peer) => {
    const [host, port = 0] =
      peer instanceof BencodeDictionary ? [peer.string('ip'), peer.integer('port')] : []
    if (host === undefined || host.length > MAX_HOST_BYTES || port < 1 || port > 65_535) return []
    const address = addressOf(String.fromCharCode(...host), port)
    return address.kind === 'domain' ? [] : [address]
  })
}

/** The longest text of an IPv6 address. */
const MAX_HOST_BYTES = 45

/** Compact peers: 6 bytes each over IPv4, 18 over IPv6. What is left over at the end is no peer; those with port 0 are none. */
function compactPeers(bytes: Uint8Array, family: IpAddress['kind']): IpAddress[] {
  const hostBytes = family === 'ipv4' ? 4 : 16
  const reader = new Reader(bytes)
  const peers: IpAddress[] = []
  while (reader.remaining >= hostBytes + 2 && peers.length < MAX_TRACKER_PEERS) {
    const host = reader.view(hostBytes)
    const port = reader.u16()
    if (port === 0) continue
    peers.push({ kind: family, host: family === 'ipv4' ? formatIpv4(host) : formatIpv6(host), port })
  }
  return peers
}

/** RFC 3986: unreserved characters as they are, all other bytes as %XX. */
function percent(bytes: Uint8Array): string {
  return [...bytes]
    .map((byte) => {
      const text = String.fromCharCode(byte)
      return /[A-Za-z0-9._~-]/.test(text) ? text : `%${byte.toString(16).padStart(2, '0').toUpperCase()}`
    })
    .join('')
}
