import type { IpAddress } from '../../bytes/address.ts'
import { toHex } from '../../bytes/bytes.ts'
import type { Aead } from '../../crypto/aead.ts'
import { CircuitLinks } from '../../directory/circuit-links.ts'
import { Directory } from '../../directory/directory.ts'
import { DirectoryExchange } from '../../directory/exchange.ts'
import { HiddenExit } from '../../hidden/hidden-exit.ts'
import { HiddenRelay } from '../../hidden/hidden-relay.ts'
import { isHiddenPacket } from '../../hidden/packets.ts'
import { KeyPair } from '../../identity/keys.ts'
import {
  FLAG_EXIT_BITTORRENT,
  FLAG_RELAY,
  FLAG_SPEED_TEST,
  TUNNEL_COMMUNITY_ID,
} from '../../ipv8/constants.ts'
import { messageIdOf } from '../../ipv8/packet.ts'
import { Walker } from '../../ipv8/walker.ts'
import { DhtCommunity } from '../../ipv8-dht/dht-community.ts'
import { isControl } from '../../link/control.ts'
import { DatagramWires } from '../../link/datagram-wires.ts'
import { isFragment, Reassembly } from '../../link/fragment.ts'
import type { Link } from '../../link/link.ts'
import { Neighbour } from '../../link/neighbour.ts'
import { SignalEnd } from '../../link/signalling.ts'
import { isSignalTo, SignalForwarder } from '../../link/signalling-forwarder.ts'
import type { Wire } from '../../link/wire.ts'
import { MESSAGE } from '../../onion/constants.ts'
import type { ExitCircuit, ExitPort } from '../../onion/exit-port.ts'
import { Router } from '../../onion/router.ts'
import { ProofExchange } from '../../trust/proof.ts'
import { RequestLimit } from '../../trust/request-limit.ts'
import type { Clock } from '../../world/clock.ts'
import type { Counters } from '../../world/counters.ts'
import type { Random } from '../../world/random.ts'
import { TUNNEL } from './corpus.fixture.ts'
import { NETWORK } from './link-control.fixture.ts'

/** What machines are handed. */
export interface NodeWorld {
  readonly clock: Clock
  readonly random: Random
  readonly aead: Aead
  readonly counters: Counters
}

/** One direction of a wire that delivers at once. */
export class FuzzLink implements Link {
  readonly kind = 'udp'
  readonly mtu = 1_600
  readonly address: IpAddress
  open = true
  bytes = 0
  deliver: (packet: Uint8Array) => void = () => undefined

  constructor(address: IpAddress) {
    this.address = address
  }

  send(packet: Uint8Array): void {
    this.bytes += packet.length
    this.deliver(packet)
  }

  close(): void {
    this.open = false
  }
}

export const ip = (host: string): IpAddress => ({ kind: 'ipv4', host, port: 7_759 })

/** An exit that sends everything back. */
const echo: ExitPort = {
  datagram: (circuit: ExitCircuit, destination, data) => {
    if (destination.kind !== 'domain') circuit.sendDatagram(destination, data)
  },
  stream: (circuit, destination, packet) => circuit.sendStream(destination, packet),
  ended: () => undefined,
}

/** All machines of one relay, put together as relay-server does it. */
export class FuzzNode {
  readonly keyPair: KeyPair
  readonly router: Router
  readonly walker: Walker
  readonly directory: Directory
  readonly dht = new DhtCommunity()
  private readonly exchange: DirectoryExchange
  private readonly proofs: ProofExchange
  private readonly counters: Counters
  private readonly reassembly: Reassembly
  private readonly wires: DatagramWires
  /** By mid, as text: who has proved his key over datagrams. */
  private readonly neighbours = new Map<string, Neighbour>()
  private readonly signals: SignalEnd<Neighbour>
  private readonly forwarder: SignalForwarder<Neighbour>

  constructor(world: NodeWorld, linkTo: (address: IpAddress) => Link | undefined) {
    const { clock, random, aead, counters } = world
    this.counters = counters
    this.reassembly = new Reassembly({ clock, counters })
    this.keyPair = KeyPair.generate(random)
    this.directory = new Directory({ network: NETWORK, clock, counters, self: this.keyPair.publicKey })
    const own = () => undefined
    const record = { mid: this.keyPair.publicKey.mid, checks: 31, score: 100, reputation: 50, age: 1 }
    this.exchange = new DirectoryExchange({
      directory: this.directory,
      own,
      verdicts: () => [record],
      tellsDrops: true,
      clock,
      random,
      counters,
    })
    const circuitLinks = new CircuitLinks({ clock, counters }, (link, packet) =>
      this.exchange.receive(link, packet),
    )
    this.proofs = new ProofExchange({
      keyPair: this.keyPair,
      network: NETWORK,
      isOwn: () => undefined,
      clock,
      random,
      counters,
      limit: new RequestLimit(clock),
    })
    const flags = FLAG_RELAY | FLAG_EXIT_BITTORRENT | FLAG_SPEED_TEST
    this.walker = new Walker({
      keyPair: this.keyPair,
      communityId: TUNNEL_COMMUNITY_ID,
      clock,
      random,
      counters,
      flags,
      addresses: { lan: ip('10.0.0.1'), wan: ip('198.51.100.1') },
      send: (address, packet) => linkTo(address)?.send(packet, 0),
      beside: this.dht,
    })
    const services = new HiddenRelay({
      ...{ publicKey: this.keyPair.publicKey, prefix: TUNNEL, clock, random, counters },
      addresses: () => [ip('198.51.100.1')],
      join: (a, b) => this.router.join(a, b),
      dht: { node: () => this.dht.node, mayReach: () => true },
    })
    this.router = new Router({
      directory: circuitLinks.receive,
      keyPair: this.keyPair,
      prefix: TUNNEL,
      clock,
      random,
      aead,
      counters,
      flags,
      linkTo,
      mayExtendTo: () => true,
      exit: new HiddenExit({ services, exit: echo, prefix: TUNNEL, counters, packetsOnly: false }),
      services,
      candidates: () => ({ relays: [], exits: [] }),
    })
    this.wires = new DatagramWires({
      ...{ keyPair: this.keyPair, network: NETWORK, clock, random, counters },
      onWire: (wire) => this.met(world, wire),
    })
    this.signals = new SignalEnd({
      ...{ clock, random, counters, ownMid: this.keyPair.publicKey.mid },
      send: (neighbour, body) => neighbour.sendSignal(body),
      onCall: () => ({
        onDescription: () => undefined,
        onCandidate: () => undefined,
        onEnd: () => undefined,
      }),
    })
    this.forwarder = new SignalForwarder({
      ...{ clock, counters, midOf: (neighbour: Neighbour) => neighbour.publicKey.mid },
      wayTo: () => [...this.neighbours.values()][0],
      send: (neighbour, body) => neighbour.sendSignal(body),
    })
    this.walker.start()
  }

  receive(link: Link, datagram: Uint8Array): void {
    const packet = isFragment(datagram) ? this.reassembly.receive(link, datagram) : datagram
    if (!packet) return
    if (isControl(packet)) {
      this.wires.receive(link, packet)
      return
    }
    const id = messageIdOf(packet, TUNNEL)
    if (id === MESSAGE.cell || id === MESSAGE.destroy) this.router.receive(link, packet)
    else if (id !== undefined && isHiddenPacket(id)) this.router.receivePacket(link, packet)
    else if (id === undefined && this.proofs.receive(link, packet)) return
    else if (id === undefined && this.exchange.receive(link, packet)) return
    else if (this.walker.receive(link.address as IpAddress, packet)) return
    else this.counters.add('relay-foreign-packet')
  }

  /** Wires and sessions with those who have proved their keys. */
  get neighbourCount(): number {
    return this.neighbours.size
  }

  private met({ clock, random, counters }: NodeWorld, wire: Wire): void {
    const key = toHex(wire.neighbour.mid)
    const known = this.neighbours.get(key)
    if (known) {
      known.add(wire)
      return
    }
    const neighbour = new Neighbour({
      ...{ publicKey: wire.neighbour, self: this.keyPair.publicKey, clock, random, counters },
      inUse: () => false,
      onPacket: () => undefined,
      onClosed: (closed) => {
        this.neighbours.delete(key)
        this.signals.lost(closed)
        this.forwarder.lost(closed)
      },
      onSignal: (from, body) => {
        if (isSignalTo(this.keyPair.publicKey.mid, body)) this.signals.receive(from, body)
        else this.forwarder.receive(from, body)
      },
    })
    this.neighbours.set(key, neighbour)
    neighbour.add(wire)
  }
}
