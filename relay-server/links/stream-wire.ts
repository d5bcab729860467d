import type { Socket } from 'node:net'
import { closeReasonOf } from '../../shared/link/close-codes.ts'
import { MAX_AUTH_MESSAGE_BYTES, MAX_MESSAGE_BYTES } from '../../shared/link/constants.ts'
import type { LinkCloseReason } from '../../shared/link/link.ts'
import type { MessagePipe } from '../../shared/link/queued-link.ts'
import {
  StreamMessageReader,
  streamEnd,
  streamHead,
  streamMessage,
} from '../../shared/link/stream-messages.ts'
import type { Wire } from '../../shared/link/wire.ts'
import { WireSession, type WireSessionOptions } from '../../shared/link/wire-session.ts'
import { STREAM_CLOSE_GRACE_MS, STREAM_SILENCE_MS } from './constants.ts'

/** Messages up to this size are copied behind their length; two writes cost more than that. */
const COPIED_BYTES = 4_096

export interface StreamWireOptions extends Omit<WireSessionOptions, 'pipe'> {
  /** Open; a TLS socket, or one that leads through a proxy. Belongs to the wire from now on. */
  readonly socket: Socket
  /** With nothing going either way for so long, the neighbour is taken for gone: STREAM_SILENCE_MS by default. */
  readonly silenceMs?: number
  /** The socket has been closed, wire or no wire. Once. */
  onEnded?(): void
}

const NOTHING = new Uint8Array(0)

/**
 * A wire over a stream of bytes (TCP, Tor): messages with their length before them (shared/link/stream-messages.ts), link
 * authentication, and then the link.
 */
export class StreamWire implements MessagePipe {
  private readonly options: StreamWireOptions
  private readonly socket: Socket
  private readonly reader: StreamMessageReader
  private readonly session: WireSession
  private closing = false

  constructor(options: StreamWireOptions) {
    this.options = options
    const { socket, silenceMs = STREAM_SILENCE_MS } = options
    this.socket = socket
    this.reader = new StreamMessageReader(
      {
        onMessage: (message) => this.session.receive(message),
        onEnd: (code) => this.ended(closeReasonOf(code)),
        onBroken: () => {
          options.counters.add('link-protocol')
          this.session.close('protocol')
        },
      },
      MAX_AUTH_MESSAGE_BYTES,
    )
    socket.setNoDelay(true)
    socket.setKeepAlive(true, silenceMs)
    socket.setTimeout(silenceMs, this.silent)
    socket.on('data', this.read)
    socket.on('drain', this.drained)
    socket.on('error', this.failed)
    socket.on('close', this.gone)
    this.session = new WireSession({ ...options, pipe: this, onWire: (wire) => this.become(wire) })
  }

  /** Ends the connection from this side. Idempotent. */
  stop(reason: LinkCloseReason): void {
    this.session.close(reason)
  }

  send(message: Uint8Array): void {
    const { socket } = this
    if (this.closing || !socket.writable) return
    if (message.length <= COPIED_BYTES) {
      socket.write(streamMessage(message))
      return
    }
    socket.cork()
    socket.write(streamHead(message.length))
    socket.write(message)
    socket.uncork()
  }

  bufferedBytes(): number {
    return this.socket.writableLength
  }

  /** Says why behind all that was sent; a neighbour that does not take it in time is cut off. */
  close(code: number): void {
    if (this.closing) return
    this.closing = true
    this.reader.stop()
    this.end(streamEnd(code))
  }

  private end(last: Uint8Array = NOTHING): void {
    const { socket } = this
    if (socket.destroyed) return
    if (socket.writable) socket.end(last)
    const timer = this.options.clock.after(STREAM_CLOSE_GRACE_MS, () => socket.destroy())
    socket.once('close', () => timer.cancel())
  }

  private become(wire: Wire): void {
    this.reader.maxBytes = MAX_MESSAGE_BYTES
    this.options.onWire(wire)
  }

  private readonly read = (chunk: Buffer): void => {
    // Plain bytes: a Buffer's `slice` is a view where everybody else's is a copy.
    this.reader.receive(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length))
  }

  private readonly drained = (): void => {
    this.session.drained()
  }

  private readonly failed = (): void => {
    this.options.counters.add('link-socket-error')
  }

  private readonly silent = (): void => {
    this.options.counters.add('link-silent')
    this.socket.destroy()
  }

  /** The neighbour has said why, or nobody did. */
  private ended(reason: LinkCloseReason): void {
    this.closing = true
    this.session.closed(reason)
    this.end()
  }

  private readonly gone = (): void => {
    this.closing = true
    this.reader.stop()
    this.session.closed('lost')
    this.options.onEnded?.()
  }
}
