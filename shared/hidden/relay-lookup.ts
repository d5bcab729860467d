import { type Address, formatAddress, type IpAddress } from '../bytes/address.ts'
import { equalBytes, toHex } from '../bytes/bytes.ts'
import type { PublicKey } from '../identity/keys.ts'
import { TokenBucket } from '../ipv8/token-bucket.ts'
import type { Link } from '../link/link.ts'
import { MESSAGE } from '../onion/constants.ts'
import type { MessageBody } from '../onion/messages.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { type Random, uint16 } from '../world/random.ts'
import {
  type HiddenRelayLimits,
  INTRODUCTION_POINTS,
  PADDED_REQUEST_BYTES,
  PEERS_PER_RESPONSE,
  SOURCE,
} from './constants.ts'
import type { ToldPoint } from './hearsay.ts'
import { type ListedRelay, nearestRelays } from './lookup.ts'
import { encodePacket } from './packets.ts'

/** The other relays of the directory, for one that asks and tells them. */
export interface HiddenNeighbours {
  relays(): readonly (ListedRelay & {
    readonly address: IpAddress
    /** Did not answer lately. */
    readonly silent?: boolean
  })[]
  /** This relay, as they have it in theirs. */
  own(): ListedRelay
  linkTo(address: IpAddress): Link | undefined
}

export interface RelayLookupOptions {
  readonly neighbours: HiddenNeighbours
  readonly publicKey: PublicKey
  readonly prefix: Uint8Array
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  readonly limits: HiddenRelayLimits
}

interface Inquiry {
  readonly lookupKey: Uint8Array
  /** Addresses that have not answered. */
  readonly open: Set<string>
  readonly found: Map<string, ToldPoint>
  /** Whether any did. */
  answered: boolean
  readonly done: ((points: ToldPoint[]) => void)[]
  readonly timer: Timer
}

/**
 * How relays find and tell introduction points among themselves, for owners that do not know where to ask (stock peers, who
 * would have their exit ask IPv8's DHT): the relays nearest to the swarm's place are asked, and told of seeders introduced elsewhere.
 */
export class RelayLookup {
  private readonly options: RelayLookupOptions
  private readonly asking: TokenBucket
  /** By lookup key. */
  private readonly inquiries = new Map<string, Inquiry>()
  /** By lookup key: when nobody was found there last. */
  private readonly empty = new Map<string, number>()
  private readonly identifiers = new Map<number, string>()

  constructor(options: RelayLookupOptions) {
    this.options = options
    const { asksPerSecond, askBurst } = options.limits
    this.asking = new TokenBucket(options.clock, asksPerSecond, askBurst)
  }

  /** Whether this relay is one of those where the swarm is looked up: then it has nobody to tell, as the others may ask it. */
  isNear(lookupKey: Uint8Array): boolean {
    const { neighbours, publicKey } = this.options
    const all = [...neighbours.relays(), neighbours.own()]
    return nearestRelays(lookupKey, all, INTRODUCTION_POINTS).some((relay) =>
      relay.publicKey.equals(publicKey),
    )
  }

  /** Asks the nearest relays; `done` gets what they know. @returns false if they are not asked now */
  ask(lookupKey: Uint8Array, done: (points: ToldPoint[]) => void): boolean {
    const { clock, limits, prefix } = this.options
    const key = toHex(lookupKey)
    const running = this.inquiries.get(key)
    if (running) {
      if (running.done.length >= limits.askersPerLookup) return false
      running.done.push(done)
      return true
    }
    const emptyMs = this.empty.get(key)
    if (emptyMs !== undefined && clock.now() - emptyMs < limits.emptyMs) return false
    if (this.inquiries.size >= limits.lookups || !this.asking.take()) return false
    const identifier = this.freshIdentifier()
    const inquiry: Inquiry = {
      lookupKey: lookupKey.slice(),
      open: new Set(),
      found: new Map(),
      answered: false,
      done: [done],
      timer: clock.after(limits.askMs, () => this.finish(key, identifier)),
    }
    this.inquiries.set(key, inquiry)
    this.identifiers.set(identifier, key)
    const request = new Uint8Array(PADDED_REQUEST_BYTES)
    request.set(encodePacket(prefix, MESSAGE.peersRequest, { identifier, infoHash: lookupKey }))
    for (const { address, link } of this.nearest(lookupKey)) {
      inquiry.open.add(formatAddress(address))
      link.send(request.slice(), 0)
    }
    if (inquiry.open.size === 0) this.finish(key, identifier)
    return true
  }

  /** Takes an answer to what was asked. @returns whether it is one */
  answered(from: Address, answer: MessageBody<typeof MESSAGE.peersResponse>): boolean {
    const key = this.identifiers.get(answer.identifier)
    const inquiry = key === undefined ? undefined : this.inquiries.get(key)
    if (key === undefined || !inquiry || !equalBytes(inquiry.lookupKey, answer.infoHash)) return false
    if (!inquiry.open.delete(formatAddress(from))) return false
    inquiry.answered = true
    for (const { address, nodeKey, seederKey } of answer.peers.slice(0, PEERS_PER_RESPONSE)) {
      const point = { address, nodeKey: nodeKey.slice(), seederKey: seederKey.slice(), source: SOURCE.dht }
      inquiry.found.set(toHex(seederKey), point)
    }
    if (inquiry.open.size === 0) this.finish(key, answer.identifier)
    return true
  }

  /** Tells the nearest relays of a seeder that is introduced here, and so not where it is looked for. */
  tell(lookupKey: Uint8Array, point: ToldPoint): void {
    if (!this.asking.take() || this.isNear(lookupKey)) return
    const body = { identifier: 0, infoHash: lookupKey, peers: [point] }
    const packet = encodePacket(this.options.prefix, MESSAGE.peersResponse, body)
    for (const { link } of this.nearest(lookupKey)) link.send(packet.slice(), 0)
  }

  private nearest(lookupKey: Uint8Array): { address: IpAddress; link: Link }[] {
    const { neighbours } = this.options
    const relays = neighbours.relays()
    const near = nearestRelays(lookupKey, relays, INTRODUCTION_POINTS, ({ silent }) => silent !== true)
    return near.flatMap(({ address }) => {
      const link = neighbours.linkTo(address)
      return link ? [{ address, link }] : []
    })
  }

  private finish(key: string, identifier: number): void {
    const inquiry = this.inquiries.get(key)
    this.inquiries.delete(key)
    this.identifiers.delete(identifier)
    if (!inquiry) return
    inquiry.timer.cancel()
    const points = [...inquiry.found.values()]
    if (points.length === 0 && inquiry.answered) this.noteEmpty(key)
    for (const done of inquiry.done) done(points)
  }

  private noteEmpty(key: string): void {
    this.empty.delete(key)
    this.empty.set(key, this.options.clock.now())
    const [oldest] = this.empty.keys()
    if (this.empty.size > this.options.limits.lookups && oldest !== undefined) this.empty.delete(oldest)
  }

  /** 0 marks what nobody asked for. */
  private freshIdentifier(): number {
    for (;;) {
      const identifier = uint16(this.options.random)
      if (identifier !== 0 && !this.identifiers.has(identifier)) return identifier
    }
  }
}
