import { type IpAddress, sameAddress } from '../../bytes/address.ts'
import type { Aead } from '../../crypto/aead.ts'
import { signDescriptor } from '../../directory/descriptor.ts'
import { Directory } from '../../directory/directory.ts'
import { DirectoryExchange } from '../../directory/exchange.ts'
import type { KeyPair } from '../../identity/keys.ts'
import {
  FLAG_EXIT_BITTORRENT,
  FLAG_EXIT_STREAM,
  FLAG_RELAY,
  FLAG_SPEED_TEST,
  TUNNEL_COMMUNITY_ID,
  type WalkSettings,
} from '../../ipv8/constants.ts'
import { messageIdOf, prefixOf } from '../../ipv8/packet.ts'
import { Walker } from '../../ipv8/walker.ts'
import type { Link } from '../../link/link.ts'
import type { Candidate, Candidates } from '../../onion/candidates.ts'
import { MESSAGE } from '../../onion/constants.ts'
import type { ExitPort } from '../../onion/exit-port.ts'
import { Router } from '../../onion/router.ts'
import type { StreamOpener } from '../../stream/byte-stream.ts'
import { StreamServer } from '../../stream/stream-server.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import { Counters } from '../../world/counters.ts'
import { pick } from '../../world/random.ts'
import type { MeshNode, MeshStream } from '../mesh.ts'
import type { SeededRandom } from '../seeded-random.ts'
import type { DescriptorCache } from './descriptor-cache.ts'

export const SIM_NETWORK = 'simulated'

const PREFIX = prefixOf(TUNNEL_COMMUNITY_ID)
/** As relay-server/own-descriptor.ts. */
const LIFETIME_S = 3 * 3_600
/** Rounds of the exchange, simpler than those of relay-server/discovery/exchange-source.ts. */
const FIRST_ROUND_MS = 250
const ASKED_PER_ROUND = 16
const ASKED_PER_LATE_ROUND = 2
/** The destination that the simulated exit answers for. */
const ANY_ADDRESS: IpAddress = { kind: 'ipv4', host: '203.0.113.1', port: 6881 }

export interface SimRelayOptions {
  readonly name: string
  readonly keyPair: KeyPair
  readonly node: MeshNode
  readonly exit: boolean
  readonly clock: Clock
  readonly random: SeededRandom
  readonly aead: Aead
  readonly bootstrap: readonly IpAddress[]
  readonly descriptors: DescriptorCache
  readonly exchangeMs: number
  /** How often a descriptor is signed anew. */
  readonly renewMs: number
  readonly walk: Partial<WalkSettings>
  readonly discovery: boolean
  /** Datagrams that the exit gives back for each one. */
  readonly answers: number
  /** What streams end at; without it they are not answered. */
  readonly opener?: StreamOpener
}

/** One life of a relay's program: the machines that relay-server puts together, on a simulated socket and gateway. */
export class SimRelay {
  readonly options: SimRelayOptions
  readonly counters = new Counters()
  readonly directory: Directory
  readonly walker: Walker
  readonly router: Router
  private readonly exchange: DirectoryExchange
  private readonly streams = new Set<MeshStream>()
  private signed: { bytes: Uint8Array; atMs: number } | undefined
  private timer: Timer | undefined
  private roundMs = FIRST_ROUND_MS

  constructor(options: SimRelayOptions) {
    const { clock, random, keyPair, node, aead, exit, bootstrap } = options
    const { counters } = this
    this.options = options
    const world = { clock, random, counters }
    const flags = FLAG_RELAY | FLAG_SPEED_TEST | (exit ? FLAG_EXIT_BITTORRENT : 0)
    this.directory = new Directory({
      ...world,
      network: SIM_NETWORK,
      self: keyPair.publicKey,
      parse: options.descriptors.parse,
    })
    this.exchange = new DirectoryExchange({
      ...world,
      directory: this.directory,
      own: () => this.own(),
      // Without a descriptor there are only stock peers, and here are none.
      neighbours: () => [],
    })
    this.walker = new Walker({
      ...world,
      keyPair,
      communityId: TUNNEL_COMMUNITY_ID,
      flags,
      addresses: { lan: node.address, wan: node.address },
      families: ['ipv4'],
      settings: options.walk,
      discovery: options.discovery,
      send: (address, packet) => node.linkTo(address)?.send(packet, 0),
    })
    this.walker.addBootstrap(bootstrap)
    this.router = new Router({
      ...world,
      keyPair,
      prefix: PREFIX,
      aead,
      flags,
      linkTo: (address) => node.linkTo(address),
      mayExtendTo: () => true,
      exit: exit ? this.exitPort() : undefined,
      candidates: () => this.candidates(),
    })
  }

  start(): void {
    this.options.node.receive = (link, packet) => this.receive(link, packet, true)
    this.walker.start()
    this.round()
  }

  /** @param silent as when its machine loses its power: nobody is told */
  end(silent: boolean): void {
    const { node } = this.options
    if (!silent) {
      this.router.stop()
      for (const stream of this.streams) stream.close('shutdown')
    }
    this.timer?.cancel()
    this.walker.stop()
    this.exchange.stop()
    node.receive = undefined
    node.forgetLinks()
    for (const stream of this.streams) stream.vanish()
  }

  /** The program runs again at the same place: who still writes to the one before learns that it is gone. */
  hangUp(): void {
    for (const stream of this.streams) stream.other?.shut()
  }

  /** What a page's link does at this end. */
  gateway(): { receive(link: Link, packet: Uint8Array): void; closed(link: Link): void } {
    return {
      receive: (link, packet) => this.receive(link, packet, false),
      closed: (link) => {
        this.streams.delete(link as MeshStream)
        this.router.linkClosed(link)
      },
    }
  }

  adopt(stream: MeshStream): void {
    this.streams.add(stream)
  }

  private receive(link: Link, packet: Uint8Array, isDatagram: boolean): void {
    const id = messageIdOf(packet, PREFIX)
    if (id === MESSAGE.cell || id === MESSAGE.destroy) this.router.receive(link, packet)
    else if (id === undefined && this.exchange.receive(link, packet)) return
    else if (isDatagram) this.walker.receive(link.address as IpAddress, packet)
  }

  private own(): Uint8Array {
    const { clock, keyPair, name, exit, node, renewMs } = this.options
    if (this.signed && clock.now() - this.signed.atMs < renewMs) return this.signed.bytes
    const exitFlags = exit ? FLAG_EXIT_BITTORRENT | FLAG_EXIT_STREAM : 0
    const fields = {
      nickname: name,
      flags: FLAG_RELAY | FLAG_SPEED_TEST | exitFlags,
      family: new Uint8Array(),
      udp: node.address,
      websocket: `ws://${node.address.host}:8080/relay`,
      bandwidth: 0,
      published: Math.floor(clock.wall() / 1000),
      lifetime: LIFETIME_S,
    }
    this.signed = { bytes: signDescriptor(fields, keyPair, SIM_NETWORK), atMs: clock.now() }
    return this.signed.bytes
  }

  private round(): void {
    const { clock, random, node, bootstrap, exchangeMs } = this.options
    const known = [...bootstrap, ...this.directory.list().flatMap(({ descriptor }) => descriptor.udp ?? [])]
    const asked = this.roundMs < exchangeMs ? ASKED_PER_ROUND : ASKED_PER_LATE_ROUND
    for (let i = 0; i < asked; i++) {
      const address = pick(random, known)
      if (!address || sameAddress(address, node.address)) continue
      const link = node.linkTo(address)
      if (link) this.exchange.fetchFrom(link, () => undefined)
    }
    this.timer = clock.after(this.roundMs, () => this.round())
    this.roundMs = Math.min(2 * this.roundMs, exchangeMs)
  }

  /** Peers of the walk; our owners choose their hops themselves, so that the directory need not be gone through. */
  private candidates(): Candidates {
    const relays: Candidate[] = []
    const exits: Candidate[] = []
    for (const { publicKey, address, flags } of this.walker.peers()) {
      if ((flags & FLAG_RELAY) === 0) continue
      if ((flags & FLAG_EXIT_BITTORRENT) !== 0) exits.push({ publicKey, address })
      else relays.push({ publicKey, address })
    }
    return { relays, exits }
  }

  private exitPort(): ExitPort {
    const { clock, random, opener } = this.options
    const streams = opener && new StreamServer({ clock, random, counters: this.counters, opener })
    return {
      datagram: (circuit, _destination, data) => {
        for (let i = 0; i < this.options.answers; i++) circuit.sendDatagram(ANY_ADDRESS, data)
      },
      stream: (circuit, destination, packet) => streams?.packet(circuit, destination, packet),
      ended: (circuit) => streams?.ended(circuit),
    }
  }
}
