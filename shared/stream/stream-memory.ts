import type { Holding } from '../utp/holding.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { LEAST_STREAM_BYTES, LEAST_WAITING_BYTES, ROOM_LOOK_MS } from './constants.ts'

interface Share {
  usedBytes: number
  streams: number
}

interface SourceShare extends Share {
  circuits: number
}

/**
 * The memory that all streams of an exit take up, with a bound for all together. A circuit may grow while it has less than half
 * of what is free, a neighbour's circuits while they have less than what is free: one circuit alone gets a third of everything,
 * one neighbour half, and whoever comes next finds room, however many are greedy.
 */
export class StreamMemory {
  private readonly clock: Clock
  private readonly counters: Counters
  private readonly totalBytes: number
  private used = 0
  private readonly sources = new Map<unknown, SourceShare>()
  /** The longest waiting first. */
  private readonly waiting = new Set<StreamHolding>()
  private look: Timer | undefined

  constructor(clock: Clock, counters: Counters, totalBytes: number) {
    this.clock = clock
    this.counters = counters
    this.totalBytes = totalBytes
  }

  /** What all take up. */
  get usedBytes(): number {
    return this.used
  }

  /** A circuit's part. @param source its neighbour; to be closed when the circuit ends */
  circuit(source: unknown): CircuitMemory {
    const share = this.sources.get(source) ?? { usedBytes: 0, streams: 0, circuits: 0 }
    share.circuits++
    this.sources.set(source, share)
    return new CircuitMemory(this, share, () => {
      if (--share.circuits === 0) this.sources.delete(source)
    })
  }

  /** By how much streams of that circuit and neighbour may grow; below zero where they have more than their share. */
  roomFor(circuit: Share, source: Share): number {
    const free = this.totalBytes - this.used
    return Math.min(free / 2 - circuit.usedBytes, free - source.usedBytes)
  }

  /**
   * Whether a circuit may have one stream more: if all of its own, and all of the neighbour's, could hold their least within the same
   * shares. What room there is says little: streams that have much to say take all of it, for as long as they go on.
   */
  mayOpen(circuit: Share, source: Share): boolean {
    const streams = (this.totalBytes - this.used) / LEAST_STREAM_BYTES
    return circuit.streams < Math.floor(streams / 2) && source.streams < Math.floor(streams)
  }

  /** A stream of theirs has taken so much more, or less. */
  use(circuit: Share, source: Share, bytes: number): void {
    this.used += bytes
    circuit.usedBytes += bytes
    source.usedBytes += bytes
    if (bytes < 0 && this.waiting.size > 0) this.lookSoon()
  }

  /** Its `roomMade` is called once when there is as much as it wants. */
  wait(holding: StreamHolding): void {
    if (this.waiting.has(holding)) return
    this.counters.add('stream-memory-waits')
    this.waiting.add(holding)
  }

  waitNoMore(holding: StreamHolding): void {
    this.waiting.delete(holding)
  }

  /** Not at once, since much comes and goes, and each look is at all who wait. */
  private lookSoon(): void {
    this.look ??= this.clock.after(ROOM_LOOK_MS, () => {
      this.look = undefined
      // Who is told takes his part at once; the next ones find less. Who finds too little after all waits again, behind the others.
      for (const each of [...this.waiting]) {
        if (each.wantedBytes > each.roomBytes) continue
        this.waiting.delete(each)
        each.roomMade()
      }
    })
  }
}

/** The part of one circuit's streams. */
export class CircuitMemory implements Share {
  usedBytes = 0
  streams = 0
  readonly memory: StreamMemory
  readonly source: Share
  /** To be called once. */
  readonly close: () => void

  constructor(memory: StreamMemory, source: Share, close: () => void) {
    this.memory = memory
    this.source = source
    this.close = close
  }

  /** Whether it may have one stream more. */
  get mayOpen(): boolean {
    return this.memory.mayOpen(this, this.source)
  }

  /** By how much its streams may grow. */
  get roomBytes(): number {
    return this.memory.roomFor(this, this.source)
  }
}

/** The part of one stream: what its uTP connection takes up, and what it has written to TCP. */
export class StreamHolding implements Holding {
  /** What it waits for. */
  wantedBytes = 0
  /** Called when there is so much. */
  roomMade: () => void = () => {}
  private readonly circuit: CircuitMemory
  private utpBytes = 0
  private tcpBytes = 0

  constructor(circuit: CircuitMemory) {
    this.circuit = circuit
    circuit.streams++
    circuit.source.streams++
  }

  get roomBytes(): number {
    return this.circuit.roomBytes
  }

  take(bytes: number): void {
    const more = bytes - this.utpBytes
    this.utpBytes = bytes
    this.use(more)
  }

  /** What TCP has not taken yet of what was written to it. */
  takeForTcp(bytes: number): void {
    const more = bytes - this.tcpBytes
    this.tcpBytes = bytes
    this.use(more)
  }

  /** Whether TCP is to take some before more is written to it. */
  get crowded(): boolean {
    return this.tcpBytes > LEAST_WAITING_BYTES && this.roomBytes <= 0
  }

  wait(bytes: number): void {
    this.wantedBytes = bytes
    this.circuit.memory.wait(this)
  }

  /** The stream is over. To be called once. */
  release(): void {
    this.circuit.streams--
    this.circuit.source.streams--
    this.circuit.memory.waitNoMore(this)
    this.use(-this.utpBytes - this.tcpBytes)
    this.utpBytes = 0
    this.tcpBytes = 0
  }

  private use(bytes: number): void {
    const { memory, source } = this.circuit
    memory.use(this.circuit, source, bytes)
  }
}
