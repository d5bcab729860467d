import type { Address } from '../bytes/address.ts'
import type { StreamResetReason } from '../onion/exit-port.ts'
import type { ByteStream, ByteStreamEvents, StreamEnd, StreamOpener } from '../stream/byte-stream.ts'
import type { Clock, Timer } from '../world/clock.ts'
import { STREAM_WAIT_MS, WAITING_BYTES } from './constants.ts'

/**
 * A stream that was asked for before there was a circuit. Holds back what is written to it, and hands everything on once
 * one is there; gives up after 30 s.
 */
export class WaitingStream implements ByteStream {
  private readonly destination: Address
  private readonly events: ByteStreamEvents
  private readonly timer: Timer
  private stream: ByteStream | undefined
  private held: Uint8Array[] = []
  private heldBytes = 0
  private ending = false
  private paused = false
  private over = false

  constructor(clock: Clock, destination: Address, events: ByteStreamEvents) {
    this.destination = destination
    this.events = events
    this.timer = clock.after(STREAM_WAIT_MS, () => this.giveUp())
  }

  /** Whether it still waits. */
  get waiting(): boolean {
    return !this.over && this.stream === undefined
  }

  /** A circuit is there. */
  proceed(open: StreamOpener): void {
    if (!this.waiting) return
    this.timer.cancel()
    const stream = open(this.destination, this.events)
    this.stream = stream
    if (this.paused) stream.pause()
    let room = true
    for (const chunk of this.held) room = stream.write(chunk)
    if (this.ending) stream.end()
    else if (room && this.heldBytes >= WAITING_BYTES) this.events.drained()
    this.held = []
  }

  /** There will be no circuit for it. */
  giveUp(): void {
    this.close('no-circuit')
  }

  write(chunk: Uint8Array): boolean {
    if (this.stream) return this.stream.write(chunk)
    if (this.over) return false
    this.held.push(chunk)
    this.heldBytes += chunk.length
    return this.heldBytes < WAITING_BYTES
  }

  end(): void {
    this.ending = true
    this.stream?.end()
  }

  destroy(reason?: StreamResetReason): void {
    if (this.stream) this.stream.destroy(reason)
    else this.close(undefined)
  }

  pause(): void {
    this.paused = true
    this.stream?.pause()
  }

  resume(): void {
    this.paused = false
    this.stream?.resume()
  }

  private close(reason: StreamEnd | undefined): void {
    if (!this.waiting) return
    this.over = true
    this.timer.cancel()
    this.held = []
    this.events.closed(reason)
  }
}
