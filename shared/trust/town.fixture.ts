import { type Address, addressOf, formatAddress, type IpAddress, sameAddress } from '../bytes/address.ts'
import { DIRECTORY_COMMUNITY_ID } from '../directory/constants.ts'
import { KeyPair } from '../identity/keys.ts'
import { prefixOf, readUnsigned, unsignedPacket } from '../ipv8/packet.ts'
import type { Link } from '../link/link.ts'
import { SimulatedNetwork, type SimulatedSocket } from '../sim/network.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import type { WireConditions } from '../sim/wire.ts'
import { Counters } from '../world/counters.ts'
import { PROOF_RESPONSE, type ProofSettings } from './constants.ts'
import { ProofExchange } from './proof.ts'
import { type ProofResponse, proofRequest, proofResponse, proofStatement } from './proof-messages.ts'
import { RequestLimit } from './request-limit.ts'

export const NETWORK = 'town'

export const ip = (host: string, port = 7000): IpAddress => addressOf(host, port) as IpAddress

export const keyPairOf = (n: number): KeyPair => KeyPair.generate(new SeededRandom(n + 1))

/** Whom a house is told to be. */
export interface HouseOptions {
  readonly n: number
  readonly address?: IpAddress
  readonly network?: string
  /** True: knows where it is, and signs for nothing else. */
  readonly knowsItself?: boolean
  readonly settings?: Partial<ProofSettings>
  /** Proven to it. */
  readonly isKnown?: (address: Address) => boolean
}

/** A node at an address of the simulated network, with proofs both ways. */
export class House {
  readonly keyPair: KeyPair
  readonly address: IpAddress
  readonly counters = new Counters()
  readonly proofs: ProofExchange
  readonly socket: SimulatedSocket
  /** Everything that it got, newest last. */
  readonly received: Uint8Array[] = []
  /** In place of what it should do with a packet. */
  instead: ((from: Address, packet: Uint8Array) => void) | undefined
  private readonly links = new Map<string, Link>()

  constructor(town: Town, options: HouseOptions) {
    const { n, knowsItself = true, network = NETWORK, settings = {}, isKnown } = options
    this.address = options.address ?? ip(`11.${n >> 8}.${n & 255}.1`)
    this.keyPair = keyPairOf(n)
    this.proofs = new ProofExchange({
      keyPair: this.keyPair,
      network,
      isOwn: (address) => (knowsItself ? sameAddress(address, this.address) : undefined),
      clock: town.clock,
      random: new SeededRandom(700 + n),
      counters: this.counters,
      limit: new RequestLimit(town.clock),
      settings,
      ...(isKnown && { isKnown }),
    })
    this.socket = town.network.bind(this.address, (from, packet) => {
      this.received.push(packet)
      if (this.instead) this.instead(from, packet)
      else this.proofs.receive(this.linkTo(from), packet)
    })
  }

  linkTo(address: Address): Link {
    const key = formatAddress(address)
    const link = this.links.get(key) ?? new SocketLink(this.socket, address)
    this.links.set(key, link)
    return link
  }
}

class SocketLink implements Link {
  readonly kind = 'udp'
  readonly mtu = 1472
  readonly address: Address
  open = true
  private readonly socket: SimulatedSocket

  constructor(socket: SimulatedSocket, address: Address) {
    this.socket = socket
    this.address = address
  }

  send(packet: Uint8Array): void {
    if (this.open) this.socket.send(this.address, packet)
  }

  close(): void {
    this.open = false
  }
}

/** A clock and a network of houses. */
export class Town {
  readonly clock = new VirtualClock(1_790_000_000_000)
  readonly network: SimulatedNetwork

  constructor(conditions: (from: Address, to: Address) => WireConditions = () => ({ delayMs: 20 })) {
    this.network = new SimulatedNetwork(this.clock, new SeededRandom(99), conditions)
  }

  house(n: number, options: Omit<HouseOptions, 'n'> = {}): House {
    return new House(this, { n, ...options })
  }
}

export function proofPacket(response: ProofResponse): Uint8Array {
  return unsignedPacket(prefixOf(DIRECTORY_COMMUNITY_ID), PROOF_RESPONSE, proofResponse, response)
}

/** Has `house` answer each request with what `answer` makes of an honest response. */
export function answering(house: House, answer: (honest: ProofResponse) => ProofResponse): void {
  house.instead = (from, packet) => {
    const { nonce, target } = readUnsigned(packet, proofRequest)
    const { publicKey } = house.keyPair
    const statement = proofStatement(NETWORK, { nonce, target, seen: from, publicKey })
    const honest = { nonce, seen: from, publicKey, signature: house.keyPair.sign(statement) }
    house.linkTo(from).send(proofPacket(answer(honest)), 0)
  }
}
