/**
 * What a page served from here may do. Connections: to relays alone, over WebSocket, which may be anywhere; the rest is the
 * page's own. No frames, forms, plug-ins, nor script or style from elsewhere or inline; WebAssembly for the ciphers.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "connect-src 'self' ws: wss:",
  "worker-src 'self'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  "font-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Sent with every answer. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-DNS-Prefetch-Control': 'off',
}

/** The page that asks whether to go without circuits, and does so after a yes (requirement C-09). */
export const DIRECT_PAGE_PATH = '/direct.html'

/** That page also fetches from web seeds, which may be anywhere; no ciphers of circuits run in it. */
const DIRECT_PAGE_HEADERS: Readonly<Record<string, string>> = {
  ...SECURITY_HEADERS,
  'Content-Security-Policy': CONTENT_SECURITY_POLICY.replace(
    "connect-src 'self' ws: wss:",
    "connect-src 'self' ws: wss: http: https:",
  ).replace(" 'wasm-unsafe-eval'", ''),
}

/**
 * @param path the request's, decoded; undefined if it has none
 * @param onion the name of the onion service that the request came through: the page may connect to nothing else then
 */
export function securityHeadersOf(
  path: string | undefined,
  onion?: string,
): Readonly<Record<string, string>> {
  if (onion !== undefined) {
    const policy = CONTENT_SECURITY_POLICY.replace(
      "connect-src 'self' ws: wss:",
      `connect-src 'self' ws://${onion}`,
    )
    return { ...SECURITY_HEADERS, 'Content-Security-Policy': policy }
  }
  return path === DIRECT_PAGE_PATH ? DIRECT_PAGE_HEADERS : SECURITY_HEADERS
}
