import { fromHex, toHex } from '../../shared/bytes/bytes.ts'
import { isOnionName } from '../../shared/link/link-address.ts'
import type { OpenRequest } from './intents.ts'
import { readMagnet } from './magnet-input.ts'
import { looksLikeTorrent } from './torrent-input.ts'

/**
 * What the private page leaves for the page of direct mode in the same tab: never in an address, which a server would see
 * and a history keep. It is taken off the shelf as soon as it is read.
 */

export const DIRECT_PAGE = '/direct.html'

/**
 * Whether there is a page of direct mode at a site of this host. Not at an onion service: who came through Tor is not to be
 * led out of it, and its gateway has no such page.
 */
export function offersDirect(host: string): boolean {
  return !isOnionName(host)
}

/** sessionStorage, as far as it is needed. */
export type Shelf = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

const KEY = 'culvert.hand-over'

type Left =
  | { readonly magnet: string; readonly name?: string | undefined }
  | { readonly torrent: string; readonly name: string }

/** Leaves nothing of the sample, which has no other way than circuits, nor what the shelf has no room for. */
export function handOver(request: OpenRequest | undefined, shelf: Shelf): void {
  try {
    shelf.removeItem(KEY)
    if (request === undefined || request.kind === 'sample') return
    const left: Left =
      request.kind === 'magnet'
        ? { magnet: request.uri, name: request.name }
        : { torrent: toHex(request.file), name: request.name }
    shelf.setItem(KEY, JSON.stringify(left))
  } catch (error) {
    // Storage may be full or switched off: what to open is then asked for again.
    if (!(error instanceof DOMException)) throw error
  }
}

/** What was left, once; undefined for nothing, or for what is no torrent. */
export function takeOver(shelf: Shelf): OpenRequest | undefined {
  let text: string | null
  try {
    text = shelf.getItem(KEY)
    shelf.removeItem(KEY)
  } catch (error) {
    if (!(error instanceof DOMException)) throw error
    return undefined
  }
  return text === null ? undefined : read(text)
}

function read(text: string): OpenRequest | undefined {
  let left: Partial<Record<'magnet' | 'torrent' | 'name', unknown>> | null
  try {
    left = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof left?.magnet === 'string') {
    const magnet = readMagnet(left.magnet)
    return magnet.ok ? { kind: 'magnet', uri: magnet.uri, name: magnet.name } : undefined
  }
  if (typeof left?.torrent !== 'string' || !/^([0-9a-f]{2})+$/.test(left.torrent)) return undefined
  const file = fromHex(left.torrent)
  return looksLikeTorrent(file) ? { kind: 'torrent', file, name: String(left.name ?? '') } : undefined
}
