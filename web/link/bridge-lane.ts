import type { Shaper } from '../../shared/link/bandwidth.ts'
import { PASSAGE_MESSAGE_BYTES, PASSAGE_WAITING_BYTES } from '../../shared/link/bridge-limits.ts'
import type { MessagePipe } from '../../shared/link/queued-link.ts'
import type { Timer } from '../../shared/world/clock.ts'

export interface LaneOptions {
  /** Where it leads. */
  readonly pipe: MessagePipe
  /** What all lanes in this direction share. */
  readonly shaper: Shaper
  /** So many bytes have been passed on. */
  passed(bytes: number): void
  /** More waits than may: the lane takes nothing any more. */
  onOver(): void
}

/** One direction of a passage: whole messages, unread, in order, at the pace of the volunteer, and never many of them. */
export class BridgeLane {
  private readonly options: LaneOptions
  private readonly queue: Uint8Array[] = []
  private queuedBytes = 0
  private turn: Timer | undefined
  private state: 'shut' | 'open' | 'ended' = 'shut'

  constructor(options: LaneOptions) {
    this.options = options
  }

  /** Bytes that wait here and in the pipe. */
  get waitingBytes(): number {
    return this.queuedBytes + this.options.pipe.bufferedBytes()
  }

  /** The pipe is open: what has come so far may go. */
  open(): void {
    if (this.state !== 'shut') return
    this.state = 'open'
    this.flush()
  }

  push(message: Uint8Array): void {
    if (this.state === 'ended') return
    const cost = costOf(message)
    if (this.waitingBytes + cost > PASSAGE_WAITING_BYTES) {
      this.end()
      this.options.onOver()
      return
    }
    this.queue.push(message)
    this.queuedBytes += cost
    this.flush()
  }

  /** What waits is let go of. Idempotent. */
  end(): void {
    this.state = 'ended'
    this.turn?.cancel()
    this.queue.length = 0
    this.queuedBytes = 0
  }

  private readonly flush = (): void => {
    const { shaper, pipe, passed } = this.options
    while (this.state === 'open' && this.queue.length > 0 && shaper.free) {
      const message = this.queue.shift()
      if (!message) return
      const cost = costOf(message)
      this.queuedBytes -= cost
      shaper.sent(cost)
      pipe.send(message)
      passed(cost)
    }
    if (this.state === 'open' && this.queue.length > 0) {
      this.turn ??= shaper.whenFree(() => {
        this.turn = undefined
        this.flush()
      })
    }
  }
}

function costOf({ length }: Uint8Array): number {
  return length + PASSAGE_MESSAGE_BYTES
}
