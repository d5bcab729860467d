import { type IpAddress, isNoAddress, sameAddress } from '../bytes/address.ts'
import { type Community, connectionTypeIn } from './community.ts'
import { type Handshake, Handshakes } from './handshakes.ts'
import {
  bitsOfConnectionType,
  type IntroductionResponse,
  type IntroductionStyle,
  NEW_STYLE,
  OLD_STYLE,
} from './introduction.ts'
import type { Refusal } from './introduction-answers.ts'
import { PUNCTURE_FRESH_MS } from './nat.ts'
import { isLoopback, isPrivate, isUnicast } from './network-of.ts'
import { parseSigned, signedPacket } from './packet.ts'
import type { KnownPeer } from './peer-table.ts'
import type { Surroundings } from './surroundings.ts'

export interface RequestsEvents {
  /** Somebody answered a request that went to `handshake.address`; `peer` if the table took him. */
  onAnswer(handshake: Handshake, source: IpAddress, peer: KnownPeer | undefined): void
  onUnreachable(handshake: Handshake): void
  /** Somebody signed what came from there, and has not shown that he receives what is sent there: he may be pinged. */
  onUnproven(source: IpAddress): void
  /** A peer of the table failed so often in a row that it is none any more. */
  onPeerFailed(peer: KnownPeer): void
  /**
   * Whether who answers at a bootstrap address is a member. py-ipv8's trackers answer for every community without being
   * of any; of the tunnel community, members tell their flags.
   */
  isMember(response: IntroductionResponse, source: IpAddress): boolean
}

/** An introducer silent for longer may have introduced somebody long gone. */
const INTRODUCER_ALIVE_MS = 60_000

/** The half of introductions that we begin: requests, their answers, and the punctures that follow from them. */
export class IntroductionRequests {
  readonly handshakes: Handshakes
  private readonly around: Surroundings
  private readonly community: Community
  private readonly events: RequestsEvents

  constructor(around: Surroundings, community: Community, events: RequestsEvents) {
    const { clock, counters, settings } = around
    this.around = around
    this.community = community
    this.events = events
    this.handshakes = new Handshakes({
      clock,
      counters,
      settings,
      send: (address, packet) => around.send(address, packet),
      onUnreachable: (handshake) => this.onUnreachable(handshake),
    })
  }

  /** Whether a request may go there: not while one is open, nor while it rests after failures. */
  mayAsk(address: IpAddress): boolean {
    return !this.handshakes.isWaitingFor(address) && !this.community.resting.has(address)
  }

  /** Sends an introduction request; in old style unless the address is IPv6 or known to understand the new one. */
  ask(address: IpAddress, { newStyle = false, bootstrap = false } = {}): void {
    const { keyPair, nat } = this.around
    if (!isUnicast(address) || !this.around.reaches(address)) return
    const peer = this.community.table.at(address)
    const told = this.community.told.find(address)
    const useNew = newStyle || address.kind === 'ipv6' || peer?.newStyle || told?.newStyle
    const style = useNew ? NEW_STYLE : OLD_STYLE
    const time = this.community.claimTime()
    // py-ipv8's follow its clock, which all its packets tell. Ours are random: an answer comes from who received the request.
    const identifier = this.handshakes.newIdentifier(this.around.random)
    const packet = signedPacket(this.community.prefix, style.requestId, keyPair, style.request, {
      time,
      destination: address,
      ...this.community.ownAddresses(style, address),
      bits: style.requestBits | bitsOfConnectionType(nat.connectionType),
      identifier,
      extra: this.community.extra,
    })
    const rtt = peer?.rttMs
    if (peer) peer.state = 'intro-request-sent'
    this.handshakes.begin({
      address,
      identifier,
      packet,
      bootstrap,
      introduction: told?.introduction,
      expectedMs: rtt === undefined ? undefined : rtt + 4 * (peer?.rttVarianceMs ?? 0),
    })
  }

  /**
   * py-ipv8 takes any correctly signed response. Ours takes those to a request that is open (by identifier) and from the
   * host that was asked, so that nobody tells us our WAN address or whom to walk to without having been asked. Only those
   * from the very address prove anything; from another one that the same peer may have, a ping has to.
   */
  onResponse(source: IpAddress, packet: Uint8Array, style: IntroductionStyle): Refusal {
    const { keyPair, clock, contacts, limits, own } = this.around
    const { key, value: response, verify } = parseSigned(packet, style.response)
    const handshake = this.handshakes.find(response.identifier)
    if (!handshake) {
      return this.handshakes.wrongAnswer(source) ? 'ipv8-answer-wrong-identifier' : 'ipv8-unasked-answer'
    }
    // An honest peer may answer from its other IP version, where another question of ours is open: no guess at that one.
    if (!this.mayAnswer(handshake, source)) return 'ipv8-unasked-answer'
    // A slow peer answers every copy of the request.
    if (handshake.answered) return 'ipv8-duplicate-answer'
    if (key.equals(keyPair.publicKey)) return 'ipv8-own-key'
    if (!limits.verification(source, contacts.at(source))) return 'ipv8-verification-limit'
    verify()
    this.handshakes.happen(handshake, isNoAddress(response.introducedWan) ? 'last-response' : 'response')
    const connectionType = connectionTypeIn(style, 'response', response.bits)
    contacts.signed(source, connectionType)
    this.community.resting.delete(handshake.address)
    if (this.saysSomethingOfOurNat(handshake)) this.around.nat.puncture(handshake.address, true)
    // Who received the request may still write another source; and who did not may guess, in time.
    const proven = sameAddress(source, handshake.address) && !this.handshakes.isGuessedAt(handshake)
    if (proven) {
      contacts.answered(source)
      own.vote(source, response.destination)
      this.community.table.removeOthersAt(source, key)
    }
    const member = !handshake.bootstrap || this.events.isMember(response, source)
    const peer = member ? this.community.admit(key, source, response, connectionType) : undefined
    this.community.told.delete(handshake.address)
    if (peer) {
      if (proven && handshake.tries === 1) peer.measured(clock.now() - handshake.startedMs)
      peer.newStyle ||= style === NEW_STYLE || (response.bits & style.senderNewStyleBit) !== 0
      peer.state = handshake.state
      peer.proven ||= proven
      if (proven) peer.record.success()
    }
    if (!proven) this.events.onUnproven(source)
    this.learnIntroduced(source, response, (response.bits & style.introducedNewStyleBit) !== 0)
    this.events.onAnswer(handshake, source, peer)
    return undefined
  }

  /**
   * A puncture opened its sender's NAT for us; where it comes from is where the sender can be reached, even if his NAT
   * maps every destination to another port. py-ipv8 ignores it.
   */
  onPuncture(source: IpAddress, packet: Uint8Array, style: IntroductionStyle): Refusal {
    const { contacts, counters, limits, own } = this.around
    const { key, value: puncture, verify } = parseSigned(packet, style.puncture)
    const handshake = this.handshakes.find(puncture.identifier)
    if (!handshake) return 'ipv8-unasked-puncture'
    if (handshake.state === 'complete') return 'ipv8-duplicate-puncture'
    if (key.equals(this.around.keyPair.publicKey)) return 'ipv8-own-key'
    if (!limits.verification(source, contacts.at(source))) return 'ipv8-verification-limit'
    verify()
    if (!this.handshakes.happen(handshake, 'puncture')) return 'ipv8-unasked-puncture'
    counters.add('ipv8-puncture-received')
    contacts.signed(source)
    const introducer = this.community.table.at(handshake.address)
    if (introducer) introducer.state = handshake.state
    if (own.isOwn(source) || this.community.table.find(key)) return undefined
    const introduction = { introducer: handshake.address, atMs: this.around.clock.now() }
    const newStyle = style === NEW_STYLE || this.community.told.find(source)?.newStyle === true
    this.community.told.add(source, newStyle, { introduction, punctured: true })
    return undefined
  }

  private mayAnswer({ address }: Handshake, source: IpAddress): boolean {
    if (source.host === address.host) return true
    // py-ipv8 with both IP versions answers to and from the address that it prefers for us, whichever was asked.
    if (source.kind !== address.kind) return this.around.contacts.at(source) !== undefined
    // Through our own NAT and back (hairpin), an answer may come from its sender's LAN address.
    return address.host === this.around.own.wan(address.kind).host && isPrivate(source)
  }

  /** Which addresses of an introduced peer to try (IPV8-WIRE "Format"). */
  private learnIntroduced(introducer: IpAddress, response: IntroductionResponse, newStyle: boolean): void {
    const { introducedLan: lan, introducedWan: wan } = response
    if (isNoAddress(wan)) return
    const { own, clock } = this.around
    const learn = (address: IpAddress) => this.learn(address, newStyle, { introducer, atMs: clock.now() })
    if (wan.host !== own.wan(wan.kind).host) {
      learn(lan)
      learn(wan)
    } else if (!isNoAddress(lan)) {
      learn(lan)
    } else {
      learn(wan)
      learn({ ...own.lan(wan.kind), port: wan.port })
    }
  }

  private learn(
    address: IpAddress,
    newStyle: boolean,
    introduction: { introducer: IpAddress; atMs: number },
  ): void {
    const { own, nat, contacts, counters } = this.around
    if (own.isOwn(address) || !this.around.reaches(address) || this.community.table.at(address)) return
    if (this.community.resting.has(address)) return
    const symmetric = contacts.at(address)?.connectionType === 'symmetric-nat'
    if (symmetric && nat.type === 'likely-symmetric') {
      counters.add('ipv8-symmetric-both')
      return
    }
    // The puncture may have been quicker than the response.
    if (this.community.told.find(address)?.punctured) return
    this.community.told.add(address, newStyle, { introduction })
  }

  private onUnreachable(handshake: Handshake): void {
    const { settings, nat, clock, contacts } = this.around
    this.community.told.delete(handshake.address)
    if (this.saysSomethingOfOurNat(handshake)) {
      const introducer = handshake.introduction && contacts.at(handshake.introduction.introducer)
      // Behind a symmetric NAT of its own, it was met at another port, where its puncture came from.
      const met = this.community.table.list().some((peer) => peer.address.host === handshake.address.host)
      const introducerLives = introducer && clock.now() - introducer.lastHeard < INTRODUCER_ALIVE_MS
      if (introducerLives && !met) nat.puncture(handshake.address, false)
    }
    const peer = this.community.table.list().find((each) => sameAddress(each.address, handshake.address))
    if (peer) {
      peer.state = 'unreachable'
      // A full py-ipv8 node answers pings but no introductions: it counts as one failure, which a pong makes good.
      peer.record.failure(clock.now())
      if (peer.record.consecutiveFailures >= settings.failuresUntilUnreachable) this.events.onPeerFailed(peer)
    } else if (!handshake.bootstrap) {
      this.community.resting.rest(handshake.address)
    }
    this.events.onUnreachable(handshake)
  }

  /** Whether a request went where a puncture was just asked for, over the Internet. */
  private saysSomethingOfOurNat({ address, introduction, startedMs }: Handshake): boolean {
    if (!introduction || startedMs - introduction.atMs > PUNCTURE_FRESH_MS) return false
    const { host } = this.around.own.wan(address.kind)
    return !isPrivate(address) && !isLoopback(address) && address.host !== host
  }
}
