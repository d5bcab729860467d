import type { IpAddress } from '../bytes/address.ts'
import type { Aead } from '../crypto/aead.ts'
import { KeyPair } from '../identity/keys.ts'
import type { Link } from '../link/link.ts'
import { Circuit } from '../onion/circuit.ts'
import type { CircuitEvents } from '../onion/circuit-options.ts'
import { OwnedCircuits } from '../onion/owned-circuits.ts'
import type { ByteStream, ByteStreamEvents } from '../stream/byte-stream.ts'
import { CircuitStreams } from '../stream/circuit-streams.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import type { ProbeCircuits, ProbeRelay } from './exit-probe-ports.ts'

export interface OwnProbeCircuitsOptions {
  readonly clock: Clock
  readonly random: Random
  readonly aead: Aead
  readonly counters: Counters
  /** 00 02 and the community id. */
  readonly prefix: Uint8Array
  /** From a socket that is for probes alone. */
  linkTo(address: IpAddress): Link | undefined
}

/** How long a hop may take, milliseconds: create and extend are repeated for three seconds. */
const HOP_TIMEOUT_MS = 6_000

/** Circuits of probes: as a client's, each with a key of its own, but along a path that is given. */
export class OwnProbeCircuits implements ProbeCircuits {
  private readonly options: OwnProbeCircuitsOptions
  private readonly owned: OwnedCircuits
  private readonly live = new Set<Circuit>()
  private readonly streams: CircuitStreams

  constructor(options: OwnProbeCircuitsOptions) {
    this.options = options
    this.owned = new OwnedCircuits(options.prefix, options.counters)
    this.streams = new CircuitStreams(options)
  }

  /** Takes a packet of that socket. */
  receive(link: Link, packet: Uint8Array): void {
    this.owned.receive(link, packet)
  }

  linkClosed(link: Link): void {
    this.owned.linkClosed(link)
  }

  /** Whether circuits go over a link. */
  uses(link: Link): boolean {
    return [...this.live].some((circuit) => circuit.link === link)
  }

  build(path: readonly ProbeRelay[], events: Partial<CircuitEvents>): Circuit | undefined {
    const { clock, random, aead, counters, prefix } = this.options
    const link = path[0] && this.options.linkTo(path[0].address)
    if (link === undefined) return undefined
    const nothing = () => undefined
    const circuit = new Circuit({
      keyPair: KeyPair.generate(random),
      path: path.map((hop) => ({ ...hop, culvert: true })),
      link,
      prefix,
      clock,
      random,
      aead,
      counters,
      settings: { hopTimeoutMs: HOP_TIMEOUT_MS },
      events: {
        changed: nothing,
        ready: nothing,
        datagram: nothing,
        ...events,
        ...this.streams.events,
        closed: (closed, reason) => {
          this.owned.remove(closed)
          this.live.delete(closed)
          this.streams.take(closed)?.circuitClosed()
          events.closed?.(closed, reason)
        },
      },
    })
    this.owned.add(circuit)
    this.live.add(circuit)
    circuit.start()
    return circuit
  }

  open(circuit: Circuit, destination: IpAddress, events: ByteStreamEvents): ByteStream {
    return this.streams.on(circuit).open(destination, events)
  }
}
