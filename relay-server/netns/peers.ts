import { formatAddress, type IpAddress } from '../../shared/bytes/address.ts'
import { toHex } from '../../shared/bytes/bytes.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import { nobleAead } from '../../shared/crypto/noble-aead.ts'
import { KeyPair } from '../../shared/identity/keys.ts'
import { FLAG_RELAY, FLAG_SPEED_TEST } from '../../shared/ipv8/constants.ts'
import { messageIdOf, prefixOf } from '../../shared/ipv8/packet.ts'
import { Walker } from '../../shared/ipv8/walker.ts'
import { Circuit } from '../../shared/onion/circuit.ts'
import { MESSAGE } from '../../shared/onion/constants.ts'
import { OwnedCircuits } from '../../shared/onion/owned-circuits.ts'
import { Router } from '../../shared/onion/router.ts'
import { Counters } from '../../shared/world/counters.ts'
import { UdpLinks } from '../links/udp.ts'
import { NodeClock } from '../node-clock.ts'
import { NodeRandom } from '../node-random.ts'
import { COMMUNITY } from './peers-community.ts'
import { answerCalls, inheritedSocket } from './remote.ts'

/** Relays without gateway, directory and exit, one at each inherited socket, for tests of how they meet: see `remote.ts`. */

export interface PeerSpec {
  readonly name: string
  /** Its own address, and the one peer that it knows to begin with. */
  readonly lan: IpAddress
  readonly bootstrap?: IpAddress
}

/** What a peer knows of the others: their names, and where it reaches them, as `host:port`. */
export type Acquaintances = Readonly<Record<string, string>>

export interface CircuitReport {
  /** `ready`, or why it closed. */
  readonly state: string
  /** Whether the last hop sent back what it was asked for. */
  readonly answered: boolean
}

const clock = new NodeClock()
const random = new NodeRandom()
const PREFIX = prefixOf(COMMUNITY)
const TEST_BYTES = 600

class TestPeer {
  readonly name: string
  readonly keyPair = KeyPair.generate(random)
  readonly counters = new Counters()
  readonly walker: Walker
  private readonly links: UdpLinks
  private readonly router: Router
  private readonly owned: OwnedCircuits

  static async start(index: number, spec: PeerSpec): Promise<TestPeer> {
    const socket = await inheritedSocket(index)
    return new TestPeer(spec, (options) => UdpLinks.over(socket, options))
  }

  private constructor(spec: PeerSpec, open: (options: Parameters<typeof UdpLinks.over>[1]) => UdpLinks) {
    this.name = spec.name
    const { keyPair, counters } = this
    const flags = FLAG_RELAY | FLAG_SPEED_TEST
    this.links = open({
      clock,
      random,
      counters,
      onPacket: (link, packet) => {
        const id = messageIdOf(packet, PREFIX)
        if (id !== MESSAGE.cell && id !== MESSAGE.destroy) this.walker.receive(link.address, packet)
        else if (!this.owned.receive(link, packet)) this.router.receive(link, packet)
      },
    })
    this.owned = new OwnedCircuits(PREFIX, counters)
    this.router = new Router({
      keyPair,
      prefix: PREFIX,
      clock,
      random,
      aead: nobleAead,
      counters,
      flags,
      linkTo: (address) => this.links.linkTo(address),
      mayExtendTo: () => true,
      exit: undefined,
      candidates: () => ({ relays: [], exits: [] }),
    })
    this.walker = new Walker({
      keyPair,
      communityId: COMMUNITY,
      clock,
      random,
      counters,
      flags,
      addresses: { lan: spec.lan },
      send: (address, packet) => this.links.linkTo(address)?.send(packet, 0),
    })
    if (spec.bootstrap) this.walker.addBootstrap([spec.bootstrap])
    this.walker.start()
  }

  /** Builds a circuit and has its last hop answer. `path` names each hop with the address that the one before it uses. */
  async build(
    path: readonly { readonly peer: TestPeer; readonly address: IpAddress }[],
  ): Promise<CircuitReport> {
    const [first] = path
    const link = first && this.links.linkTo(first.address)
    if (!link) throw new CulvertError('netns-peers', `${this.name} has no link to its first hop`)
    return new Promise((resolve) => {
      const end = (answered: boolean, why?: string) => {
        resolve({ state: why ?? circuit.state, answered })
        circuit.destroy('unneeded')
        this.owned.remove(circuit)
      }
      const nothing = () => undefined
      const circuit = new Circuit({
        keyPair: KeyPair.generate(random),
        path: path.map(({ peer, address }) => ({
          publicKey: peer.keyPair.publicKey,
          address,
          name: peer.name,
        })),
        link,
        prefix: PREFIX,
        clock,
        random,
        aead: nobleAead,
        counters: this.counters,
        events: {
          changed: nothing,
          datagram: nothing,
          stream: nothing,
          streamReset: nothing,
          ready: () => circuit.sendTest(TEST_BYTES, new Uint8Array(TEST_BYTES)),
          tested: (_, __, data) => end(data.length === TEST_BYTES),
          closed: (_, reason) => end(false, reason),
        },
      })
      this.owned.add(circuit)
      circuit.start()
    })
  }
}

const peers = new Map<string, TestPeer>()

function named(name: string): TestPeer {
  const found = peers.get(name)
  if (!found) throw new CulvertError('netns-peers', `there is no peer ${name}`)
  return found
}

function addressAt(from: TestPeer, of: TestPeer): IpAddress {
  const known = from.walker.peers().find(({ publicKey }) => publicKey.equals(of.keyPair.publicKey))
  if (!known) throw new CulvertError('netns-peers', `${from.name} does not know ${of.name}`)
  return known.address
}

answerCalls({
  async start(index: number, spec: PeerSpec) {
    peers.set(spec.name, await TestPeer.start(index, spec))
  },
  acquaintances(of: string): Acquaintances {
    const names = new Map(
      [...peers.values()].map(({ name, keyPair }) => [toHex(keyPair.publicKey.mid), name]),
    )
    return Object.fromEntries(
      named(of)
        .walker.peers()
        .map(({ publicKey, address }) => [names.get(toHex(publicKey.mid)) ?? '?', formatAddress(address)]),
    )
  },
  status: (of: string) => named(of).walker.status,
  counters: (of: string) => named(of).counters.snapshot(),
  /** A circuit of `owner` through the peers of `path`; each hop reaches the next where it knows it. */
  circuit(owner: string, path: readonly string[]): Promise<CircuitReport> {
    const hops = path.map(named)
    return named(owner).build(
      hops.map((peer, i) => ({ peer, address: addressAt(hops[i - 1] ?? named(owner), peer) })),
    )
  },
})
