import { addressOf, formatAddress, type IpAddress } from '../bytes/address.ts'
import { equalBytes } from '../bytes/bytes.ts'
import { nobleAead } from '../crypto/noble-aead.ts'
import { CircuitLinks } from '../directory/circuit-links.ts'
import { descriptorHead, signDescriptor } from '../directory/descriptor.ts'
import type { RelayAddresses } from '../directory/descriptor-addresses.ts'
import { Directory } from '../directory/directory.ts'
import { DirectoryExchange } from '../directory/exchange.ts'
import type { StockPeer } from '../directory/stock-peers.ts'
import type { VerdictRecord } from '../directory/verdict-record.ts'
import { KeyPair, type PublicKey } from '../identity/keys.ts'
import {
  FLAG_EXIT_BITTORRENT,
  FLAG_EXIT_HTTP,
  FLAG_EXIT_STREAM,
  FLAG_RELAY,
  TUNNEL_COMMUNITY_ID,
} from '../ipv8/constants.ts'
import type { Link } from '../link/link.ts'
import type { ExitPort } from '../onion/exit-port.ts'
import { PREFIX, TestNet } from '../onion/onion.fixture.ts'
import { Router } from '../onion/router.ts'
import type { Hops } from '../path/select.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import type { StreamOpener } from '../stream/byte-stream.ts'
import { StreamServer } from '../stream/stream-server.ts'
import { Counters } from '../world/counters.ts'
import { PrivateNetwork, type PrivateNetworkOptions } from './private-network.ts'

const NETWORK = 'test'
const HOME: IpAddress = { kind: 'ipv4', host: '192.0.2.1', port: 1000 }

export interface TestRelay {
  readonly name: string
  readonly keyPair: KeyPair
  readonly address: IpAddress
  readonly url: string
  readonly exit: boolean
  /** False once it was switched off. */
  running: boolean
  frozen: boolean
  /** Of all descriptors, those that it admits to know. */
  knows: (descriptors: readonly Uint8Array[]) => readonly Uint8Array[]
  /** What it says of others. */
  verdicts: VerdictRecord[]
}

/** Relays with real routers, directories and exits, and one client, on a virtual clock; 5 ms a link. */
export class TestNetwork {
  readonly clock = new VirtualClock()
  readonly net = new TestNet(this.clock)
  readonly random = new SeededRandom(11)
  readonly counters = new Counters()
  readonly relays: TestRelay[] = []
  /** What came out of exits, as `host:port text`. */
  readonly out: string[] = []
  /** What every relay says it walks with. */
  readonly stock: StockPeer[] = []
  /** Links that the client asked for, by the relay's name. */
  readonly opened: string[] = []
  private readonly home = new Map<string, { link: Link; receive(packet: Uint8Array): void; closed(): void }>()
  private readonly descriptors: Uint8Array[] = []

  constructor() {
    this.net.delayMs = 5
    this.net.add({
      address: HOME,
      receive: (link, packet) => this.home.get(formatAddress(link.address))?.receive(packet),
    })
  }

  /** A relay that no directory knows. */
  unlisted(name: string, exit = false): TestRelay {
    const relay = this.relay(name, exit, false)
    this.descriptors.pop()
    return relay
  }

  /** A relay that is reached by its key alone: its descriptor names links, and no UDP. Other relays know the way. */
  keyed(name: string, links: Pick<RelayAddresses, 'tcp' | 'onion' | 'webrtc'>, exit = false): TestRelay {
    return this.relay(name, exit, false, links)
  }

  relay(name: string, exit = false, gateway = true, links?: Partial<RelayAddresses>): TestRelay {
    const host = `198.51.${this.relays.length}.7`
    const address: IpAddress = { kind: 'ipv4', host, port: 7000 }
    const keyPair = KeyPair.generate(this.random)
    const relay: TestRelay = {
      name,
      keyPair,
      address,
      url: `ws://${host}:8080/relay`,
      exit,
      running: true,
      frozen: false,
      knows: (descriptors) => descriptors,
      verdicts: [],
    }
    const { clock, random } = this
    const world = { clock, random, counters: new Counters() }
    const flags = FLAG_RELAY | (exit ? FLAG_EXIT_BITTORRENT | FLAG_EXIT_STREAM | FLAG_EXIT_HTTP : 0)
    const fields = {
      nickname: name,
      flags,
      family: new Uint8Array(),
      udp: links ? undefined : address,
      ...links,
      bandwidth: 0,
      lifetime: 86_400,
    }
    const dated = { ...fields, published: Math.floor(clock.wall() / 1_000) }
    const own = signDescriptor({ ...dated, websocket: gateway ? relay.url : undefined }, keyPair, NETWORK)
    this.descriptors.push(own)
    const directory = new Directory({ ...world, network: NETWORK, self: keyPair.publicKey })
    const neighbours = () => this.stock
    const verdicts = () => relay.verdicts
    const exchange = new DirectoryExchange({ ...world, directory, own: () => own, neighbours, verdicts })
    let learnt = { knows: relay.knows, count: 0 }
    const learn = () => {
      if (learnt.knows === relay.knows && learnt.count === this.descriptors.length) return
      learnt = { knows: relay.knows, count: this.descriptors.length }
      for (const bytes of relay.knows(this.descriptors)) directory.add(bytes)
    }
    const circuitLinks = new CircuitLinks(world, (link, packet) => {
      learn()
      exchange.receive(link, packet)
    })
    const router = new Router({
      ...world,
      keyPair,
      prefix: PREFIX,
      aead: nobleAead,
      flags,
      linkTo: (to) => this.net.link(address, to),
      linkByKey: (key, to) => (to === undefined ? this.linkByKey(address, key) : undefined),
      mayExtendTo: () => true,
      exit: exit ? this.exit(world) : undefined,
      candidates: () => ({ relays: [], exits: [] }),
      directory: circuitLinks.receive,
    })
    this.net.add({
      address,
      receive: (link, packet) => {
        if (relay.frozen) return
        learn()
        if (!exchange.receive(link, packet)) router.receive(link, packet)
      },
    })
    this.relays.push(relay)
    return relay
  }

  private linkByKey(from: IpAddress, key: PublicKey): Link | undefined {
    const relay = this.relays.find(({ keyPair }) => keyPair.publicKey.equals(key))
    return relay && this.net.link(from, relay.address)
  }

  /** What a relay has signed of itself. */
  descriptorOf({ keyPair }: TestRelay): Uint8Array | undefined {
    const { bytes } = keyPair.publicKey
    return this.descriptors.find((each) => equalBytes(descriptorHead(each).publicKey, bytes))
  }

  /** Freezes a relay: it answers nothing more, and nobody is told. */
  freeze(relay: TestRelay, frozen = true): void {
    relay.frozen = frozen
  }

  /** Switches a relay off: it answers nothing more, and links of the client to it close. */
  stop(relay: TestRelay): void {
    relay.running = false
    this.net.lose(relay.address)
    this.home.get(formatAddress(relay.address))?.closed()
  }

  client(entry: TestRelay, hops: Hops, more: Partial<PrivateNetworkOptions> = {}): PrivateNetwork {
    const { clock, random, counters } = this
    return new PrivateNetwork({
      clock,
      random,
      counters,
      aead: nobleAead,
      network: NETWORK,
      communityId: TUNNEL_COMMUNITY_ID,
      networkBits: { ipv4: 24, ipv6: 48 },
      hops,
      entries: [{ publicKey: entry.keyPair.publicKey, url: entry.url }],
      openLink: async ({ url }, onPacket, onClosed) => {
        const relay = this.relays.find((each) => each.url === url)
        this.opened.push(relay?.name ?? 'nobody')
        if (relay?.frozen) await new Promise<void>((resolve) => this.clock.after(10_000, resolve))
        if (!relay?.running || relay.frozen) throw new RangeError('no relay answers there')
        const link = this.net.link(HOME, relay.address)
        link.open = true
        this.home.set(formatAddress(relay.address), {
          link,
          receive: (packet) => onPacket(link, packet),
          closed: () => {
            link.open = false
            onClosed(link)
          },
        })
        return link
      },
      changed: () => undefined,
      primaryChanged: () => undefined,
      ...more,
    })
  }

  /** Answers a datagram with itself, a stream's bytes with themselves, and what is asked by HTTP with the question. */
  private exit(world: { clock: VirtualClock; random: SeededRandom; counters: Counters }): ExitPort {
    const opener: StreamOpener = (destination, events) => {
      world.clock.after(1, () => events.opened())
      return {
        write: (chunk) => {
          this.out.push(`${formatAddress(destination)} ${String.fromCharCode(...chunk)}`)
          events.data(chunk)
          return true
        },
        end: () => {
          events.ended()
          events.closed(undefined)
        },
        destroy: () => events.closed(undefined),
        pause: () => undefined,
        resume: () => undefined,
      }
    }
    const streams = new StreamServer({ ...world, opener })
    return {
      datagram: (circuit, destination, data) => {
        this.out.push(`${formatAddress(destination)} ${String.fromCharCode(...data)}`)
        circuit.sendDatagram(addressOf(destination.host, destination.port) as IpAddress, data)
      },
      stream: (circuit, destination, packet) => streams.packet(circuit, destination, packet),
      http: (_, target, request, reply) => {
        this.out.push(`${formatAddress(target)} ${String.fromCharCode(...request)}`)
        if (target.host !== 'silent.example') reply(request)
      },
      ended: (circuit) => streams.ended(circuit),
    }
  }
}
