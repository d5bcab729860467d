/** How much a gateway takes on; every number can be configured. */
export interface GatewayLimits {
  /** WebSocket connections at once. */
  readonly connections: number
  /** Of one IPv4 address or one IPv6 /64. */
  readonly connectionsPerAddress: number
  /** How often one of these may open a WebSocket: on average, and at once. */
  readonly opensPerSecondPerAddress: number
  readonly opensAtOncePerAddress: number
  /** From the WebSocket's opening to the end of link authentication. */
  readonly authTimeoutMs: number
  /** A silent connection is asked for a sign of life after this long, and given up after as long again. */
  readonly idleMs: number
  /** A plain HTTP connection over which nothing went for this long is ended. */
  readonly httpIdleMs: number
}

export const GATEWAY_LIMITS: GatewayLimits = {
  connections: 512,
  connectionsPerAddress: 32,
  // A proxy in front of the gateway is one address for all of its pages.
  opensPerSecondPerAddress: 20,
  opensAtOncePerAddress: 100,
  authTimeoutMs: 10_000,
  idleMs: 60_000,
  httpIdleMs: 30_000,
}

/** Of all that come through the onion service together, which nobody can tell apart: half of the places. */
export const ONION_CONNECTIONS = 256

/** Where pages open their links (L-01). */
export const RELAY_PATH = '/relay'
/** Where a page that can open no link asks for another that passes it on. */
export const BRIDGE_PATH = '/bridge'
/** Plain HTTP connections allowed beside the WebSockets. */
export const HTTP_CONNECTIONS = 256
/** A request's head, and all of it, must have come within this time. */
export const HTTP_REQUEST_MS = 10_000
export const HTTP_HEADER_BYTES = 8_192
/** After its close frame a WebSocket has this long to answer it. */
export const CLOSE_GRACE_MS = 1_000
/** The web app is held in memory; more than this is not the web app. */
export const WEB_ROOT_BYTES = 67_108_864
