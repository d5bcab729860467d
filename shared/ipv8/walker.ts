import { formatAddress, type IpAddress, isNoAddress, NO_ADDRESS, sameAddress } from '../bytes/address.ts'
import { CodecError } from '../bytes/error.ts'
import type { KeyPair, PublicKey } from '../identity/keys.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { below, pick, type Random } from '../world/random.ts'
import { AddressBook } from './address-book.ts'
import { WALK_DEFAULTS, type WalkSettings } from './constants.ts'
import {
  extraOf,
  flagsOf,
  type IntroductionRequest,
  type IntroductionResponse,
  type IntroductionStyle,
  NEW_STYLE,
  OLD_STYLE,
  REQUEST_NEW_STYLE_BIT,
} from './introduction.ts'
import { Liveness } from './liveness.ts'
import { isPrivateIpv4, isUnicast } from './network-of.ts'
import { messageIdOf, parseSigned, prefixOf, readUnsigned, signedPacket, unsignedPacket } from './packet.ts'
import { type KnownPeer, type Peer, PeerTable } from './peer-table.ts'
import { TokenBucket } from './token-bucket.ts'

export interface WalkerOptions {
  readonly keyPair: KeyPair
  readonly communityId: Uint8Array
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  /** FLAG_... that we offer. */
  readonly flags: number
  /** A WAN address given here is kept; otherwise it is what the last response said it saw. */
  readonly addresses: { readonly lan: IpAddress; readonly wan?: IpAddress }
  readonly settings?: Partial<WalkSettings>
  /** Where the Lamport clock starts. */
  readonly initialTime?: bigint
  send(address: IpAddress, packet: Uint8Array): void
}

interface OpenRequest {
  readonly address: IpAddress
  readonly identifier: number
  readonly sentMs: number
}

/** Why a packet was not taken, as the counter's name. */
type Refusal = string | undefined

const STYLE_OF: ReadonlyMap<number, IntroductionStyle> = new Map(
  [OLD_STYLE, NEW_STYLE].flatMap((style) =>
    [style.requestId, style.responseId, style.punctureRequestId, style.punctureId].map(
      (id) => [id, style] as const,
    ),
  ),
)

/**
 * Finds the peers of one community and stays known to them: introductions, punctures, py-ipv8's random walk, pings
 * (IPV8-WIRE "Format", "Walking and staying known"). Bounded: peers, addresses, open requests, signatures checked and
 * answers to unsigned packets per second.
 */
export class Walker {
  private readonly options: WalkerOptions
  private readonly settings: WalkSettings
  private readonly prefix: Uint8Array
  private readonly table: PeerTable
  private readonly told: AddressBook
  private readonly bootstrap: IpAddress[] = []
  /** By address: what is asked there and not yet answered. */
  private readonly open = new Map<string, OpenRequest>()
  private readonly liveness: Liveness
  private readonly verifications: TokenBucket
  private readonly unsignedAnswers: TokenBucket
  private readonly extra: Uint8Array
  private estimatedWan: IpAddress
  private time: bigint
  private timer: Timer | undefined

  constructor(options: WalkerOptions) {
    const settings = { ...WALK_DEFAULTS, ...options.settings }
    this.options = options
    this.settings = settings
    this.prefix = prefixOf(options.communityId)
    this.table = new PeerTable(settings.maxPeers, settings.maxPeersPerNetwork)
    this.told = new AddressBook(settings.maxAddresses)
    this.verifications = new TokenBucket(options.clock, settings.verificationsPerSecond)
    this.unsignedAnswers = new TokenBucket(options.clock, settings.unsignedAnswersPerSecond)
    this.extra = extraOf(options.flags)
    this.estimatedWan = options.addresses.wan ?? NO_ADDRESS
    this.time = options.initialTime ?? 0n
    this.liveness = new Liveness({
      keyPair: options.keyPair,
      communityIds: [options.communityId],
      table: this.table,
      clock: options.clock,
      random: options.random,
      counters: options.counters,
      settings,
      verifications: this.verifications,
      unsignedAnswers: this.unsignedAnswers,
      send: (address, packet) => options.send(address, packet),
    })
  }

  /** Our WAN address: given, or as others see us; NO_ADDRESS until one said so. */
  get wan(): IpAddress {
    return this.estimatedWan
  }

  peers(): readonly Peer[] {
    return this.table.list()
  }

  /** Addresses that introducers told and that were not heard from yet. */
  walkable(): readonly IpAddress[] {
    return this.told.list().map((each) => each.address)
  }

  /** Asked whenever nobody is known. */
  addBootstrap(addresses: readonly IpAddress[]): void {
    for (const address of addresses) {
      if (!this.bootstrap.some((known) => sameAddress(known, address))) this.bootstrap.push(address)
    }
  }

  /** Starts walking at once. Idempotent. */
  start(): void {
    if (this.timer) return
    const tick = () => {
      this.timer = this.options.clock.after(this.settings.tickMs, tick)
      this.walk()
      this.liveness.tick()
    }
    tick()
  }

  stop(): void {
    this.timer?.cancel()
    this.timer = undefined
  }

  /**
   * Takes a packet. True if it is of the DiscoveryCommunity, or an introduction or puncture of ours; false if it is
   * somebody else's (a cell, another community). Never throws: what is malformed or forged is counted and dropped.
   */
  receive(source: IpAddress, packet: Uint8Array): boolean {
    try {
      const id = messageIdOf(packet, this.prefix)
      if (id === undefined) return this.liveness.receive(source, packet)
      const style = STYLE_OF.get(id)
      if (!style) return false
      const refused = this.handle(id, style, source, packet)
      if (refused) this.options.counters.add(refused)
      return true
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
      this.options.counters.add(`ipv8-refused-${error.code}`)
      return true
    }
  }

  /** Sends an introduction request; in old style unless the address is IPv6 or known to understand the new one. */
  walkTo(address: IpAddress, newStyle = false): void {
    if (!isUnicast(address)) return
    const style =
      newStyle || address.kind === 'ipv6' || this.table.at(address)?.newStyle ? NEW_STYLE : OLD_STYLE
    const time = ++this.time
    const identifier = Number(time & 0xffffn)
    this.open.set(formatAddress(address), { address, identifier, sentMs: this.options.clock.now() })
    const packet = signedPacket(this.prefix, style.requestId, this.options.keyPair, style.request, {
      time,
      destination: address,
      lan: this.familyOf(style, this.options.addresses.lan),
      wan: this.familyOf(style, this.estimatedWan),
      bits: style.requestBits,
      identifier,
      extra: this.extra,
    })
    this.options.send(address, packet)
  }

  /** One step of RandomWalk. */
  private walk(): void {
    const { clock, random } = this.options
    const { settings } = this
    const now = clock.now()
    for (const [key, request] of this.open) {
      if (now - request.sentMs < settings.requestTimeoutMs) continue
      this.open.delete(key)
      this.told.delete(request.address)
    }
    if (this.open.size >= settings.window) return
    if (this.table.size >= settings.targetPeers) {
      const stale = this.table.list().find((peer) => now - peer.lastIntroduction >= settings.refreshMs)
      if (stale) {
        stale.lastIntroduction = now
        this.walkTo(stale.address)
      }
      return
    }
    const told = this.told.choose(random, (address) => !this.open.has(formatAddress(address)))
    if (told && below(random, 256) >= settings.resetChance) {
      this.walkTo(told.address, told.newStyle)
      return
    }
    const known = this.table.list().map((peer) => peer.address)
    const next = pick(random, known.length > 0 ? known : this.bootstrap)
    if (next && !this.open.has(formatAddress(next))) this.walkTo(next)
  }

  private handle(id: number, style: IntroductionStyle, source: IpAddress, packet: Uint8Array): Refusal {
    if (id === style.requestId) return this.onRequest(source, packet, style)
    if (id === style.responseId) return this.onResponse(source, packet, style)
    if (id === style.punctureRequestId) return this.onPunctureRequest(packet, style)
    // A puncture is done by arriving: it opened the sender's NAT for us.
    return undefined
  }

  private onRequest(source: IpAddress, packet: Uint8Array, style: IntroductionStyle): Refusal {
    const { key, value: request, verify } = parseSigned(packet, style.request)
    // py-ipv8 answers itself. Ours has nothing to learn from itself.
    if (key.equals(this.options.keyPair.publicKey)) return 'ipv8-own-key'
    if (source.kind === 'ipv6' && !style.anyFamily) return 'ipv8-old-style-ipv6'
    // A full node does not answer strangers; asked before the signature, which costs the most.
    if (this.table.full && !this.table.find(key)) return 'ipv8-table-full'
    if (!this.verifications.take()) return 'ipv8-verification-limit'
    verify()
    const peer = this.admit(key, source, request)
    if (peer) {
      peer.lan = isNoAddress(request.lan) ? undefined : request.lan
      peer.newStyle ||= style === NEW_STYLE || (request.bits & REQUEST_NEW_STYLE_BIT) !== 0
    }
    this.respond(source, key, request, style)
    return undefined
  }

  /** The response claims the clock first, and is sent last: py-ipv8's order. */
  private respond(
    source: IpAddress,
    key: PublicKey,
    request: IntroductionRequest,
    style: IntroductionStyle,
  ): void {
    const time = ++this.time
    const introduced = pick(
      this.options.random,
      this.table
        .list()
        .filter(
          (peer) =>
            !peer.publicKey.equals(key) &&
            !sameAddress(peer.address, source) &&
            (style.anyFamily || peer.address.kind === 'ipv4'),
        ),
    )
    if (introduced) {
      const punctureRequest = unsignedPacket(this.prefix, style.punctureRequestId, style.punctureRequest, {
        time: ++this.time,
        walkerLan: request.destination,
        walkerWan: source,
        identifier: request.identifier,
      })
      this.options.send(introduced.address, punctureRequest)
    }
    const packet = signedPacket(this.prefix, style.responseId, this.options.keyPair, style.response, {
      time,
      destination: source,
      lan: this.familyOf(style, this.options.addresses.lan),
      wan: this.familyOf(style, this.estimatedWan),
      introducedLan: this.familyOf(style, introduced?.lan ?? NO_ADDRESS),
      introducedWan: introduced?.address ?? NO_ADDRESS,
      bits: style.responseBits | (introduced?.newStyle ? style.introducedNewStyleBit : 0),
      identifier: request.identifier,
      extra: this.extra,
    })
    this.options.send(source, packet)
  }

  /**
   * py-ipv8 takes any correctly signed response. Ours takes those to a request that is open (by identifier), so that
   * nobody tells us our WAN address or whom to walk to without having been asked.
   */
  private onResponse(source: IpAddress, packet: Uint8Array, style: IntroductionStyle): Refusal {
    const { key, value: response, verify } = parseSigned(packet, style.response)
    const asked = [...this.open].find(([, request]) => request.identifier === response.identifier)
    if (!asked) return 'ipv8-unasked-answer'
    if (key.equals(this.options.keyPair.publicKey)) return 'ipv8-own-key'
    if (!this.verifications.take()) return 'ipv8-verification-limit'
    verify()
    const [openKey, request] = asked
    this.open.delete(openKey)
    this.told.delete(request.address)
    if (!this.options.addresses.wan && !isPrivateIpv4(response.destination)) {
      this.estimatedWan = response.destination
    }
    const peer = this.admit(key, source, response)
    if (peer) {
      peer.rttMs = this.options.clock.now() - request.sentMs
      peer.roundTrips++
      peer.newStyle ||= style === NEW_STYLE || (response.bits & style.senderNewStyleBit) !== 0
    }
    this.learnIntroduced(response, (response.bits & style.introducedNewStyleBit) !== 0)
    return undefined
  }

  /** Which addresses of an introduced peer to try (IPV8-WIRE "Format"). */
  private learnIntroduced(response: IntroductionResponse, newStyle: boolean): void {
    const { introducedLan: lan, introducedWan: wan } = response
    if (isNoAddress(wan)) return
    if (wan.host !== this.estimatedWan.host) {
      this.learn(lan, newStyle)
      this.learn(wan, newStyle)
    } else if (!isNoAddress(lan)) {
      this.learn(lan, newStyle)
    } else {
      this.learn(wan, newStyle)
      this.learn({ ...this.options.addresses.lan, port: wan.port }, newStyle)
    }
  }

  private learn(address: IpAddress, newStyle: boolean): void {
    const { lan } = this.options.addresses
    if (sameAddress(address, lan) || sameAddress(address, this.estimatedWan)) return
    if (!this.table.at(address)) this.told.add(address, newStyle)
  }

  /** Unsigned, so anyone may have sent it: rate-limited, and never towards what is not one host. */
  private onPunctureRequest(packet: Uint8Array, style: IntroductionStyle): Refusal {
    const request = readUnsigned(packet, style.punctureRequest)
    const target = request.walkerWan.host === this.estimatedWan.host ? request.walkerLan : request.walkerWan
    if (!isUnicast(target)) return 'ipv8-puncture-target'
    if (!this.unsignedAnswers.take()) return 'ipv8-unsigned-limit'
    const puncture = signedPacket(this.prefix, style.punctureId, this.options.keyPair, style.puncture, {
      time: ++this.time,
      lan: this.familyOf(style, this.options.addresses.lan),
      wan: request.walkerWan,
      identifier: request.identifier,
    })
    this.options.send(target, puncture)
    return undefined
  }

  private admit(key: PublicKey, source: IpAddress, introduction: IntroductionRequest): KnownPeer | undefined {
    const now = this.options.clock.now()
    const peer = this.table.admit(key, source, now, this.settings.pingAfterSilenceMs)
    if (peer === 'table-full' || peer === 'network-full') {
      this.options.counters.add(`ipv8-${peer}`)
      return undefined
    }
    peer.flags = flagsOf(introduction.extra)
    peer.lastIntroduction = now
    this.told.delete(source)
    return peer
  }

  /** Old-style messages have no room for IPv6: none then. */
  private familyOf(style: IntroductionStyle, address: IpAddress): IpAddress {
    return style.anyFamily || address.kind === 'ipv4' ? address : NO_ADDRESS
  }
}
