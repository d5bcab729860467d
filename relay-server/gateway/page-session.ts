import type { RawData, WebSocket } from 'ws'
import type { Address } from '../../shared/bytes/address.ts'
import type { KeyPair } from '../../shared/identity/keys.ts'
import { LinkAuthResponder } from '../../shared/link/auth.ts'
import { closeCodeOf, closeReasonOf } from '../../shared/link/close-codes.ts'
import { PIPE_BYTES } from '../../shared/link/constants.ts'
import type { LinkCloseReason } from '../../shared/link/link.ts'
import { QueuedLink } from '../../shared/link/queued-link.ts'
import type { Clock } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import type { Random } from '../../shared/world/random.ts'
import { CLOSE_GRACE_MS, type GatewayLimits } from './constants.ts'

export interface PageSessionOptions {
  readonly socket: WebSocket
  readonly address: Address
  readonly keyPair: KeyPair
  readonly network: string
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  readonly limits: GatewayLimits
  /** The page has proved its key. */
  onLink(link: QueuedLink): void
  onPacket(link: QueuedLink, packet: Uint8Array): void
  /** Only of links that `onLink` told of. */
  onClosed(link: QueuedLink, reason: LinkCloseReason): void
}

/** One page's WebSocket, from its opening to its end: first authentication (L-03), then a link. */
export class PageSession {
  private readonly options: PageSessionOptions
  private readonly auth: LinkAuthResponder
  private link: QueuedLink | undefined
  private alive = true

  constructor(options: PageSessionOptions) {
    this.options = options
    const { socket, keyPair, network, clock, random, counters, limits } = options
    this.auth = new LinkAuthResponder({
      keyPair,
      network,
      clock,
      random,
      timeoutMs: limits.authTimeoutMs,
      send: (message) => socket.send(message),
      onDone: () => this.become(),
      onFailed: (error) => {
        counters.add(`gateway-${error.code}`)
        this.close('refused')
      },
    })
    socket.on('message', this.receive)
    socket.on('ping', this.pinged)
    socket.on('pong', this.heard)
    socket.on('error', this.failed)
    socket.on('close', this.ended)
  }

  /** Ends the connection; a page that does not answer the close frame in time is cut off. */
  close(reason: LinkCloseReason): void {
    if (this.link?.open) this.link.close(reason)
    else this.closeSocket(closeCodeOf(reason), reason)
  }

  /** Called each idle period: asks for a sign of life, or gives up if the last question had no answer. */
  checkAlive(): void {
    const { socket, counters } = this.options
    if (this.alive) {
      this.alive = false
      socket.ping()
    } else {
      counters.add('gateway-idle')
      socket.terminate()
    }
  }

  private become(): void {
    const { address, clock, counters, socket } = this.options
    this.link = new QueuedLink({
      kind: 'websocket',
      address,
      clock,
      counters,
      pipe: {
        send: (message) => socket.send(message, this.written),
        bufferedBytes: () => socket.bufferedAmount,
        close: (code, reason) => this.closeSocket(code, reason),
      },
      onPacket: this.options.onPacket,
      onClosed: this.options.onClosed,
    })
    this.options.onLink(this.link)
  }

  /** One function for all messages; tells the link that the socket has room again. */
  private readonly written = (): void => {
    this.link?.drained()
  }

  private readonly heard = (): void => {
    this.alive = true
  }

  /** Answered as long as the page takes its answers (RFC 6455 §5.5.3 asks for the latest only). */
  private readonly pinged = (data: Buffer): void => {
    this.alive = true
    const { socket, counters } = this.options
    if (socket.readyState !== socket.OPEN) return
    if (socket.bufferedAmount < PIPE_BYTES) socket.pong(data)
    else counters.add('gateway-ping-unanswered')
  }

  private readonly receive = (data: RawData, isBinary: boolean): void => {
    this.alive = true
    if (!isBinary || !(data instanceof Buffer)) {
      this.options.counters.add('gateway-text-message')
      this.close('protocol')
      return
    }
    // Plain bytes: a Buffer's `slice` is a view where everybody else's is a copy.
    const message = new Uint8Array(data.buffer, data.byteOffset, data.length)
    if (this.link) this.link.receive(message)
    else this.auth.receive(message)
  }

  /** A frame that breaks RFC 6455 or a limit of ours, for which ws has sent the close code; or the connection is lost. */
  private readonly failed = (error: Error & { code?: string }): void => {
    this.options.counters.add('gateway-socket-error')
    if (error.code?.startsWith('WS_ERR_')) this.link?.closed('protocol')
  }

  private readonly ended = (code: number): void => {
    this.auth.closed()
    this.link?.closed(closeReasonOf(code))
  }

  private closeSocket(code: number, reason: string): void {
    const { socket, clock } = this.options
    closeGently(socket, clock, code, reason)
  }
}

/** Sends the close frame, and ends the connection if it is not answered within CLOSE_GRACE_MS. */
export function closeGently(socket: WebSocket, clock: Clock, code: number, reason: string): void {
  if (socket.readyState === socket.CLOSED || socket.readyState === socket.CLOSING) return
  socket.close(code, reason)
  const timer = clock.after(CLOSE_GRACE_MS, () => socket.terminate())
  socket.once('close', () => timer.cancel())
}
