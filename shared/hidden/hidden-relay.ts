import { type Address, type IpAddress, sameAddress } from '../bytes/address.ts'
import { CulvertError } from '../bytes/error.ts'
import type { PublicKey } from '../identity/keys.ts'
import { TokenBucket } from '../ipv8/token-bucket.ts'
import type { Link } from '../link/link.ts'
import { MESSAGE } from '../onion/constants.ts'
import { decodeMessage, encodeMessage, type MessageBody } from '../onion/messages.ts'
import type { RelayCircuit } from '../onion/relay-circuit.ts'
import type { ServicePort } from '../onion/service-port.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { type Random, shuffled } from '../world/random.ts'
import { HIDDEN_RELAY_LIMITS, type HiddenRelayLimits, PEERS_PER_RESPONSE, SOURCE } from './constants.ts'
import { DhtPoints, type HiddenDht, interleaved } from './dht-points.ts'
import { Hearsay, type ToldPoint } from './hearsay.ts'
import { type EndingCircuit, type Introduction, Introductions, WaitingCircuits } from './introductions.ts'
import { decodePacket, encodePacket, packetId } from './packets.ts'
import { type HiddenNeighbours, RelayLookup } from './relay-lookup.ts'
import { RendezvousTable } from './rendezvous-table.ts'

export interface HiddenRelayOptions {
  readonly publicKey: PublicKey
  /** 00 02 and the community id. */
  readonly prefix: Uint8Array
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  /** Where others reach this relay, what owners are told first; empty until known. */
  readonly addresses: () => readonly IpAddress[]
  /** Makes two circuits that end here one: the router's `join`. False if they cannot be. */
  readonly join: (a: RelayCircuit, b: RelayCircuit) => boolean
  /** The other relays of the directory; without them this one knows of its own circuits alone. */
  readonly neighbours?: HiddenNeighbours
  /** Without it this relay is none for stock peers elsewhere. */
  readonly dht?: HiddenDht
  readonly limits?: Partial<HiddenRelayLimits>
}

/**
 * What a relay does for hidden swarms (IPV8-WIRE messages 9 to 18): introduces seeders, who are reached through circuits that
 * end here, and joins a seeder's circuit with a downloader's. It learns neither's address, and of the swarm its lookup key.
 */
export class HiddenRelay implements ServicePort {
  private readonly options: HiddenRelayOptions
  private readonly limits: HiddenRelayLimits
  private readonly introductions: Introductions
  private readonly rendezvous: RendezvousTable
  private readonly waiting: WaitingCircuits
  private readonly answers: TokenBucket
  /** For what comes in no circuit: anybody can write that, and shall not keep owners without answers. */
  private readonly strangers: TokenBucket
  private readonly hearsay: Hearsay
  private readonly lookup: RelayLookup | undefined
  private readonly dht: DhtPoints | undefined

  constructor(options: HiddenRelayOptions) {
    this.options = options
    this.limits = { ...HIDDEN_RELAY_LIMITS, ...options.limits }
    this.introductions = new Introductions(this.limits, options.clock)
    this.rendezvous = new RendezvousTable(this.limits, options.clock)
    this.waiting = new WaitingCircuits(this.limits, options.clock, options.random)
    const { answersPerSecond, answerBurst } = this.limits
    this.answers = new TokenBucket(options.clock, answersPerSecond, answerBurst)
    this.strangers = new TokenBucket(options.clock, answersPerSecond, answerBurst)
    this.hearsay = new Hearsay(this.limits, options.clock)
    const { neighbours, dht } = options
    this.lookup = neighbours && new RelayLookup({ ...options, neighbours, limits: this.limits })
    this.dht = dht && new DhtPoints({ ...options, dht, limits: this.limits })
  }

  /** How many seeders are introduced here, and how many wait for a link. */
  get stats(): { readonly introductions: number; readonly rendezvous: number } {
    return { introductions: this.introductions.size, rendezvous: this.rendezvous.size }
  }

  /** A message in a cell of a circuit that ends here. @returns whether it is one of these */
  message(circuit: RelayCircuit, id: number, cell: Uint8Array, at: number, end: number): boolean {
    switch (id) {
      case MESSAGE.establishIntro:
        this.establishIntro(circuit, decodeMessage(id, cell, at, end))
        return true
      case MESSAGE.establishRendezvous:
        this.establishRendezvous(circuit, decodeMessage(id, cell, at, end))
        return true
      case MESSAGE.linkE2e:
        this.link(circuit, decodeMessage(id, cell, at, end))
        return true
      case MESSAGE.peersRequest:
        this.answerOwner(circuit, decodeMessage(id, cell, at, end), (answer) => {
          if (circuit.alive) circuit.reply(encodeMessage(MESSAGE.peersResponse, answer))
        })
        return true
      default:
        return false
    }
  }

  ended(circuit: RelayCircuit): void {
    this.introductions.ended(circuit)
    this.rendezvous.remove(circuit)
  }

  /** A packet over the plain socket: from some exit, on behalf of a downloader. Never throws. */
  packet(link: Link, packet: Uint8Array): void {
    const { address } = link
    if (address.kind === 'domain') return
    this.guarded(() => {
      const { prefix } = this.options
      const id = packetId(prefix, packet)
      if (id === MESSAGE.createE2e) this.passOn(() => address, decodePacket(prefix, id, packet))
      else if (id === MESSAGE.peersRequest) this.answerPlain(link, packet, decodePacket(prefix, id, packet))
      else if (id === MESSAGE.peersResponse) this.hear(address, decodePacket(prefix, id, packet))
      else this.count('hidden-packet-unexpected')
    })
  }

  /**
   * A datagram that a circuit's owner sends, if it is for this relay's own services: to this relay itself, or to a circuit that
   * waits here for a seeder's answer. @returns false if it is for the exit
   */
  datagram(circuit: EndingCircuit, destination: Address, data: Uint8Array): boolean {
    const id = packetId(this.options.prefix, data)
    if (id === undefined) return false
    if (this.waiting.isOne(destination)) {
      this.answerWaiting(destination, id, data)
      return true
    }
    const own = this.options.addresses().find((address) => sameAddress(address, destination))
    if (!own) return false
    this.guarded(() => this.receiveFrom(circuit, own, id, data))
    return true
  }

  private establishIntro(circuit: RelayCircuit, message: MessageBody<typeof MESSAGE.establishIntro>): void {
    const { identifier, infoHash, seederKey } = message
    if (!this.introductions.add(circuit, infoHash, seederKey)) {
      this.count('hidden-introduction-refused')
      return
    }
    circuit.maxAgeMs = this.limits.introductionMs
    circuit.reply(encodeMessage(MESSAGE.introEstablished, { identifier }))
    const introduction = this.introductions.find(seederKey)
    if (introduction && !introduction.telling) this.spread(introduction)
    if (introduction && !introduction.publishing) {
      this.dht?.publish(introduction, () => this.options.addresses()[0])
    }
  }

  /** Tells the relays where the swarm is looked for, and again from time to time as long as the seeder is introduced here. */
  private spread(introduction: Introduction): void {
    const [address] = this.options.addresses()
    const { lookupKey, seederKey } = introduction
    if (address) {
      const nodeKey = this.options.publicKey.bytes
      this.lookup?.tell(lookupKey, { address, nodeKey, seederKey, source: SOURCE.pex })
    }
    introduction.telling = this.options.clock.after(this.limits.tellMs, () => this.spread(introduction))
  }

  private establishRendezvous(circuit: RelayCircuit, message: MessageBody<typeof MESSAGE.linkE2e>): void {
    const [address] = this.options.addresses()
    if (!address || !this.rendezvous.add(circuit, message.cookie)) {
      this.count('hidden-rendezvous-refused')
      return
    }
    const { identifier } = message
    circuit.reply(encodeMessage(MESSAGE.rendezvousEstablished, { identifier, address }))
  }

  private link(circuit: RelayCircuit, message: MessageBody<typeof MESSAGE.linkE2e>): void {
    const seeder = this.rendezvous.find(message.cookie)
    if (!seeder || seeder === circuit || !this.options.join(circuit, seeder)) {
      this.count('hidden-link-refused')
      return
    }
    this.rendezvous.remove(seeder)
    circuit.reply(encodeMessage(MESSAGE.linkedE2e, { identifier: message.identifier }))
  }

  /** From the circuit of a downloader that ends at this very relay. */
  private receiveFrom(circuit: EndingCircuit, own: IpAddress, id: number, data: Uint8Array): void {
    const { prefix } = this.options
    if (id === MESSAGE.createE2e) {
      this.passOn(() => this.waiting.add(circuit), decodePacket(prefix, id, data))
    } else if (id === MESSAGE.peersRequest) {
      this.answerOwner(circuit, decodePacket(prefix, id, data), (answer) => {
        if (circuit.alive) circuit.sendDatagram(own, encodePacket(prefix, MESSAGE.peersResponse, answer))
      })
    } else {
      this.count('hidden-packet-unexpected')
    }
  }

  /** Hands a request to the seeder it names, as if it had come from `origin`, which is asked for last. */
  private passOn(origin: () => IpAddress, request: MessageBody<typeof MESSAGE.createE2e>): void {
    const seeder = this.introductions.find(request.seederKey)
    if (!seeder) this.count('hidden-seeder-unknown')
    else if (!seeder.requests.take()) this.count('hidden-request-limited')
    else {
      const packet = encodePacket(this.options.prefix, MESSAGE.createE2e, request)
      seeder.circuit.sendDatagram(origin(), packet)
    }
  }

  private answerWaiting(destination: Address, id: number, data: Uint8Array): void {
    const circuit = this.waiting.find(destination)
    const [own] = this.options.addresses()
    if (!circuit || !own || id !== MESSAGE.createdE2e) this.count('hidden-answer-unexpected')
    else circuit.sendDatagram(own, data)
  }

  /**
   * Other relays, and IPv8's DHT, are asked on behalf of an owner alone: he came through a circuit, and can have sent to nobody else.
   * He waits for them `limits.askMs` at most.
   */
  private answerOwner(
    circuit: EndingCircuit,
    request: MessageBody<typeof MESSAGE.peersRequest>,
    reply: (answer: MessageBody<typeof MESSAGE.peersResponse>) => void,
  ): void {
    const answer = this.peersOf(request, this.answers)
    if (!answer) return
    const { identifier } = request
    const infoHash = request.infoHash.slice()
    let known = answer.peers
    let found: ToldPoint[] = []
    let open = 1
    const answered = () => {
      if (--open > 0) return
      // Of a seeder one point is told, another the next time: who made one up hides no other.
      const { random } = this.options
      const [first, second] = shuffled(random, [known, shuffled(random, found)])
      const peers = interleaved(first ?? [], second ?? []).slice(0, PEERS_PER_RESPONSE)
      reply({ identifier, infoHash, peers })
    }
    // They may answer at once.
    const ask = (begin: () => boolean | undefined) => {
      open++
      if (!begin()) open--
    }
    if (known.length === 0) {
      ask(() =>
        this.lookup?.ask(infoHash, (points) => {
          known = points
          answered()
        }),
      )
    }
    ask(() =>
      this.dht?.find(infoHash, circuit, (points) => {
        found = points
        answered()
      }),
    )
    answered()
  }

  /** What another relay answers, or tells unasked. */
  private hear(from: IpAddress, message: MessageBody<typeof MESSAGE.peersResponse>): void {
    const { neighbours } = this.options
    if (!neighbours || this.lookup?.answered(from, message)) return
    if (!this.strangers.take()) {
      this.count('hidden-hearsay-limited')
      return
    }
    const keyAt = (address: Address) =>
      neighbours.relays().find((relay) => sameAddress(relay.address, address))?.publicKey
    const entered = this.hearsay.add(
      from,
      keyAt,
      message.infoHash,
      message.peers.slice(0, PEERS_PER_RESPONSE),
    )
    if (entered === 0) this.count('hidden-hearsay-refused')
  }

  private peersOf(
    request: MessageBody<typeof MESSAGE.peersRequest>,
    answers: TokenBucket,
  ): MessageBody<typeof MESSAGE.peersResponse> | undefined {
    const { publicKey, addresses, random } = this.options
    const [address] = addresses()
    if (!address || !answers.take()) {
      this.count('hidden-peers-unanswered')
      return undefined
    }
    const { identifier, infoHash } = request
    const nodeKey = publicKey.bytes
    const own = this.introductions
      .of(infoHash)
      .map(({ seederKey }) => ({ address, nodeKey, seederKey, source: SOURCE.pex }))
    const peers = [...shuffled(random, own), ...shuffled(random, this.hearsay.of(infoHash))]
    return { identifier, infoHash, peers: peers.slice(0, PEERS_PER_RESPONSE) }
  }

  /**
   * Over the plain socket anybody may have written the source address: the answer is no longer than the question. Stock peers
   * pad nothing and so get an answer only where nothing is known.
   */
  private answerPlain(
    link: Link,
    packet: Uint8Array,
    request: MessageBody<typeof MESSAGE.peersRequest>,
  ): void {
    const answer = this.peersOf(request, this.strangers)
    if (!answer) return
    const bytes = encodePacket(this.options.prefix, MESSAGE.peersResponse, answer)
    if (bytes.length <= packet.length) link.send(bytes, 0)
    else this.count('hidden-peers-unpadded')
  }

  private guarded(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.count(error instanceof CulvertError ? error.code : 'hidden-fault')
    }
  }

  private count(name: string): void {
    this.options.counters.add(name)
  }
}
