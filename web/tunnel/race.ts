import type { ByteStream, ByteStreamEvents, StreamEnd } from '../../shared/stream/byte-stream.ts'
import { EARLY_BYTES } from './limits.ts'

/** Opens one way to a fixed destination. */
export type Way = (events: ByteStreamEvents) => ByteStream

interface Runner {
  readonly stream: ByteStream
  alive: boolean
}

/**
 * One stream over whichever of two ways opens first, as RFC 8305 does for address families: the first at once, the second
 * after a head start, or as soon as the first has failed. What is written before is sent on both and kept for the second;
 * only what the winner says is heard. A peer that speaks TCP or only uTP is so reached without a guess.
 */
export class RacingStream implements ByteStream {
  private readonly events: ByteStreamEvents
  private readonly runners: Runner[] = []
  private readonly early: Uint8Array[] = []
  private earlyBytes = 0
  private winner: ByteStream | undefined
  private second: Way | undefined
  private readonly timer: ReturnType<typeof setTimeout>
  private over = false
  private ending = false
  private paused = false

  constructor(first: Way, second: Way, headStartMs: number, events: ByteStreamEvents) {
    this.events = events
    this.second = second
    this.timer = setTimeout(() => this.startSecond(), headStartMs)
    this.start(first)
  }

  write(chunk: Uint8Array): boolean {
    if (this.winner) return this.winner.write(chunk)
    if (this.earlyBytes + chunk.length > EARLY_BYTES) {
      this.destroy()
      return true
    }
    this.early.push(new Uint8Array(chunk))
    this.earlyBytes += chunk.length
    for (const runner of this.runners) if (runner.alive) runner.stream.write(new Uint8Array(chunk))
    return true
  }

  end(): void {
    this.ending = true
    if (this.winner) this.winner.end()
    else for (const runner of this.runners) runner.stream.end()
  }

  destroy(): void {
    if (this.over) return
    this.finish()
    for (const runner of this.runners) runner.stream.destroy()
    queueMicrotask(() => this.events.closed(undefined))
  }

  pause(): void {
    this.paused = true
    this.winner?.pause()
  }

  resume(): void {
    this.paused = false
    this.winner?.resume()
  }

  private finish(): void {
    this.over = true
    this.second = undefined
    clearTimeout(this.timer)
  }

  private start(way: Way): void {
    const runner: Runner = {
      alive: true,
      stream: way({
        opened: () => this.onOpened(runner),
        data: (chunk) => {
          // Data without `opened` proves as well that the way is open.
          this.onOpened(runner)
          if (this.winner === runner.stream) this.events.data(chunk)
        },
        drained: () => {
          if (this.winner === runner.stream) this.events.drained()
        },
        ended: () => {
          if (this.winner === runner.stream) this.events.ended()
        },
        closed: (reason) => this.onClosed(runner, reason),
      }),
    }
    this.runners.push(runner)
    for (const chunk of this.early) runner.stream.write(new Uint8Array(chunk))
    if (this.ending) runner.stream.end()
  }

  private startSecond(): void {
    const way = this.second
    this.second = undefined
    clearTimeout(this.timer)
    if (way && !this.over && !this.winner) this.start(way)
  }

  private onOpened(runner: Runner): void {
    if (this.winner || this.over) return
    this.winner = runner.stream
    this.second = undefined
    clearTimeout(this.timer)
    this.early.length = 0
    for (const other of this.runners) if (other !== runner) other.stream.destroy()
    if (this.paused) runner.stream.pause()
    this.events.opened()
  }

  private onClosed(runner: Runner, reason: StreamEnd | undefined): void {
    runner.alive = false
    if (this.over) return
    if (this.winner === undefined) {
      this.startSecond()
      if (this.runners.some((other) => other.alive)) return
    } else if (this.winner !== runner.stream) {
      return
    }
    this.finish()
    this.events.closed(reason)
  }
}
