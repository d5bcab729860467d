import type { RawData, WebSocket } from 'ws'
import { closeCodeOf, closeReasonOf } from '../../shared/link/close-codes.ts'
import { PIPE_BYTES } from '../../shared/link/constants.ts'
import type { LinkCloseReason } from '../../shared/link/link.ts'
import type { MessagePipe } from '../../shared/link/queued-link.ts'
import { WireSession, type WireSessionOptions } from '../../shared/link/wire-session.ts'
import type { Clock } from '../../shared/world/clock.ts'
import { STREAM_CLOSE_GRACE_MS } from './constants.ts'

export interface WebSocketWireOptions extends Omit<WireSessionOptions, 'pipe' | 'kind'> {
  /** Open. Made without `autoPong`: ws would queue a pong for each ping, without bound where nobody reads them. */
  readonly socket: WebSocket
}

/** One WebSocket of a relay's, from its opening to its end, on either side: first authentication (L-03), then a link. */
export class WebSocketWire implements MessagePipe {
  private readonly options: WebSocketWireOptions
  private readonly socket: WebSocket
  private readonly session: WireSession
  private alive = true

  constructor(options: WebSocketWireOptions) {
    this.options = options
    this.socket = options.socket
    this.socket.on('message', this.receive)
    this.socket.on('ping', this.pinged)
    this.socket.on('pong', this.heard)
    this.socket.on('error', this.failed)
    this.socket.on('close', (code: number) => this.session.closed(closeReasonOf(code)))
    this.session = new WireSession({ ...options, kind: 'websocket', pipe: this })
  }

  /** Ends the connection; a neighbour that does not answer the close frame in time is cut off. */
  stop(reason: LinkCloseReason): void {
    this.session.close(reason)
  }

  /** Called each idle period: asks for a sign of life, or gives up if the last question had no answer. */
  checkAlive(): void {
    if (this.alive) {
      this.alive = false
      this.socket.ping()
    } else {
      this.count('idle')
      this.socket.terminate()
    }
  }

  send(message: Uint8Array): void {
    if (this.socket.readyState === this.socket.OPEN) this.socket.send(message, this.written)
  }

  bufferedBytes(): number {
    return this.socket.bufferedAmount
  }

  close(code: number, reason: string): void {
    closeGently(this.socket, this.options.clock, code, reason)
  }

  /** One function for all messages; tells the link that the socket has room again. */
  private readonly written = (): void => {
    this.session.drained()
  }

  private readonly heard = (): void => {
    this.alive = true
  }

  /** Answered as long as the neighbour takes its answers (RFC 6455 §5.5.3 asks for the latest only). */
  private readonly pinged = (data: Buffer): void => {
    this.alive = true
    const { socket } = this
    if (socket.readyState !== socket.OPEN) return
    if (socket.bufferedAmount < PIPE_BYTES) socket.pong(data)
    else this.count('ping-unanswered')
  }

  private readonly receive = (data: RawData, isBinary: boolean): void => {
    this.alive = true
    if (!isBinary || !(data instanceof Buffer)) {
      this.count('text-message')
      this.session.close('protocol')
      return
    }
    // Plain bytes: a Buffer's `slice` is a view where everybody else's is a copy.
    this.session.receive(new Uint8Array(data.buffer, data.byteOffset, data.length))
  }

  /** A frame that breaks RFC 6455 or a limit of ours, for which ws has sent the close code; or the connection is lost. */
  private readonly failed = (error: Error & { code?: string }): void => {
    this.count('socket-error')
    if (error.code?.startsWith('WS_ERR_')) this.session.closed('protocol')
  }

  private count(what: string): void {
    this.options.counters.add(`${this.options.prefix ?? 'link'}-${what}`)
  }
}

/**
 * Sends the close frame, and ends the connection if it has not ended within STREAM_CLOSE_GRACE_MS: also of a neighbour that has
 * sent his and keeps the connection, which ws would wait for much longer.
 */
export function closeGently(socket: WebSocket, clock: Clock, code: number, reason: string): void {
  if (socket.readyState === socket.CLOSED) return
  socket.close(code, reason)
  const timer = clock.after(STREAM_CLOSE_GRACE_MS, () => socket.terminate())
  socket.once('close', () => timer.cancel())
}

/** Cuts a WebSocket off that is refused before it has a wire. */
export function refuseSocket(socket: WebSocket, clock: Clock, reason: LinkCloseReason): void {
  socket.on('error', () => socket.terminate())
  closeGently(socket, clock, closeCodeOf(reason), reason)
}
