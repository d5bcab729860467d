import { formatAddress, type IpAddress } from '../bytes/address.ts'
import { nobleAead } from '../crypto/noble-aead.ts'
import { KeyPair } from '../identity/keys.ts'
import { FLAG_RELAY } from '../ipv8/constants.ts'
import { messageIdOf } from '../ipv8/packet.ts'
import { Circuit } from '../onion/circuit.ts'
import { MESSAGE } from '../onion/constants.ts'
import type { ExitCircuit, ExitPort } from '../onion/exit-port.ts'
import type { PathHop } from '../onion/hop.ts'
import { PREFIX, TestNet } from '../onion/onion.fixture.ts'
import { OwnedCircuits } from '../onion/owned-circuits.ts'
import { Router } from '../onion/router.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { shuffled } from '../world/random.ts'
import { HiddenDownloader } from './downloader.ts'
import type { HiddenCircuits } from './hidden-circuits.ts'
import { HiddenExit } from './hidden-exit.ts'
import type { HiddenPeer, HiddenPeerEvents } from './hidden-peer.ts'
import { HiddenRelay } from './hidden-relay.ts'
import { HiddenSeeder } from './seeder.ts'
import type { HiddenSwarmOptions } from './swarm-options.ts'

export const HASH = new Uint8Array(20).fill(5)

export interface LabRelay extends PathHop {
  readonly router: Router
  readonly hidden: HiddenRelay
  readonly counters: Counters
  /** Datagrams that left this relay by a socket of its exit. */
  exited: number
  /** False: it takes nobody's circuit any further. */
  extends: boolean
}

/** Relays with hidden services and owners, on a virtual clock; 10 ms a link. Exits pass the community's own packets alone. */
export class HiddenLab {
  readonly clock = new VirtualClock()
  readonly net = new TestNet(this.clock)
  readonly random = new SeededRandom(7)
  readonly relays: LabRelay[] = []
  private owners = 0

  /** @param hosts of the relays in turn; all of one network if left out */
  constructor(relays: number, hosts?: readonly string[]) {
    for (let i = 0; i < relays; i++) this.relay(hosts?.[i])
  }

  relay(host?: string): LabRelay {
    const { clock, random } = this
    const n = this.relays.length + 1
    const address: IpAddress = { kind: 'ipv4', host: host ?? `198.51.${n}.7`, port: 7000 + n }
    const keyPair = KeyPair.generate(random)
    const counters = new Counters()
    const hidden = new HiddenRelay({
      publicKey: keyPair.publicKey,
      prefix: PREFIX,
      clock,
      random,
      counters,
      addresses: () => [address],
      join: (a, b) => router.join(a, b),
      neighbours: {
        relays: () => this.relays.filter((relay) => relay !== made),
        own: () => made,
        linkTo: (to) => this.net.link(address, to),
      },
    })
    const router: Router = new Router({
      keyPair,
      prefix: PREFIX,
      clock,
      random,
      aead: nobleAead,
      counters,
      flags: FLAG_RELAY,
      linkTo: (to) => this.net.link(address, to),
      mayExtendTo: () => made.extends,
      exit: new HiddenExit({
        services: hidden,
        exit: this.exit(address.host, () => {
          made.exited++
        }),
        prefix: PREFIX,
        counters,
        packetsOnly: true,
      }),
      services: hidden,
      candidates: () => ({ relays: [], exits: [] }),
    })
    this.net.add({
      address,
      receive: (link, packet) => {
        const id = messageIdOf(packet, PREFIX)
        if (id === MESSAGE.cell || id === MESSAGE.destroy) router.receive(link, packet)
        else router.receivePacket(link, packet)
      },
    })
    const made: LabRelay = {
      publicKey: keyPair.publicKey,
      address,
      name: `relay ${n}`,
      culvert: true,
      router,
      hidden,
      counters,
      exited: 0,
      extends: true,
    }
    this.relays.push(made)
    return made
  }

  /** A socket for each circuit, as stock relays have them for packets of their own community. */
  private exit(host: string, onSend: () => void): ExitPort {
    const sockets = new Map<ExitCircuit, IpAddress>()
    return {
      datagram: (circuit, destination, data) => {
        let from = sockets.get(circuit)
        if (!from) {
          from = { kind: 'ipv4', host, port: 40_000 + sockets.size }
          sockets.set(circuit, from)
          this.net.add({
            address: from,
            receive: (link, packet) => circuit.sendDatagram(link.address as IpAddress, packet),
          })
        }
        onSend()
        this.net.link(from, destination as IpAddress).send(data, 0)
      },
      stream: () => undefined,
      ended: (circuit) => {
        sockets.delete(circuit)
      },
    }
  }

  /** Somebody with circuits of `hops` hops over a link of their own. */
  owner(hops = 3): LabOwner {
    return new LabOwner(this, { kind: 'ipv4', host: `192.0.2.${++this.owners}`, port: 1000 }, hops)
  }
}

export class LabOwner implements HiddenCircuits {
  readonly counters = new Counters()
  /** What happened, as text; datagrams as their text. */
  readonly events: string[] = []
  readonly peers: HiddenPeer[] = []
  /** Circuits begun, by the name of their last hop. */
  readonly built: string[] = []
  readonly circuits: Circuit[] = []
  onDatagram: HiddenPeerEvents['datagram'] = (_, data) =>
    void this.events.push(`datagram ${String.fromCharCode(...data)}`)
  private readonly lab: HiddenLab
  private readonly address: IpAddress
  private readonly hops: number
  private readonly owned: OwnedCircuits
  private readonly restsUntilMs = new Map<string, number>()

  constructor(lab: HiddenLab, address: IpAddress, hops: number) {
    this.lab = lab
    this.address = address
    this.hops = hops
    this.owned = new OwnedCircuits(PREFIX, this.counters)
    lab.net.add({ address, receive: (link, packet) => this.owned.receive(link, packet) })
  }

  swarm(infoHash: Uint8Array): HiddenSwarmOptions {
    const { clock, random } = this.lab
    return {
      infoHash,
      circuits: this,
      prefix: PREFIX,
      clock,
      random,
      aead: nobleAead,
      counters: this.counters,
      events: {
        opened: (peer) => {
          this.peers.push(peer)
          this.events.push(`opened ${peer.role}`)
        },
        datagram: (peer, data) => this.onDatagram(peer, data),
        closed: (peer) => void this.events.push(`closed ${peer.role}`),
      },
    }
  }

  relays(): readonly PathHop[] {
    return this.lab.relays
  }

  rendezvousPoint(tried: readonly PathHop[]): PathHop | undefined {
    const left = this.lab.relays.filter((relay) => !tried.includes(relay))
    const rested = left.filter((relay) => !this.isResting(relay))
    return shuffled(this.lab.random, rested.length > 0 ? rested : left)[0]
  }

  isResting(relay: PathHop): boolean {
    return this.lab.clock.now() < (this.restsUntilMs.get(formatAddress(relay.address)) ?? 0)
  }

  build(last: PathHop, events: ConstructorParameters<typeof Circuit>[0]['events']): Circuit | undefined {
    const { clock, random, relays } = this.lab
    const before = shuffled(random, relays).filter(
      (relay) => formatAddress(relay.address) !== formatAddress(last.address) && !this.isResting(relay),
    )
    const path: PathHop[] = [...before.slice(0, this.hops - 1), last]
    const [first] = path
    if (!first) return undefined
    this.built.push(last.name)
    const circuit = new Circuit({
      keyPair: KeyPair.generate(random),
      path,
      link: this.lab.net.link(this.address, first.address),
      prefix: PREFIX,
      clock,
      random,
      aead: nobleAead,
      counters: this.counters,
      settings: { hopTimeoutMs: 5_000 },
      events: {
        ...events,
        closed: (closed, reason) => {
          this.owned.remove(closed)
          const failed = closed.failedHop === undefined ? undefined : path[closed.failedHop]
          if (failed && !closed.refusedByPrevious)
            this.restsUntilMs.set(formatAddress(failed.address), clock.now() + 60_000)
          this.counters.add(`closed-${reason}`)
          events.closed(closed, reason)
        },
      },
    })
    this.owned.add(circuit)
    this.circuits.push(circuit)
    circuit.start()
    return circuit
  }
}

/** Somebody who seeds, and has had two seconds to be introduced. */
export function seeding(lab: HiddenLab, hops = 3, hash = HASH) {
  const owner = lab.owner(hops)
  const seeder = new HiddenSeeder(owner.swarm(hash))
  seeder.start()
  lab.clock.advance(2_000)
  return { owner, seeder }
}

/** Somebody who has looked for seeders for three seconds. */
export function downloading(lab: HiddenLab, hops = 3, hash = HASH) {
  const owner = lab.owner(hops)
  const downloader = new HiddenDownloader(owner.swarm(hash))
  downloader.start()
  lab.clock.advance(3_000)
  return { owner, downloader }
}
