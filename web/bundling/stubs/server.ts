/** In place of WebTorrent's file server: web/engine/media.ts answers the service worker instead. */
export const NodeServer = undefined
export const BrowserServer = undefined
