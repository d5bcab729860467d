/**
 * The browser's own ways out, kept from before `lockdown.ts` takes them off the global object. Only two things use them:
 * the link to the entry relay, and the page's own origin (/culvert.json, the sample's torrent file).
 */
export const nativeFetch: typeof fetch | undefined = globalThis.fetch?.bind(globalThis)
export const NativeWebSocket: typeof WebSocket | undefined = globalThis.WebSocket
