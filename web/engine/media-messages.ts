/**
 * What the service worker and an engine say to each other on a MessagePort. The service worker asks every open page for a
 * port, says `hello` with the token of the address, and keeps the port whose engine answers `mine`. One response is pulled
 * chunk by chunk, so neither side holds more than one of them.
 */

export type MediaAsk =
  | { readonly type: 'hello'; readonly token: string }
  | {
      readonly type: 'request'
      /** Chosen by the service worker, unique on this port. */
      readonly id: number
      readonly token: string
      readonly file: number
      readonly head: boolean
      /** The Range header as it came. */
      readonly range: string | undefined
      /** Whether the response is to be saved rather than shown. */
      readonly save: boolean
    }
  | { readonly type: 'pull'; readonly id: number }
  | { readonly type: 'cancel'; readonly id: number }

export type MediaAnswer =
  | { readonly type: 'mine' }
  | { readonly type: 'not-mine' }
  | {
      readonly type: 'head'
      readonly id: number
      readonly status: number
      readonly headers: Readonly<Record<string, string>>
    }
  /** Answer to one `pull`; its buffer is transferred. */
  | { readonly type: 'chunk'; readonly id: number; readonly data: Uint8Array<ArrayBuffer> }
  | { readonly type: 'end'; readonly id: number }
  /** The bytes cannot be had: torrent closed or storage failed. */
  | { readonly type: 'failed'; readonly id: number }

/** Service worker to page: hand this port to your engine. */
export interface MediaPortOffer {
  readonly type: 'culvert-media-port'
}

/** Service worker to every page: a file that was to be saved of the torrent with this token could not be. */
export interface SaveRefused {
  readonly type: 'culvert-save-refused'
  readonly token: string
}

/** Page to service worker: do not stop, something plays. Or: take over this page, which was loaded past you. */
export interface MediaNote {
  readonly type: 'culvert-awake' | 'culvert-claim'
}

export const MEDIA_PATH = '/media/'

/** The parts of `/media/<token>/<file index>`, or undefined. A name may follow: pages from before an update have it there. */
export function parseMediaPath(path: string): { readonly token: string; readonly file: number } | undefined {
  const match = /^\/media\/([0-9a-f]{32})\/(\d{1,6})(?:\/[^/]*)?$/.exec(path)
  return match ? { token: match[1] as string, file: Number(match[2]) } : undefined
}

/**
 * Without the file's name, which `content-disposition` carries: past the service worker, an address goes to whoever serves the
 * page.
 * @param token 32 hex digits, which only the page that owns the torrent knows
 */
export function mediaPath(token: string, file: number): string {
  return `${MEDIA_PATH}${token}/${file}`
}
