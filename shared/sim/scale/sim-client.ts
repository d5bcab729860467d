import type { IpAddress } from '../../bytes/address.ts'
import type { EntryRelay } from '../../client/entry-links.ts'
import { PrivateNetwork } from '../../client/private-network.ts'
import type { Aead } from '../../crypto/aead.ts'
import { TUNNEL_COMMUNITY_ID } from '../../ipv8/constants.ts'
import type { Link } from '../../link/link.ts'
import type { Circuit } from '../../onion/circuit.ts'
import type { GuardStore } from '../../path/guards.ts'
import { NETWORK_BITS } from '../../path/relay.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import type { Counters } from '../../world/counters.ts'
import { type MeshNode, MeshStream } from '../mesh.ts'
import type { SeededRandom } from '../seeded-random.ts'
import type { DescriptorCache } from './descriptor-cache.ts'
import { SIM_NETWORK, type SimRelay } from './sim-relay.ts'

const SOMEBODY: IpAddress = { kind: 'ipv4', host: '203.0.113.1', port: 6881 }
const TRAFFIC_BYTES = 200
/** How long a connection to a machine that is off takes to fail; one to a machine without the program fails at once. */
const CONNECT_TIMEOUT_MS = 10_000

/** What happened to circuits, all clients together. Times in milliseconds. */
export class CircuitLog {
  built = 0
  /** Because of a hop; rivals that were not needed any more are neither built nor failed. */
  failed = 0
  readonly buildMs: number[] = []
  /** From the start of a session to its first circuit. */
  readonly firstCircuitMs: number[] = []
  /** From the death of a relay in the circuit in use to the use of another. */
  readonly repairMs: number[] = []
  readonly entryChanges: number[] = []
  sentDatagrams = 0
  receivedDatagrams = 0
  sessions = 0
  withoutCircuit = 0
}

export interface SimClientOptions {
  readonly node: MeshNode
  readonly clock: Clock
  readonly random: SeededRandom
  readonly aead: Aead
  readonly counters: Counters
  readonly log: CircuitLog
  readonly entries: readonly EntryRelay[]
  /** Kept from visit to visit. */
  readonly guards: GuardStore
  readonly minRelays: number
  readonly descriptors: DescriptorCache
  readonly trafficMs: number
  /** How often it asks its entry for what is new in the directory. */
  readonly refreshMs: number
  /** The program that answers at a gateway's URL; 'off' if the machine is silent, undefined if it refuses. */
  gateway(url: string): SimRelay | 'off' | undefined
}

/** One visit: a page's client of the network, the circuits that it builds, and light traffic through them. */
export class SimClient {
  readonly network: PrivateNetwork
  private readonly options: SimClientOptions
  readonly startedMs: number
  private readonly building = new Map<Circuit, number>()
  private readonly done = new WeakSet<Circuit>()
  private readonly links = new Set<MeshStream>()
  private traffic: Timer | undefined
  private firstAtMs: number | undefined
  private brokenAtMs: number | undefined
  /** Whether the present need has already seen a failure. */
  private stopping = false

  constructor(options: SimClientOptions) {
    const { clock, random, aead, counters, entries, guards } = options
    this.options = options
    this.startedMs = clock.now()
    this.network = new PrivateNetwork({
      clock,
      random,
      aead,
      counters,
      network: SIM_NETWORK,
      communityId: TUNNEL_COMMUNITY_ID,
      networkBits: NETWORK_BITS,
      hops: 3,
      entries,
      guardStore: guards,
      minRelays: options.minRelays,
      directoryRefreshMs: options.refreshMs,
      parseDescriptor: options.descriptors.parse,
      openLink: (relay, onPacket, onClosed) => this.openLink(relay, onPacket, onClosed),
      changed: () => this.look(),
      primaryChanged: () => this.look(),
    })
  }

  start(): void {
    const { log, clock, trafficMs, random } = this.options
    log.sessions++
    this.network.start()
    const socket = this.network.datagrams(() => {
      log.receivedDatagrams++
    })
    const send = () => {
      this.traffic = clock.after(trafficMs, send)
      if (this.firstAtMs === undefined) return
      log.sentDatagrams++
      socket.send(SOMEBODY, new Uint8Array(TRAFFIC_BYTES))
    }
    this.traffic = clock.after(random.fraction() * trafficMs, send)
  }

  stop(): void {
    this.stopping = true
    if (this.firstAtMs === undefined) this.options.log.withoutCircuit++
    this.traffic?.cancel()
    this.network.stop()
  }

  /** A relay has gone: is the circuit in use broken by it? */
  relayGone(keyOf: (relay: { readonly address: IpAddress }) => boolean): void {
    const [primary] = this.network.pooled()
    if (primary?.circuit.state !== 'ready' || this.brokenAtMs !== undefined) return
    if (primary.circuit.hops.some(keyOf)) {
      this.brokenAtMs = this.options.clock.now()
      this.broken = primary.circuit
    }
  }
  private broken: Circuit | undefined

  /** Notes what has become of the circuits since the last look. */
  private look(): void {
    if (this.stopping || this.network === undefined) return
    const { log, clock } = this.options
    const now = clock.now()
    const members = this.network.pooled()
    for (const { circuit } of members) {
      if (this.done.has(circuit)) continue
      if (circuit.state === 'extending' && !this.building.has(circuit)) {
        this.building.set(circuit, now)
      } else if (circuit.state === 'ready') {
        log.built++
        log.buildMs.push(now - (this.building.get(circuit) ?? now))
        this.building.delete(circuit)
        this.done.add(circuit)
      }
    }
    for (const circuit of this.building.keys()) {
      if (circuit.state !== 'closed') continue
      this.building.delete(circuit)
      this.done.add(circuit)
      if (circuit.failedHop === undefined) continue
      log.failed++
    }
    const primary = members[0]?.circuit
    if (primary?.state !== 'ready') return
    if (this.firstAtMs === undefined) {
      this.firstAtMs = now
      log.firstCircuitMs.push(now - this.startedMs)
    }
    if (this.brokenAtMs !== undefined && primary !== this.broken) {
      log.repairMs.push(now - this.brokenAtMs)
      this.brokenAtMs = undefined
      this.broken = undefined
    }
  }

  /** A WebSocket: connection and handshake take two round trips. */
  private openLink(
    relay: EntryRelay,
    onPacket: (link: Link, packet: Uint8Array) => void,
    onClosed: (link: Link) => void,
  ): Promise<Link> {
    const { node, clock, gateway } = this.options
    return new Promise((resolve, reject) => {
      const program = gateway(relay.url)
      if (program === 'off' || program === undefined) {
        clock.after(program === 'off' ? CONNECT_TIMEOUT_MS : 100, () => reject(new RangeError('no answer')))
        return
      }
      const there = program.options.node
      clock.after(4 * node.delayTo(there), () => {
        const behind = program.gateway()
        const near = new MeshStream(node, there, onPacket, onClosed)
        const far = new MeshStream(there, node, behind.receive, behind.closed)
        near.other = far
        far.other = near
        if (gateway(relay.url) !== program) {
          reject(new RangeError('gone'))
          return
        }
        program.adopt(far)
        this.links.add(near)
        resolve(near)
      })
    })
  }
}
