import type { ParsedTorrent } from 'parse-torrent'
import { addressOf } from '../../shared/bytes/address.ts'
import { destinationJudge } from '../engine/destinations.ts'

/**
 * What of a torrent a browser can use by itself, and may: trackers that are reached by WebSocket, and web seeds. A hostile
 * torrent can name the router or the printer of whoever opens it, so private addresses are taken out before WebTorrent
 * sees them. In the lab, loopback is where the swarm is.
 */

/**
 * Most magnet links name no tracker that a browser can reach. These two are public and well known; the gate says that they
 * are told. Not used in the lab, nor for private torrents (BEP 27).
 */
export const PUBLIC_TRACKERS: readonly string[] = [
  'wss://tracker.openwebtorrent.com/',
  'wss://tracker.webtorrent.dev/',
]

const TRACKER_SCHEMES = ['ws:', 'wss:']
const WEB_SEED_SCHEMES = ['http:', 'https:']
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'ws:': 80, 'http:': 80, 'wss:': 443, 'https:': 443 }

/**
 * @param checked what `checkSource` let through
 * @param lab whether loopback is allowed
 */
export function directTorrent(checked: string | ParsedTorrent, lab: boolean): string | ParsedTorrent {
  return typeof checked === 'string' ? directMagnet(checked, lab) : directFile(checked, lab)
}

/**
 * Peers by address (`x.pe`) are of no use to a browser. Nor is a source of the torrent file (`xs`): what it answers would
 * name trackers and web seeds that nobody has looked over.
 */
function directMagnet(uri: string, lab: boolean): string {
  const given = new URLSearchParams(uri.replace(/^magnet:\?/i, ''))
  const trackers = [...usable(given.getAll('tr'), TRACKER_SCHEMES, lab), ...(lab ? [] : PUBLIC_TRACKERS)]
  const kept: [string, string][] = [
    ...given.getAll('dn').map((name): [string, string] => ['dn', name]),
    ...unique(trackers).map((tracker): [string, string] => ['tr', tracker]),
    ...usable(given.getAll('ws'), WEB_SEED_SCHEMES, lab).map((seed): [string, string] => ['ws', seed]),
  ]
  const fields = kept.map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
  return `magnet:?${[`xt=${given.get('xt') ?? ''}`, ...fields].join('&')}`
}

function directFile(parsed: ParsedTorrent, lab: boolean): ParsedTorrent {
  const more = lab || parsed.private === true ? [] : PUBLIC_TRACKERS
  return {
    ...parsed,
    announce: unique([...usable(parsed.announce, TRACKER_SCHEMES, lab), ...more]),
    urlList: usable(parsed.urlList, WEB_SEED_SCHEMES, lab),
  }
}

/** Those of the addresses that may be connected to, as the browser writes them. */
function usable(urls: readonly string[], schemes: readonly string[], lab: boolean): string[] {
  const allowed = destinationJudge(lab)
  return unique(
    urls.flatMap((text) => {
      const url = URL.canParse(text) ? new URL(text) : undefined
      // Browsers refuse to fetch what has a password in it.
      if (!url || !schemes.includes(url.protocol) || url.username !== '' || url.password !== '') return []
      const port = url.port === '' ? (DEFAULT_PORTS[url.protocol] ?? 0) : Number(url.port)
      return allowed(addressOf(url.hostname, port), 'tcp') ? [url.href] : []
    }),
  )
}

const unique = (values: readonly string[]): string[] => [...new Set(values)]
