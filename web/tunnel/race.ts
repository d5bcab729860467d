import type { ByteStream, ByteStreamEvents, StreamEnd } from '../../shared/stream/byte-stream.ts'
import { EARLY_BYTES, SECOND_CHANCE_MS } from './limits.ts'

/** Opens one way to a fixed destination. */
export type Way = (events: ByteStreamEvents) => ByteStream

interface Runner {
  readonly stream: ByteStream
  alive: boolean
}

/**
 * One stream over whichever of two ways works, as RFC 8305 does for address families: the first at once, the second after
 * a head start if the first has not opened, or as soon as it has failed. What is written is kept for the other way until the
 * far side has said something: some peers take TCP connections only to close them. A peer that speaks only one of TCP and
 * uTP is so reached without a guess.
 */
export class RacingStream implements ByteStream {
  private readonly events: ByteStreamEvents
  private readonly runners: Runner[] = []
  private early: Uint8Array[] = []
  private earlyBytes = 0
  private second: Way | undefined
  private timer: ReturnType<typeof setTimeout>
  /** The one that has opened, and is heard; not settled until it has spoken. */
  private leader: Runner | undefined
  private settled = false
  private over = false
  private told = false
  private ending = false
  private paused = false

  constructor(first: Way, second: Way, headStartMs: number, events: ByteStreamEvents) {
    this.events = events
    this.second = second
    this.timer = setTimeout(() => this.startSecond(), headStartMs)
    this.start(first)
  }

  write(chunk: Uint8Array): boolean {
    if (!this.settled) this.keep(chunk)
    if (this.leader) return this.leader.stream.write(chunk)
    for (const runner of this.runners) if (runner.alive) runner.stream.write(new Uint8Array(chunk))
    return true
  }

  end(): void {
    this.ending = true
    for (const runner of this.runners) if (runner.alive) runner.stream.end()
  }

  destroy(): void {
    if (this.over) return
    this.finish()
    for (const runner of this.runners) if (runner.alive) runner.stream.destroy()
    queueMicrotask(() => this.events.closed(undefined))
  }

  pause(): void {
    this.paused = true
    this.leader?.stream.pause()
  }

  resume(): void {
    this.paused = false
    this.leader?.stream.resume()
  }

  /** Copies, since callers may use their buffers again, and not by `slice`, which gives a view where it is a Buffer. */
  private keep(chunk: Uint8Array): void {
    this.early.push(new Uint8Array(chunk))
    this.earlyBytes += chunk.length
    if (this.earlyBytes <= EARLY_BYTES) return
    if (this.leader) this.settle()
    else this.destroy()
  }

  /** No other way any more. */
  private settle(): void {
    this.settled = true
    this.second = undefined
    this.early = []
    clearTimeout(this.timer)
  }

  private finish(): void {
    this.over = true
    this.settle()
  }

  private start(way: Way): void {
    const heard = () => this.leader === runner
    const runner: Runner = {
      alive: true,
      stream: way({
        opened: () => this.onOpened(runner),
        data: (chunk) => {
          this.onOpened(runner)
          if (!heard()) return
          if (!this.settled) this.settle()
          this.events.data(chunk)
        },
        drained: () => {
          if (heard()) this.events.drained()
        },
        ended: () => {
          // An end before any word is a refusal: the far side's `closed` tells how to go on.
          if (heard() && this.settled) this.events.ended()
          else runner.stream.destroy()
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
    if (way && !this.over) this.start(way)
  }

  private giveUp(): void {
    if (this.leader || this.over) return
    this.finish()
    for (const runner of this.runners) if (runner.alive) runner.stream.destroy()
    this.events.closed('timed-out')
  }

  private onOpened(runner: Runner): void {
    if (this.leader || this.over) return
    this.leader = runner
    clearTimeout(this.timer)
    for (const other of this.runners) if (other !== runner && other.alive) other.stream.destroy()
    if (this.paused) runner.stream.pause()
    if (this.told) return
    this.told = true
    this.events.opened()
  }

  private onClosed(runner: Runner, reason: StreamEnd | undefined): void {
    runner.alive = false
    if (this.over || (this.settled && this.leader !== runner)) return
    const wordless = this.leader === runner && !this.settled
    if (wordless) this.leader = undefined
    this.startSecond()
    if (!this.settled && this.runners.some((other) => other.alive)) {
      if (wordless) this.timer = setTimeout(() => this.giveUp(), SECOND_CHANCE_MS)
      return
    }
    this.finish()
    this.events.closed(reason)
  }
}
