import { formatAddress } from '../shared/bytes/address.ts'
import { nobleAead } from '../shared/crypto/noble-aead.ts'
import type { HiddenCircuits } from '../shared/hidden/hidden-circuits.ts'
import type { HiddenPeer } from '../shared/hidden/hidden-peer.ts'
import type { HiddenSwarmOptions } from '../shared/hidden/swarm-options.ts'
import { KeyPair } from '../shared/identity/keys.ts'
import { prefixOf } from '../shared/ipv8/packet.ts'
import { Circuit } from '../shared/onion/circuit.ts'
import type { CircuitEvents } from '../shared/onion/circuit-options.ts'
import type { PathHop } from '../shared/onion/hop.ts'
import { OwnedCircuits } from '../shared/onion/owned-circuits.ts'
import { Counters } from '../shared/world/counters.ts'
import { UdpLinks } from './links/udp.ts'
import { COMMUNITY, clock, random } from './relay.fixture.ts'

const prefix = prefixOf(COMMUNITY)

/** Somebody with a UDP socket and circuits of two hops. */
export class HiddenOwner implements HiddenCircuits {
  readonly counters = new Counters()
  readonly peers: HiddenPeer[] = []
  readonly got: string[] = []
  private readonly owned = new OwnedCircuits(prefix, this.counters)
  private readonly infoHash: Uint8Array
  private readonly hops: () => readonly PathHop[]
  private links: UdpLinks | undefined

  /** @param hops all relays there are */
  constructor(infoHash: Uint8Array, hops: () => readonly PathHop[]) {
    this.infoHash = infoHash
    this.hops = hops
  }

  async bind(host: string): Promise<this> {
    this.links = await UdpLinks.bind(host, 0, {
      clock,
      random,
      counters: this.counters,
      onPacket: (link, packet) => {
        this.owned.receive(link, packet)
      },
    })
    return this
  }

  async close(): Promise<void> {
    await this.links?.close()
  }

  relays(): readonly PathHop[] {
    return this.hops()
  }

  rendezvousPoint(tried: readonly PathHop[]): PathHop | undefined {
    return this.relays().find((hop) => !tried.includes(hop))
  }

  isResting(): boolean {
    return false
  }

  build(last: PathHop, events: CircuitEvents): Circuit | undefined {
    const first = this.relays().find((hop) => formatAddress(hop.address) !== formatAddress(last.address))
    const link = first && this.links?.linkTo(first.address)
    if (!first || !link) return undefined
    const circuit = new Circuit({
      keyPair: KeyPair.generate(random),
      path: [first, last],
      link,
      prefix,
      clock,
      random,
      aead: nobleAead,
      counters: this.counters,
      events: {
        ...events,
        closed: (closed, reason) => {
          this.owned.remove(closed)
          events.closed(closed, reason)
        },
      },
    })
    this.owned.add(circuit)
    circuit.start()
    return circuit
  }

  get swarm(): HiddenSwarmOptions {
    return {
      infoHash: this.infoHash,
      circuits: this,
      prefix,
      clock,
      random,
      aead: nobleAead,
      counters: this.counters,
      events: {
        opened: (peer) => this.peers.push(peer),
        datagram: (_, data) => this.got.push(Buffer.from(data).toString()),
        closed: () => undefined,
      },
    }
  }
}
