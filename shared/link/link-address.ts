import { type Address, addressOf } from '../bytes/address.ts'
import { CulvertError } from '../bytes/error.ts'

/**
 * Where a link can be opened (L-01): one grammar for configuration, descriptors and page.
 *
 *   udp://host:port                  tcp://host:port              tor://<56 characters of base32>.onion:port
 *   ws://host[:port]/relay           wss://host[:port]/relay      without a port: 80, 443
 *   webrtc+ws://host[:port]/relay    webrtc+wss://…               the relay that signals; whom to reach is known by key
 *
 * `host` is an IPv4 address, an IPv6 address in brackets, or a name; an .onion name after ws: too. At most 255 characters.
 */
export type LinkAddress =
  | { readonly kind: 'udp' | 'tcp' | 'tor'; readonly at: Address }
  | { readonly kind: 'websocket' | 'webrtc'; readonly tls: boolean; readonly at: Address }

/** Most characters of a link address. */
export const MAX_LINK_ADDRESS_CHARS = 255

const SCHEME = /^(udp|tcp|tor|ws|wss|webrtc\+ws|webrtc\+wss):\/\/([^/]+)(\/.*)?$/s
const HOST_AND_PORT = /^(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253})(?::([1-9][0-9]{0,4}))?$/
const NAME = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
/** What some resolvers take for an IPv4 address (decimal, octal, hexadecimal, short): ends in a number. */
const NUMERIC_END = /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$/
/** Version 3: key 32 bytes, checksum 2, version 1 in base32, whose last five bits are those of 3 (rend-spec-v3 §6). */
const ONION = /^[a-z2-7]{55}d\.onion$/
const PATH = '/relay'

/** Whether a name is that of a version 3 onion service. */
export function isOnionName(host: string): boolean {
  return ONION.test(host)
}

/** @throws CulvertError `link-address` */
export function parseLinkAddress(text: string): LinkAddress {
  const [, scheme = '', authority = '', path = ''] =
    text.length <= MAX_LINK_ADDRESS_CHARS ? (SCHEME.exec(text) ?? []) : []
  if (scheme === '') throw refusal('one like tcp://host:port or wss://host/relay is needed')
  const ws = scheme.endsWith('ws') || scheme.endsWith('wss')
  if (path !== (ws ? PATH : '')) throw refusal(ws ? `${PATH} belongs after the host` : 'it has no path')
  const at = endpointOf(authority, ws ? (scheme.endsWith('wss') ? 443 : 80) : undefined)
  const onion = isOnionName(at.host)
  if (!onion && at.host.endsWith('.onion')) throw refusal('that is no onion service of version 3')
  if (scheme === 'tor' ? !onion : onion && (!ws || scheme.startsWith('webrtc'))) {
    throw refusal(onion ? `${scheme}: does not reach onion services` : 'tor: reaches onion services only')
  }
  if (scheme === 'udp' || scheme === 'tcp' || scheme === 'tor') return { kind: scheme, at }
  return { kind: scheme.startsWith('webrtc') ? 'webrtc' : 'websocket', tls: scheme.endsWith('wss'), at }
}

/** As parseLinkAddress; undefined in place of an error. */
export function readLinkAddress(text: string): LinkAddress | undefined {
  try {
    return parseLinkAddress(text)
  } catch (error) {
    if (error instanceof CulvertError) return undefined
    throw error
  }
}

/** The one text of an address; what parseLinkAddress reads. */
export function formatLinkAddress(address: LinkAddress): string {
  const { kind, at } = address
  const host = at.kind === 'ipv6' ? `[${at.host}]` : at.host
  if (!('tls' in address)) return `${kind}://${host}:${at.port}`
  const scheme = `${kind === 'webrtc' ? 'webrtc+' : ''}${address.tls ? 'wss' : 'ws'}`
  const port = at.port === (address.tls ? 443 : 80) ? '' : `:${at.port}`
  return `${scheme}://${host}${port}${PATH}`
}

/** The URL that a WebSocket is opened at: the address itself, or that of the relay which signals. */
export function websocketUrlOf(address: LinkAddress & { readonly tls: boolean }): string {
  return formatLinkAddress({ ...address, kind: 'websocket' })
}

export function sameLinkAddress(a: LinkAddress, b: LinkAddress): boolean {
  return formatLinkAddress(a) === formatLinkAddress(b)
}

function endpointOf(authority: string, defaultPort: number | undefined): Address {
  const [, host = '', digits] = HOST_AND_PORT.exec(authority) ?? []
  const port = digits === undefined ? defaultPort : Number(digits)
  if (host === '' || port === undefined || port > 65_535) throw refusal('a host and a port belong there')
  const at = addressOf(host.toLowerCase(), port)
  const isName = at.kind === 'domain'
  if (isName && (!NAME.test(at.host) || NUMERIC_END.test(at.host))) throw refusal('that is no name of a host')
  return at
}

function refusal(why: string): CulvertError {
  return new CulvertError('link-address', `not an address of a link: ${why}`)
}
