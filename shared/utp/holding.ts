import { WRITE_BYTES } from './constants.ts'
import type { ReceiveWindow } from './receive-window.ts'
import type { Sender } from './sender.ts'

/** One connection's part of a memory that many share. All in bytes. */
export interface Holding {
  /** By how much the connection may grow; may be below zero. */
  readonly roomBytes: number
  /** What the connection takes up from now on. */
  take(bytes: number): void
  /** The connection waits for so much room; its `roomMade` is to be called when there is. */
  wait(bytes: number): void
}

/** Tells what a connection takes up, and asks before it takes up more for sending. */
export class Held {
  private readonly holding: Holding
  private readonly sender: Sender
  private readonly window: ReceiveWindow
  private told = 0
  /** What the next write may need besides: ours already, so that many writers together take no more than there is. */
  private reserved = 0
  private over = false

  constructor(holding: Holding, sender: Sender, window: ReceiveWindow) {
    this.holding = holding
    this.sender = sender
    this.window = window
  }

  /** Whether as much may be written as comes at once; if not, there will be a call when it may. */
  mayWrite(): boolean {
    const growth = this.sender.growthFor(WRITE_BYTES)
    const more = growth - this.reserved
    if (more > 0 && more > this.holding.roomBytes) {
      this.mayNotWrite()
      this.holding.wait(growth)
      return false
    }
    this.reserved = growth
    this.tell()
    return true
  }

  /** Nothing will be written until `mayWrite` is asked again. */
  mayNotWrite(): void {
    this.reserved = 0
    this.tell()
  }

  /** To be called when something may have come or gone. */
  tell(): void {
    if (this.reserved > 0) this.reserved = Math.min(this.reserved, this.sender.growthFor(WRITE_BYTES))
    const bytes = this.over ? 0 : this.sender.takenBytes + this.window.takenBytes + this.reserved
    if (bytes === this.told) return
    this.told = bytes
    this.holding.take(bytes)
  }

  /** All was let go. */
  clear(): void {
    this.over = true
    this.tell()
  }
}
