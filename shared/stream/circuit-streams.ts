import type { Circuit } from '../onion/circuit.ts'
import type { CircuitEvents } from '../onion/circuit-options.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import { StreamClient } from './stream-client.ts'

export interface CircuitStreamsOptions {
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
}

/** The streams on the circuits that a node owns: a `StreamClient` for each of those that have any. */
export class CircuitStreams {
  /** To be among the events of each of the circuits. */
  readonly events: Pick<CircuitEvents, 'stream' | 'streamReset'> = {
    stream: (from, destination, packet) => this.clients.get(from)?.receive(destination, packet),
    streamReset: (from, destination, connectionId, reason) =>
      this.clients.get(from)?.reset(destination, connectionId, reason),
  }
  private readonly options: CircuitStreamsOptions
  private readonly clients = new Map<Circuit, StreamClient>()

  constructor(options: CircuitStreamsOptions) {
    this.options = options
  }

  /** What opens streams on a circuit; made when it is first asked for. */
  on(circuit: Circuit): StreamClient {
    let client = this.clients.get(circuit)
    if (client === undefined) {
      const { clock, random, counters } = this.options
      client = new StreamClient({
        clock,
        random,
        counters,
        send: (destination, packet) => circuit.sendStream(destination, packet),
        messageBytes: () => circuit.streamMessageBytes,
        queuedBytes: () => circuit.link.queuedBytes?.(circuit.id) ?? 0,
      })
      this.clients.set(circuit, client)
    }
    return client
  }

  /** Forgets the streams of a circuit that is closed, or silent: what is opened on it later begins anew. They are the caller's to end. */
  take(circuit: Circuit): StreamClient | undefined {
    const client = this.clients.get(circuit)
    this.clients.delete(circuit)
    return client
  }
}
