import { type Address, addressOf, formatAddress, type IpAddress } from '../../shared/bytes/address.ts'
import { Kademlia } from '../../shared/kademlia/kademlia.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { Counters } from '../../shared/world/counters.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import type { LookupWorld } from './lookup.ts'

export const INFO_HASH = Uint8Array.from({ length: 20 }, (_, i) => 0xa0 + i)
const LATENCY_MS = 25

type Host = (from: IpAddress, datagram: Uint8Array) => void

/** Hosts with a UDP port each, and an exit through which the page reaches them. */
export class LookupNet {
  readonly clock = new VirtualClock()
  readonly random = new SeededRandom(7)
  readonly counters = new Counters()
  readonly learnt: string[] = []
  /** What left at the exit, by where it went. */
  readonly left: string[] = []
  readonly names = new Map<string, IpAddress>()
  private readonly hosts = new Map<string, Host>()
  private readonly exit = ip('198.51.100.7', 40_000)
  private readonly sockets = new Set<Host>()

  constructor() {
    this.hosts.set(formatAddress(this.exit), (from, datagram) => {
      for (const receive of [...this.sockets]) receive(from, datagram)
    })
  }

  host(address: IpAddress, receive: Host): (to: IpAddress, datagram: Uint8Array) => void {
    this.hosts.set(formatAddress(address), receive)
    return (to, datagram) => this.carry(address, to, datagram)
  }

  /** A node of the DHT; with a descriptor it is a relay that gives it to whoever asks. */
  node(
    address: IpAddress,
    { descriptor, routers = [] }: { descriptor?: string; routers?: readonly IpAddress[] },
  ) {
    const { clock, random, counters } = this
    const send = this.host(address, (from, datagram) => void dht.receive(from, datagram))
    const own = descriptor === undefined ? undefined : new TextEncoder().encode(descriptor)
    const dht: Kademlia = new Kademlia({
      clock,
      random,
      counters,
      families: ['ipv4'],
      send,
      mayReach: () => true,
      ...(own && { ownItem: () => own }),
    })
    dht.start(routers)
    return dht
  }

  /** What a lookup of the page works with here; descriptors in capitals are new, those in small letters known. */
  world(over: Partial<LookupWorld> = {}): LookupWorld {
    const tunnel: Tunnel = {
      connect: () => {
        throw new TypeError('no stream here')
      },
      datagrams: (receive) => {
        this.sockets.add(receive)
        return {
          send: (to, datagram) => {
            this.left.push(formatAddress(to))
            this.carry(this.exit, to, datagram)
          },
          close: () => this.sockets.delete(receive),
        }
      },
      httpRequest: async () => undefined,
    }
    return {
      clock: this.clock,
      random: this.random,
      counters: this.counters,
      tunnel,
      fetch: () => Promise.reject(new TypeError('no HTTP here')),
      mayReach: (address) => !address.host.startsWith('10.'),
      makeDht: (options) => new Kademlia(options),
      infoHash: INFO_HASH,
      learn: (bytes) => {
        const text = new TextDecoder().decode(bytes)
        if (text === '!') return 'refused'
        this.learnt.push(text)
        return text === text.toUpperCase() ? 'new' : 'known'
      },
      ...over,
    }
  }

  /** Sockets of the page that are open at the exit. */
  get open(): number {
    return this.sockets.size
  }

  private carry(from: IpAddress, to: Address, datagram: Uint8Array): void {
    const address = to.kind === 'domain' ? this.names.get(formatAddress(to)) : to
    const copy = datagram.slice()
    this.clock.after(LATENCY_MS, () => {
      if (address) this.hosts.get(formatAddress(address))?.(from, copy)
    })
  }
}

export const ip = (host: string, port = 7_000) => addressOf(host, port) as IpAddress

/** Lets the clock run until the promise settles. */
export async function settle<T>(clock: VirtualClock, promise: Promise<T>, limitMs = 120_000): Promise<T> {
  let over = false
  const ended = () => {
    over = true
  }
  promise.then(ended, ended)
  if (!(await clock.runUntilAsync(() => over, limitMs, 30))) throw new TypeError('it did not end in time')
  return promise
}
