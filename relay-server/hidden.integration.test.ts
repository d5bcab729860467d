import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { formatAddress } from '../shared/bytes/address.ts'
import { nobleAead } from '../shared/crypto/noble-aead.ts'
import { HiddenDownloader } from '../shared/hidden/downloader.ts'
import type { HiddenCircuits } from '../shared/hidden/hidden-circuits.ts'
import type { HiddenPeer } from '../shared/hidden/hidden-peer.ts'
import { lookupKey, nearestRelays } from '../shared/hidden/lookup.ts'
import { HiddenSeeder } from '../shared/hidden/seeder.ts'
import type { HiddenSwarmOptions } from '../shared/hidden/swarm-options.ts'
import { KeyPair } from '../shared/identity/keys.ts'
import { prefixOf } from '../shared/ipv8/packet.ts'
import { Circuit } from '../shared/onion/circuit.ts'
import type { CircuitEvents } from '../shared/onion/circuit-options.ts'
import type { PathHop } from '../shared/onion/hop.ts'
import { OwnedCircuits } from '../shared/onion/owned-circuits.ts'
import { Counters } from '../shared/world/counters.ts'
import { UdpLinks } from './links/udp.ts'
import { COMMUNITY, clock, random, startRelay, type TestRelay } from './relay.fixture.ts'

const HOSTS = ['127.0.0.51', '127.0.0.52', '127.0.0.53', '127.0.0.54', '127.0.0.55'] as const
const HASH = new Uint8Array(20).fill(3)
const prefix = prefixOf(COMMUNITY)
let relays: TestRelay[] = []

/** Polls for what only time brings: packets between processes' sockets. */
async function until(predicate: () => boolean): Promise<void> {
  while (!predicate()) await new Promise((resolve) => setTimeout(resolve, 10))
}

beforeAll(async () => {
  const first = await startRelay(HOSTS[0])
  const bootstrap = [first.relay.udpAddress]
  // None of them is an exit.
  relays = [first, ...(await Promise.all(HOSTS.slice(1).map((host) => startRelay(host, { bootstrap }))))]
  await until(() => relays.every(({ relay }) => relay.directory.size === relays.length - 1))
})

afterAll(async () => {
  await Promise.all(relays.map(({ relay }) => relay.stop()))
})

/** Somebody with a UDP socket and circuits of two hops. */
class Owner implements HiddenCircuits {
  readonly counters = new Counters()
  readonly peers: HiddenPeer[] = []
  readonly got: string[] = []
  private readonly owned = new OwnedCircuits(prefix, this.counters)
  private links: UdpLinks | undefined

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
    return relays.map(({ hop }) => hop)
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
      infoHash: HASH,
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

const sentByExits = () => relays.map(({ counters }) => counters.get('exit-udp-sent'))

describe('hidden swarms over real relays and sockets (issue 3: hidden seeding)', () => {
  it('link two who have no address for each other, with no exit; and a stock downloader by a relay’s socket', async () => {
    const alice = await new Owner().bind('127.0.0.56')
    const dave = await new Owner().bind('127.0.0.57')
    const erin = await new Owner().bind('127.0.0.58')
    const seeder = new HiddenSeeder(alice.swarm)
    seeder.start()
    await until(() => seeder.introductionPoints === 3)

    const downloader = new HiddenDownloader(dave.swarm)
    downloader.start()
    await until(() => dave.peers.length === 1)
    dave.peers[0]?.send(Buffer.from('there'))
    await until(() => alice.got.includes('there'))
    alice.peers[0]?.send(Buffer.from('and back'))
    await until(() => dave.got.includes('and back'))
    expect(sentByExits()).toEqual(relays.map(() => 0))

    // As stock peers do: asks an introduction point through the socket of a relay that is another one.
    const hops = relays.map(({ hop }) => hop)
    const [point] = nearestRelays(lookupKey(HASH), hops, 1)
    const through = hops.find((hop) => hop !== point && hop !== hops[0])
    if (!point || !through) throw new RangeError('no relays')
    const stock = new HiddenDownloader(erin.swarm)
    stock.connect({ ...point, seederKey: seeder.publicKey }, through)
    await until(() => erin.peers.length === 1)
    erin.peers[0]?.send(Buffer.from('from a stock peer'))
    await until(() => alice.got.includes('from a stock peer'))
    // The question from the one's socket, the answer from the introduction point's.
    expect(sentByExits().filter((sent) => sent > 0)).toHaveLength(2)

    for (const end of [seeder, downloader, stock]) end.stop()
    for (const owner of [alice, dave, erin]) await owner.close()
  })
})
