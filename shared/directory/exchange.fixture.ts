import type { Address } from '../bytes/address.ts'
import type { Link } from '../link/link.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { Directory } from './directory.ts'
import { DirectoryExchange, type DirectoryExchangeOptions } from './exchange.ts'
import { addressOfRelay, descriptorOf, keyOf, NETWORK, NOW_MS } from './relays.fixture.ts'

/** One end of a wire of 10 ms. */
export class TestWire implements Link {
  readonly kind = 'simulated'
  readonly mtu = 1472
  readonly address: Address
  open = true
  /** Packets that are lost from now on. */
  lose = 0
  readonly sent: Uint8Array[] = []
  deliver: ((packet: Uint8Array) => void) | undefined
  private readonly clock: VirtualClock

  constructor(clock: VirtualClock, address: Address) {
    this.clock = clock
    this.address = address
  }

  send(packet: Uint8Array): void {
    this.sent.push(packet)
    if (this.lose-- > 0) return
    this.clock.after(10, () => this.deliver?.(packet))
  }

  close(): void {
    this.open = false
  }
}

/** A relay 0 and one that asks it, and both ends of their link. */
export function pair(teller: Partial<DirectoryExchangeOptions> = {}) {
  const clock = new VirtualClock(NOW_MS)
  const node = (n: number, more: Partial<DirectoryExchangeOptions>) => {
    const counters = new Counters()
    const directory = new Directory({ network: NETWORK, clock, counters, self: keyOf(n).publicKey })
    const random = new SeededRandom(500 + n)
    const own = () => descriptorOf(n)
    return {
      counters,
      directory,
      exchange: new DirectoryExchange({ directory, own, clock, random, counters, ...more }),
    }
  }
  const relay = node(0, teller)
  const other = node(1, {})
  const toRelay = new TestWire(clock, addressOfRelay(0))
  const toOther = new TestWire(clock, addressOfRelay(1))
  toRelay.deliver = (packet) => relay.exchange.receive(toOther, packet)
  toOther.deliver = (packet) => other.exchange.receive(toRelay, packet)
  return { clock, relay, other, toRelay, toOther }
}
