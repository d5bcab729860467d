import type { Address } from '../bytes/address.ts'
import type { Aead } from '../crypto/aead.ts'
import { KeyPair } from '../identity/keys.ts'
import type { Link } from '../link/link.ts'
import { Circuit } from '../onion/circuit.ts'
import type { CircuitEvents } from '../onion/circuit-options.ts'
import type { CircuitSettings } from '../onion/constants.ts'
import { OwnedCircuits } from '../onion/owned-circuits.ts'
import { blamed } from '../path/circuit-watch.ts'
import type { DrawRequest } from '../path/draw.ts'
import type { Entry, PoolEvents } from '../path/pool.ts'
import type { PathWishes } from '../path/preferences.ts'
import type { NetworkBits, PathRelay } from '../path/relay.ts'
import type { Reliability } from '../path/reliability.ts'
import { drawRendezvousPoint, type Hops, selectPath } from '../path/select.ts'
import type { StreamOpener } from '../stream/byte-stream.ts'
import { CircuitStreams } from '../stream/circuit-streams.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import { MAX_OWN_CIRCUITS, OWN_HOP_TIMEOUT_MS } from './constants.ts'
import { HttpRequests } from './http-requests.ts'
import { pathHop } from './path-relays.ts'
import { refusedStream } from './refused-stream.ts'
import { SpeedProbe } from './speed-probe.ts'

export interface ClientCircuitsOptions {
  readonly clock: Clock
  readonly random: Random
  readonly aead: Aead
  readonly counters: Counters
  readonly prefix: Uint8Array
  readonly networkBits: NetworkBits
  readonly reliability: Reliability
  readonly wishes?: PathWishes | undefined
  /** A datagram from the exit of a circuit of the pool. */
  datagram(circuit: Circuit, origin: Address, data: Uint8Array): void
  /** A circuit, of the pool or not, has fallen silent. */
  suspected(circuit: Circuit): void
}

interface OwnPath {
  readonly hops: Hops
  readonly last: PathRelay | undefined
  readonly avoid: readonly PathRelay[]
  readonly events: Partial<CircuitEvents>
}

/**
 * The circuits of a client, each with a key pair and an id of its own: those of the pool with the streams on them, and those
 * that others asked for.
 */
export class ClientCircuits {
  private readonly options: ClientCircuitsOptions
  private readonly owned: OwnedCircuits
  private readonly all = new Set<Circuit>()
  private readonly outside = new Set<Circuit>()
  private readonly streams: CircuitStreams
  private readonly http = new HttpRequests()

  constructor(options: ClientCircuitsOptions) {
    this.options = options
    this.owned = new OwnedCircuits(options.prefix, options.counters)
    this.streams = new CircuitStreams(options)
  }

  receive(link: Link, packet: Uint8Array): void {
    this.owned.receive(link, packet)
  }

  linkClosed(link: Link): void {
    this.owned.linkClosed(link)
  }

  of(link: Link): Circuit[] {
    return [...this.all].filter((circuit) => circuit.link === link)
  }

  /** Ends those outside of the pool; the pool ends its own. */
  stop(): void {
    for (const circuit of [...this.outside]) circuit.destroy('unneeded')
  }

  /** A circuit of the pool, not started. */
  forPool(path: readonly PathRelay[], link: Link, pool: PoolEvents): Circuit {
    const { clock, counters, reliability } = this.options
    const probe = new SpeedProbe(clock, (bytesPerSecond) => {
      for (const relay of path) reliability.measured(relay, bytesPerSecond)
    })
    const circuit: Circuit = this.make(path, link, {
      changed: () => pool.changed(),
      ready: () => {
        pool.ready()
        // Stock relays answer tests only if asked to by a flag of their own.
        if (path.every((relay) => relay.culvert)) probe.start(circuit)
      },
      suspected: () => {
        this.options.suspected(circuit)
        pool.suspected()
      },
      datagram: (from, origin, data) => this.options.datagram(from, origin, data),
      ...this.streams.events,
      ...this.http.events,
      tested: (_, identifier, data) => probe.tested(identifier, data),
      closed: (_, reason) => {
        counters.add(`client-circuit-${reason}`)
        const streams = this.streams.take(circuit)
        pool.closed()
        streams?.circuitClosed()
      },
    })
    return circuit
  }

  /** A circuit that is nobody's but its owner's; started. */
  own(
    entries: readonly Entry[],
    relays: readonly PathRelay[],
    { hops, last, avoid, events }: OwnPath,
  ): Circuit | undefined {
    const { reliability } = this.options
    if (this.outside.size >= MAX_OWN_CIRCUITS) return undefined
    for (const entry of entries) {
      const path = selectPath({
        entry: entry.relay,
        hops,
        relays,
        ...this.rule,
        avoid,
        ...(last && { last }),
      })
      if (typeof path === 'string') continue
      const own: Partial<CircuitEvents> = {
        ...events,
        ready: (ready) => {
          for (const relay of path) reliability.succeeded(relay)
          events.ready?.(ready)
        },
        suspected: (silent) => {
          this.options.suspected(silent)
          events.suspected?.(silent)
        },
        closed: (closed, reason) => {
          blamed(reliability, closed, path)
          this.outside.delete(closed)
          events.closed?.(closed, reason)
        },
      }
      const circuit = this.make(path, entry.link, own, { hopTimeoutMs: OWN_HOP_TIMEOUT_MS })
      this.outside.add(circuit)
      circuit.start()
      return circuit
    }
    return undefined
  }

  /** One of `relays` for two circuits to meet at. */
  rendezvousPoint(
    relays: readonly PathRelay[],
    aside: { readonly guards: readonly PathRelay[]; readonly avoid: readonly PathRelay[] },
  ): PathRelay | undefined {
    return drawRendezvousPoint({ ...this.rule, ...aside }, relays)
  }

  private get rule(): Omit<DrawRequest, 'avoid'> & { readonly wishes: PathWishes | undefined } {
    const { networkBits, reliability, random, wishes } = this.options
    return {
      networkBits,
      factor: (relay) => reliability.factor(relay),
      resting: (relay) => reliability.resting(relay),
      measured: (relay) => reliability.bytesPerSecond(relay),
      wishes,
      random,
    }
  }

  /** What opens TCP connections at the exit of a circuit of the pool. At a stock exit, which has none, they fail at once. */
  opener(circuit: Circuit, exit: PathRelay | undefined): StreamOpener | undefined {
    if (exit?.exit === 'datagram') return refusedStream(this.options.clock, 'not-an-exit')
    return this.all.has(circuit) ? this.streams.on(circuit).open : undefined
  }

  /** Has the exit of a circuit of the pool ask one thing by HTTP; undefined where it asks nothing, or no answer came. */
  async httpRequest(
    circuit: Circuit,
    exit: PathRelay | undefined,
    destination: Address,
    request: Uint8Array,
  ): Promise<Uint8Array | undefined> {
    return exit?.http === true ? this.http.ask(circuit, destination, request) : undefined
  }

  /** Ends the streams of a circuit that is silent; should it recover, it begins anew. */
  abandon(circuit: Circuit): void {
    this.streams.take(circuit)?.circuitClosed()
  }

  private make(
    path: readonly PathRelay[],
    link: Link,
    events: Partial<CircuitEvents>,
    settings: Partial<CircuitSettings> = {},
  ): Circuit {
    const { clock, random, aead, counters, prefix } = this.options
    const nothing = () => undefined
    const circuit = new Circuit({
      keyPair: KeyPair.generate(random),
      path: path.map(pathHop),
      link,
      prefix,
      clock,
      random,
      aead,
      counters,
      settings,
      events: {
        changed: nothing,
        ready: nothing,
        datagram: nothing,
        stream: nothing,
        streamReset: nothing,
        ...events,
        closed: (closed, reason) => {
          this.owned.remove(closed)
          this.all.delete(closed)
          events.closed?.(closed, reason)
        },
      },
    })
    this.owned.add(circuit)
    this.all.add(circuit)
    return circuit
  }
}
