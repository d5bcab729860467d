import { unpinned } from '../bytes/bytes.ts'
import { STREAM_RESET_REASONS, type StreamResetReason } from '../onion/exit-port.ts'
import type { UtpConnection } from '../utp/connection.ts'
import type { UtpRequest } from '../utp/endpoint.ts'
import type { UtpEvents } from '../utp/events.ts'
import type { ByteStream, StreamEnd, StreamOpener } from './byte-stream.ts'
import type { StreamHolding } from './stream-memory.ts'

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
  private readonly holding: StreamHolding
  private utp: UtpConnection | undefined
  private tcp: ByteStream | undefined
  private utpOver = false
  /** Whether TCP's far side has finished: what it said is whole. */
  private tcpEnded = false
  private tcpOver = false
  /** uTP is paused for want of memory, though TCP would take more. */
  private crowded = false

  constructor(request: UtpRequest, opener: StreamOpener, holding: StreamHolding, owner: SpliceOwner) {
    this.request = request
    this.opener = opener
    this.holding = holding
    this.owner = owner
  }

  start(): void {
    this.tcp = this.opener(this.request.from, {
      opened: () => this.connected(),
      data: (chunk) => {
        if (this.utp?.write(chunk) === false) this.tcp?.pause()
      },
      drained: () => this.utp?.resume(),
      untaken: (bytes) => this.untaken(bytes),
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
    const events: UtpEvents = {
      opened: () => {},
      data: (chunk) => {
        if (this.tcpOver) return
        // TCP may keep it for as long as nobody reads there, and counts its bytes alone.
        const full = this.tcp?.write(unpinned(chunk)) === false
        this.crowded = !full && this.holding.crowded
        if (full || this.crowded) this.utp?.pause()
      },
      drained: () => this.tcp?.resume(),
      ended: () => this.tcp?.end(),
      closed: (reason) => {
        this.utpOver = true
        // What TCP still has to send after an orderly end, it sends.
        if (reason !== undefined) this.tcp?.destroy()
        this.checkOver()
      },
    }
    this.utp = this.request.accept(events, this.holding)
    this.holding.roomMade = () => this.utp?.roomMade()
    if (this.utp === undefined) this.tcp?.destroy()
  }

  private untaken(bytes: number): void {
    this.holding.takeForTcp(bytes)
    if (!this.crowded || this.holding.crowded) return
    this.crowded = false
    this.utp?.resume()
  }

  private tcpClosed(reason: StreamEnd | undefined): void {
    this.tcpOver = true
    this.holding.takeForTcp(0)
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
    if (!this.utpOver || !this.tcpOver) return
    this.holding.release()
    this.owner.over()
  }
}

function resetReason(reason: StreamEnd | undefined): StreamResetReason {
  return reason !== undefined && reason in STREAM_RESET_REASONS
    ? (reason as StreamResetReason)
    : 'unspecified'
}
