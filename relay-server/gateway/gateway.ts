import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { addressOf, NO_ADDRESS } from '../../shared/bytes/address.ts'
import type { KeyPair } from '../../shared/identity/keys.ts'
import { BucketsBySource } from '../../shared/ipv8/buckets-by-source.ts'
import { TokenBucket } from '../../shared/ipv8/token-bucket.ts'
import { MAX_MESSAGE_BYTES } from '../../shared/link/constants.ts'
import type { Wire } from '../../shared/link/wire.ts'
import type { WireIdentity } from '../../shared/link/wire-session.ts'
import type { Clock, Timer } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import type { Random } from '../../shared/world/random.ts'
import { isLoopback } from '../endpoints.ts'
import type { Certificates } from '../links/certificates.ts'
import { refuseSocket, WebSocketWire } from '../links/websocket-wire.ts'
import { listening } from '../listening.ts'
import { Admission, neighbourOf, plainHost } from './admission.ts'
import { bindingsOf } from './bindings.ts'
import { type AskBridge, answerBridge } from './bridge-door.ts'
import {
  BRIDGE_PATH,
  GATEWAY_LIMITS,
  type GatewayLimits,
  HTTP_CONNECTIONS,
  ONION_CONNECTIONS,
  RELAY_PATH,
} from './constants.ts'
import { type Door, doorOf, isForOnion, shut } from './doors.ts'
import { DIRECT_PAGE_PATH, securityHeadersOf } from './headers.ts'
import { isOfThisMachine } from './origin.ts'
import { WebFiles } from './web-files.ts'

export interface GatewayOptions {
  readonly host: string
  /** 0 for a free one. */
  readonly port: number
  /** Folder of the built web app; none is served without. */
  readonly webRoot?: string
  /** Served beside the web app, by path. */
  readonly moreFiles?: ReadonlyMap<string, Uint8Array>
  /**
   * Whether browsers may open links from pages of this machine alone. WebSockets know no same-origin policy, and what the
   * exits of a lab open is the visitor's own machine: every page of the web that he looks at could reach its services
   * through here. Elsewhere pages of any origin may come, since a page goes in at relays of many operators (L-01); they
   * find no cookie, no address to spoof and no exit that anybody could not use without a browser.
   */
  readonly localPagesOnly?: boolean
  /** What GET /culvert.json answers: the network, and how to reach it from here. Asked anew each time. */
  document(): unknown
  /** What GET /status.json answers, to programs of this machine alone (N-13). Without it, there is no such document. */
  status?(): unknown
  readonly keyPair: KeyPair
  readonly network: string
  readonly clock: Clock
  readonly random: Random
  /** `gateway-…`, and those of the links. */
  readonly counters: Counters
  readonly limits?: Partial<GatewayLimits>
  /** What the links of pages keep to. */
  readonly linkOptions?: WireIdentity['linkOptions']
  /** With it the gateway serves https: and wss: alone, on the same port. */
  readonly certificates?: Certificates | undefined
  /**
   * Answers a page that can open no link and asks for one that passes it on (bridge-broker.ts). Without it, POST /bridge is
   * not answered.
   */
  readonly askBridge?: AskBridge | undefined
  /** A page, or another relay, has opened a WebSocket and proved its key. */
  onWire(wire: Wire): void
}

/** Where pages come in: the web app's files, /culvert.json, /healthz, /status.json, and links at /relay. */
export class Gateway {
  private readonly options: GatewayOptions
  private readonly limits: GatewayLimits
  private readonly admission: Admission
  private readonly opens: BucketsBySource
  private readonly sessions = new Set<WebSocketWire>()
  private readonly doors: Door[] = []
  private readonly sockets: WebSocketServer
  private files: WebFiles | undefined
  private idleTimer: Timer | undefined
  private stopping: Promise<void> | undefined

  constructor(options: GatewayOptions) {
    this.options = options
    this.limits = { ...GATEWAY_LIMITS, ...options.limits }
    this.admission = new Admission(this.limits)
    const { opensPerSecondPerAddress, opensAtOncePerAddress } = this.limits
    this.opens = new BucketsBySource(
      () => new TokenBucket(options.clock, opensPerSecondPerAddress, opensAtOncePerAddress),
    )
    this.sockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      // Pongs are the session's: ws would queue one for each ping, without bound where nobody reads them.
      autoPong: false,
      perMessageDeflate: false,
      maxPayload: MAX_MESSAGE_BYTES,
    })
  }

  /** Links open or on their way to it. */
  get size(): number {
    return this.sessions.size
  }

  /** @throws CulvertError `gateway-port-busy`, `gateway-bind`, `web-root-missing`, `web-root-too-large` */
  async start(): Promise<{ readonly port: number }> {
    const { host, port, webRoot, moreFiles } = this.options
    this.files = await WebFiles.load(webRoot, moreFiles)
    const bound = await this.open(doorOf(this.options.certificates), host, port)
    this.scheduleIdleCheck()
    return { port: bound }
  }

  /**
   * Opens a second port, of plain http, for what comes through an onion service, and for nothing else. After `start`.
   * @param onion its name, once it is known
   * @returns the port
   * @throws CulvertError `gateway-port-busy`, `gateway-bind`
   */
  openToOnion(host: string, port: number, onion: () => string | undefined): Promise<number> {
    return this.open(doorOf(undefined, onion), host, port)
  }

  /** Closes every link with `shutdown`, then the server. Idempotent. */
  stop(): Promise<void> {
    this.stopping ??= this.end()
    return this.stopping
  }

  private async end(): Promise<void> {
    this.idleTimer?.cancel()
    for (const session of this.sessions) session.stop('shutdown')
    await Promise.all(this.doors.map((door) => shut(door, this.options.clock)))
  }

  private async open(door: Door, host: string, port: number): Promise<number> {
    const { server } = door
    // Whoever does not read his answer holds one of few connections: ended after so long without a byte either way.
    server.timeout = this.limits.httpIdleMs
    server.maxConnections = this.limits.connections + HTTP_CONNECTIONS
    server.on('request', (request, response) => void this.answer(request, response, door))
    server.on('upgrade', (request, socket, head) => this.upgrade(request, socket, head, door))
    this.doors.push(door)
    const bound = await listening(server, { host, port }, { busy: 'gateway-port-busy', bind: 'gateway-bind' })
    // Such as no descriptor left to accept with: a connection lost, which unheard would end the process.
    server.on('error', () => this.options.counters.add('gateway-accept-failed'))
    return bound
  }

  private async answer(request: IncomingMessage, response: ServerResponse, { onion }: Door): Promise<void> {
    const path = pathOf(request)
    const headers = securityHeadersOf(path, onion?.())
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    try {
      const { askBridge } = this.options
      if (request.method === 'POST' && path === BRIDGE_PATH && askBridge && !onion) {
        const { status, body } = await answerBridge(request, askBridge, this.options.keyPair.publicKey)
        sayJson(response, body, status)
      } else if (request.method !== 'GET' && request.method !== 'HEAD')
        say(response, 405, 'Only GET and HEAD.')
      else if (path === undefined) say(response, 400, 'That is not a path.')
      else if (onion && !isForOnion(request, onion())) say(response, 421, 'This is another service.')
      // Who came through Tor is not led out of it, not even after a question.
      else if (onion && path === DIRECT_PAGE_PATH) say(response, 404, 'Not through Tor.')
      else if (path === '/healthz') say(response, 200, 'ok')
      else if (path === '/culvert.json') sayJson(response, this.options.document())
      else if (path === '/status.json' && this.options.status && !onion && isLocal(request))
        sayJson(response, this.options.status())
      else if (path === RELAY_PATH) say(response, 426, 'Relays and pages open a WebSocket here.')
      else if (!(await this.files?.answer(path, request, response))) say(response, 404, 'Nothing here.')
    } catch {
      this.options.counters.add('gateway-answer-failed')
      if (response.headersSent) response.destroy()
      else say(response, 500, 'This relay could not answer.')
    }
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, { onion }: Door): void {
    const { counters, localPagesOnly = false } = this.options
    const { origin } = request.headers
    const name = onion?.()
    const misled = onion !== undefined && !isForOnion(request, name)
    if (pathOf(request) !== RELAY_PATH || this.stopping || misled) {
      counters.add('gateway-upgrade-refused')
      refuse(socket, '404 Not Found')
      return
    }
    // Programs that are no browsers send no origin; they need no page to come from.
    const isOwn = (from: string) => (onion ? from === `http://${name}` : isOfThisMachine(from))
    if (localPagesOnly && origin !== undefined && !isOwn(origin)) {
      counters.add('gateway-origin-refused')
      refuse(socket, '403 Forbidden')
      return
    }
    this.sockets.handleUpgrade(request, socket, head, (webSocket) => this.admit(webSocket, request, name))
  }

  /** Over a limit, a page is told so by a close frame: it cannot see why an upgrade failed. */
  private admit(socket: WebSocket, request: IncomingMessage, onion: string | undefined): void {
    const { clock, counters } = this.options
    // Whoever comes through Tor has no address that could be seen: together they have so many places.
    const host = onion ?? plainHost(request.socket.remoteAddress ?? '')
    // A link costs some signatures: who opens one over and over is held back before the first.
    const verdict = this.opens.take(neighbourOf(host))
      ? this.admission.enter(host, onion === undefined ? undefined : ONION_CONNECTIONS)
      : 'limit-rate'
    if (verdict !== 'admitted') {
      counters.add(`gateway-${verdict}`)
      refuseSocket(socket, clock, 'limit')
      return
    }
    counters.add('gateway-admitted')
    const session = new WebSocketWire({
      keyPair: this.options.keyPair,
      network: this.options.network,
      clock,
      random: this.options.random,
      counters,
      linkOptions: this.options.linkOptions,
      prefix: 'gateway',
      authTimeoutMs: this.limits.authTimeoutMs,
      socket,
      peer: onion === undefined ? addressOf(host, request.socket.remotePort ?? 0) : NO_ADDRESS,
      role: { bindingOf: bindingsOf(request, onion) },
      onWire: (wire) => {
        counters.add('gateway-linked')
        this.options.onWire(wire)
      },
      onFailed: () => {},
    })
    this.sessions.add(session)
    socket.once('close', () => {
      this.sessions.delete(session)
      this.admission.leave(host)
    })
  }

  private scheduleIdleCheck(): void {
    this.idleTimer = this.options.clock.after(this.limits.idleMs, () => {
      for (const session of this.sessions) session.checkAlive()
      this.scheduleIdleCheck()
    })
  }
}

/** Answers a request to upgrade with a no. Not left half open: no time limit of HTTP looks after such a socket any more. */
function refuse(socket: Duplex, status: string): void {
  socket.on('error', () => socket.destroy())
  socket.once('finish', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

/** The request's path, decoded; undefined if it has none. */
function pathOf(request: IncomingMessage): string | undefined {
  const [path = ''] = (request.url ?? '').split(/[?#]/, 1)
  if (!path.startsWith('/')) return undefined
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}

/**
 * Whether a request was made on this machine, to it by name or address, and not passed on by a proxy: a page that had its
 * name pointed here (DNS rebinding) says another host, and what a proxy passes on comes from anywhere.
 */
function isLocal(request: IncomingMessage): boolean {
  const { host = '', forwarded, via, ...others } = request.headers
  const proxied = forwarded !== undefined || via !== undefined || others['x-forwarded-for'] !== undefined
  return (
    !proxied &&
    isLoopback(addressOf(plainHost(request.socket.remoteAddress ?? ''), 0)) &&
    isOfThisMachine(`http://${host}`)
  )
}

function sayJson(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Cache-Control': 'no-store',
  })
  response.end(JSON.stringify(value))
}

function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' })
  response.end(`${text}\n`)
}
