import { formatIpv4, type IpAddress } from '../../bytes/address.ts'
import { isUnicast } from '../../ipv8/network-of.ts'
import { isExempt } from '../../kademlia/node-id.ts'
import type { Clock } from '../../world/clock.ts'
import type { SeededRandom } from '../seeded-random.ts'

const NEAREST_MS = 4
const ACROSS_MS = 90
/** All nodes have the same port: addresses are told apart by their hosts. */
const PORT = 6881

/** One place on the Internet of a simulated DHT. `receive` is undefined while nobody listens there. */
export interface DhtPlace {
  readonly address: IpAddress
  readonly x: number
  readonly y: number
  receive: ((from: IpAddress, datagram: Uint8Array) => void) | undefined
}

export interface DhtWiresOptions {
  readonly clock: Clock
  readonly random: SeededRandom
  /** Chance in [0, 1] that a datagram is lost. */
  readonly loss: number
}

/** Datagrams among very many addresses: a delay that follows from where the two are, and loss. */
export class DhtWires {
  private readonly options: DhtWiresOptions
  private readonly places = new Map<string, DhtPlace>()
  /** Sent so far, lost ones too. */
  datagrams = 0
  bytes = 0

  constructor(options: DhtWiresOptions) {
    this.options = options
  }

  /** A place at an address that nobody has, of a network (/24) of its own or, if given, of the one beginning so. */
  add(network?: readonly [number, number, number]): DhtPlace {
    const { random } = this.options
    const address = this.freeAddress(network)
    const place = { address, x: random.fraction(), y: random.fraction(), receive: undefined }
    this.places.set(address.host, place)
    return place
  }

  /** Forgets an address for good. */
  remove(place: DhtPlace): void {
    place.receive = undefined
    this.places.delete(place.address.host)
  }

  send(from: DhtPlace, to: IpAddress, datagram: Uint8Array): void {
    const { clock, random, loss } = this.options
    this.datagrams++
    this.bytes += datagram.length
    const place = this.places.get(to.host)
    if (!place || to.port !== PORT || random.fraction() < loss) return
    const delayMs = NEAREST_MS + ACROSS_MS * Math.hypot(from.x - place.x, from.y - place.y)
    clock.after(delayMs, () => place.receive?.(from.address, datagram))
  }

  /** Public, and of no network that node ids are not asked of. */
  freeAddress(network?: readonly [number, number, number]): IpAddress {
    for (;;) {
      const bytes = this.options.random.bytes(4)
      if (network) bytes.set(network)
      const address: IpAddress = { kind: 'ipv4', host: formatIpv4(bytes), port: PORT }
      if (isUnicast(address) && !isExempt(address) && !this.places.has(address.host)) return address
    }
  }
}
