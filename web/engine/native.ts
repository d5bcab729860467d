/**
 * The browser's own ways out, kept from before `lockdown.ts` takes them off the global object. Only two things use them:
 * the links to relays (and, for a volunteer, another visitor's to the site's own), and the page's own origin (/culvert.json,
 * /geo.bin, the sample's torrent file, /bridge after a yes).
 */
export const nativeFetch: typeof fetch | undefined = globalThis.fetch?.bind(globalThis)
export const NativeWebSocket: typeof WebSocket | undefined = globalThis.WebSocket
