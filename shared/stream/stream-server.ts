import type { Address } from '../bytes/address.ts'
import type { ExitCircuit } from '../onion/exit-port.ts'
import { CircuitControl } from '../utp/circuit-control.ts'
import { UtpEndpoint, type UtpRequest } from '../utp/endpoint.ts'
import { PathDelay } from '../utp/path-delay.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import type { StreamOpener } from './byte-stream.ts'
import {
  LINGERING_SHARE,
  largePackets,
  STREAM_SERVER_LIMITS,
  STREAM_UTP,
  type StreamServerLimits,
  streamPacketBytes,
} from './constants.ts'
import { Splice } from './splice.ts'
import { type CircuitMemory, StreamHolding, StreamMemory } from './stream-memory.ts'

export interface StreamServerOptions {
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  /** Makes the TCP connections, and decides which may be made; refuses by closing with a reason. */
  readonly opener: StreamOpener
  readonly limits?: Partial<StreamServerLimits>
}

interface CircuitStreams {
  readonly endpoint: UtpEndpoint
  readonly splices: Set<Splice>
  readonly memory: CircuitMemory
}

/**
 * The exit side of streams: for each SYN in a STREAM cell a TCP connection, spliced to the uTP connection. The SYN is
 * answered when TCP has connected; a failure is told in a STREAM-RESET.
 */
export class StreamServer {
  private readonly options: StreamServerOptions
  private readonly limits: StreamServerLimits
  private readonly circuits = new Map<ExitCircuit, CircuitStreams>()
  private readonly memory: StreamMemory
  private total = 0

  constructor(options: StreamServerOptions) {
    this.options = options
    this.limits = { ...STREAM_SERVER_LIMITS, ...options.limits }
    this.memory = new StreamMemory(options.clock, options.counters, this.limits.memoryBytes)
  }

  /** Streams of all circuits that have not ended. */
  get streams(): number {
    return this.total
  }

  /** Bytes of memory that all of them take up. */
  get memoryBytes(): number {
    return this.memory.usedBytes
  }

  /** Takes in the packet of a STREAM cell. */
  packet(circuit: ExitCircuit, destination: Address, packet: Uint8Array): void {
    if (!circuit.alive) return
    this.of(circuit).endpoint.receive(destination, packet)
  }

  /** The circuit has ended: its TCP connections are closed. */
  ended(circuit: ExitCircuit): void {
    const streams = this.circuits.get(circuit)
    if (streams === undefined) return
    this.circuits.delete(circuit)
    for (const splice of [...streams.splices]) splice.abandon()
    streams.endpoint.abandon()
    streams.memory.close()
  }

  /** Ends all streams of all circuits. */
  close(): void {
    for (const circuit of [...this.circuits.keys()]) this.ended(circuit)
  }

  private of(circuit: ExitCircuit): CircuitStreams {
    const known = this.circuits.get(circuit)
    if (known !== undefined) return known
    const { limits } = this
    const { clock, random, counters } = this.options
    const { receiveBufferBytes, sendBufferBytes, maxFlightBytes } = limits
    const utp = { ...STREAM_UTP, receiveBufferBytes, sendBufferBytes, maxFlightBytes }
    const path = new PathDelay(() => circuit.queuedBytes ?? 0)
    const splices = new Set<Splice>()
    const memory = this.memory.circuit(circuit.source)
    const endpoint = new UtpEndpoint({
      clock,
      random,
      counters,
      settings: (peer) => ({ ...utp, maxPacketBytes: streamPacketBytes(peer) }),
      congestion: ({ maxPacketBytes }) => new CircuitControl(maxPacketBytes, path),
      large: largePackets(() => circuit.streamMessageBytes),
      send: (to, packet) => {
        if (circuit.alive) circuit.sendStream(to, packet)
      },
      incoming: (request) => this.incoming(circuit, streams, request),
      maxConnections: limits.streamsPerCircuit * LINGERING_SHARE,
    })
    const streams: CircuitStreams = { endpoint, splices, memory }
    this.circuits.set(circuit, streams)
    return streams
  }

  private incoming(circuit: ExitCircuit, { splices, memory }: CircuitStreams, request: UtpRequest): void {
    const { counters, opener } = this.options
    const refusal = this.refusal(splices.size, memory)
    if (refusal !== undefined) {
      counters.add(refusal)
      request.drop()
      circuit.sendStreamReset(request.from, request.connectionId, 'too-many-streams')
      return
    }
    counters.add('stream-opened')
    this.total++
    const splice = new Splice(request, opener, new StreamHolding(memory), {
      reset: (reason) => {
        counters.add(`stream-reset-${reason}`)
        if (circuit.alive) circuit.sendStreamReset(request.from, request.connectionId, reason)
      },
      over: () => {
        if (splices.delete(splice)) this.total--
      },
    })
    splices.add(splice)
    splice.start()
  }

  private refusal(open: number, memory: CircuitMemory): string | undefined {
    if (!memory.mayOpen) return 'stream-memory-full'
    const { streamsPerCircuit, streams } = this.limits
    return open >= streamsPerCircuit || this.total >= streams ? 'stream-refused-too-many-streams' : undefined
  }
}
