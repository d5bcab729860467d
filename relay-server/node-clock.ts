import type { Clock, Timer } from '../shared/world/clock.ts'

/**
 * Real time in a Node process. `after(0)` runs once the packets that have arrived already are read (setImmediate), which is
 * what lets a link pack all of one tick into one message; everything else has the 1 ms grain of setTimeout.
 */
export class NodeClock implements Clock {
  now(): number {
    return performance.now()
  }

  wall(): number {
    return Date.now()
  }

  after(delayMs: number, run: () => void): Timer {
    return delayMs <= 0 ? new NextTurn(run) : new Delayed(delayMs, run)
  }
}

class NextTurn implements Timer {
  private readonly handle: NodeJS.Immediate

  constructor(run: () => void) {
    this.handle = setImmediate(run)
  }

  cancel(): void {
    clearImmediate(this.handle)
  }
}

/** setTimeout counts from the start of the event loop's turn, so it may fire up to a millisecond early: then it waits on. */
class Delayed implements Timer {
  private handle: NodeJS.Timeout
  private readonly dueMs: number
  private readonly run: () => void

  constructor(delayMs: number, run: () => void) {
    this.dueMs = performance.now() + delayMs
    this.run = run
    this.handle = setTimeout(this.fire, Math.min(Math.ceil(delayMs), MAX_DELAY_MS))
  }

  private readonly fire = (): void => {
    const leftMs = this.dueMs - performance.now()
    if (leftMs > 0) this.handle = setTimeout(this.fire, Math.min(Math.ceil(leftMs), MAX_DELAY_MS))
    else this.run()
  }

  cancel(): void {
    clearTimeout(this.handle)
  }
}

/** Longer delays make setTimeout fire at once; here they are waited for in parts. */
const MAX_DELAY_MS = 0x7fff_ffff
