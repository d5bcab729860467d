import { unpinned } from '../bytes/bytes.ts'
import { STREAM_RESET_REASONS, type StreamResetReason } from '../onion/exit-port.ts'
import type { UtpConnection } from '../utp/connection.ts'
import type { UtpRequest } from '../utp/endpoint.ts'
import type { ByteStream, StreamEnd, StreamOpener } from './byte-stream.ts'

export interface SpliceOwner {
  /** The owner of the circuit is to be told why the stream ended. */
  reset(reason: StreamResetReason): void
  /** Both sides have ended. Called once. */
  over(): void
}

/** One stream at the exit: bytes both ways between a uTP connection and TCP, each side held back when the other is slow. */
export class Splice {
  private readonly request: UtpRequest
  private readonly opener: StreamOpener
  private readonly owner: SpliceOwner
  private utp: UtpConnection | undefined
  private tcp: ByteStream | undefined
  private utpOver = false
  /** Whether TCP's far side has finished: what it said is whole. */
  private tcpEnded = false
  private tcpOver = false

  constructor(request: UtpRequest, opener: StreamOpener, owner: SpliceOwner) {
    this.request = request
    this.opener = opener
    this.owner = owner
  }

  start(): void {
    this.tcp = this.opener(this.request.from, {
      opened: () => this.connected(),
      data: (chunk) => {
        if (this.utp?.write(chunk) === false) this.tcp?.pause()
      },
      drained: () => this.utp?.resume(),
      ended: () => {
        this.tcpEnded = true
        this.utp?.end()
      },
      closed: (reason) => this.tcpClosed(reason),
    })
  }

  /** The circuit is no more. */
  abandon(): void {
    this.request.drop()
    if (this.utp === undefined) this.utpOver = true
    else this.utp.abandon()
    this.tcp?.destroy()
  }

  private connected(): void {
    this.utp = this.request.accept({
      opened: () => {},
      data: (chunk) => {
        if (this.tcpOver) return
        // TCP may keep it for as long as nobody reads there, and counts its bytes alone.
        if (this.tcp?.write(unpinned(chunk)) === false) this.utp?.pause()
      },
      drained: () => this.tcp?.resume(),
      ended: () => this.tcp?.end(),
      closed: (reason) => {
        this.utpOver = true
        // What TCP still has to send after an orderly end, it sends.
        if (reason !== undefined) this.tcp?.destroy()
        this.checkOver()
      },
    })
    if (this.utp === undefined) this.tcp?.destroy()
  }

  private tcpClosed(reason: StreamEnd | undefined): void {
    this.tcpOver = true
    if (this.utp === undefined) {
      this.request.drop()
      if (!this.utpOver) this.owner.reset(resetReason(reason))
      this.utpOver = true
    } else if (reason === undefined || this.tcpEnded) {
      // What it said still arrives, whatever became of what was said to it; and what still comes for it is dropped.
      this.utp.end()
      this.utp.resume()
    } else if (!this.utpOver) {
      this.owner.reset(resetReason(reason))
      // Says it once more, without the reason: either may be lost.
      this.utp.destroy()
    }
    this.checkOver()
  }

  private checkOver(): void {
    if (this.utpOver && this.tcpOver) this.owner.over()
  }
}

function resetReason(reason: StreamEnd | undefined): StreamResetReason {
  return reason !== undefined && reason in STREAM_RESET_REASONS
    ? (reason as StreamResetReason)
    : 'unspecified'
}
