import { formatAddress, type IpAddress } from '../bytes/address.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import type { KademliaOptions } from './api.ts'
import { Kademlia } from './kademlia.ts'

/** A node of the little DHT of tests. */
export interface TestNode {
  readonly address: IpAddress
  readonly dht: Kademlia
  readonly counters: Counters
}

export interface TestDhtOptions {
  readonly seed?: number
  readonly latencyMs?: number
  /** Share of datagrams lost, 0..1. */
  readonly loss?: number
}

/** A few DHT nodes on a virtual clock, each with a public address in a network of its own. */
export class TestDht {
  readonly clock = new VirtualClock()
  readonly nodes: TestNode[] = []
  readonly random: SeededRandom
  /** Datagrams that were sent, by all. */
  sent = 0
  private readonly options: Required<TestDhtOptions>
  private readonly sockets = new Map<string, (from: IpAddress, datagram: Uint8Array) => void>()
  private count = 0

  constructor(options: TestDhtOptions = {}) {
    this.options = { seed: 1, latencyMs: 20, loss: 0, ...options }
    this.random = new SeededRandom(this.options.seed)
  }

  /** The n-th public address; each is in a /16 of its own. */
  addressOf(n: number): IpAddress {
    return { kind: 'ipv4', host: `${20 + Math.floor(n / 200)}.${n % 200}.7.9`, port: 6881 }
  }

  /** A socket there; `receive` gets what is sent to it. @returns how it sends */
  socket(address: IpAddress, receive: (from: IpAddress, datagram: Uint8Array) => void) {
    this.sockets.set(formatAddress(address), receive)
    return (to: IpAddress, datagram: Uint8Array) => {
      this.sent++
      const copy = Uint8Array.from(datagram)
      if (this.random.fraction() < this.options.loss) return
      this.clock.after(this.options.latencyMs, () => this.sockets.get(formatAddress(to))?.(address, copy))
    }
  }

  add(options: Partial<KademliaOptions> = {}, address = this.addressOf(this.count++)): TestNode {
    const counters = new Counters()
    const send = this.socket(address, (from, datagram) => dht.receive(from, datagram))
    const dht = new Kademlia({
      clock: this.clock,
      random: new SeededRandom(this.random.uint32()),
      counters,
      families: ['ipv4'],
      send,
      mayReach: () => true,
      ...options,
    })
    const node = { address, dht, counters }
    this.nodes.push(node)
    return node
  }

  remove(node: TestNode): void {
    node.dht.stop()
    this.sockets.delete(formatAddress(node.address))
    this.nodes.splice(this.nodes.indexOf(node), 1)
  }

  /** So many nodes more, each of which knows its address and begins with the first node. */
  grow(count: number, options: Partial<KademliaOptions> = {}): void {
    for (let i = 0; i < count; i++) {
      const node = this.add(options)
      node.dht.setOwnAddress(node.address)
      const first = this.nodes[0]
      node.dht.start(first && first !== node ? [first.address] : [])
      this.clock.advance(200)
    }
    this.clock.advance(20_000)
  }

  /** What an asynchronous call gives, with time passing until it does. */
  result<R>(begin: (done: (result: R) => void) => unknown, limitMs = 120_000): R {
    const results: R[] = []
    begin((result) => results.push(result))
    this.clock.runUntil(() => results.length > 0, limitMs)
    const [result] = results
    if (results.length === 0) throw new Error('no result in time')
    return result as R
  }
}
