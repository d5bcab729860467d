import { formatAddress, type IpAddress, sameAddress } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import { SIGNATURE_BYTES } from '../identity/keys.ts'
import { pick } from '../world/random.ts'
import { BoundedMap } from './bounded-map.ts'
import { type Community, connectionTypeIn } from './community.ts'
import {
  bitsOfConnectionType,
  type ConnectionType,
  type IntroductionRequest,
  type IntroductionStyle,
  NEW_STYLE,
  REQUEST_NEW_STYLE_BIT,
} from './introduction.ts'
import { PUNCTURE_FRESH_MS } from './nat.ts'
import { isLoopback, isPrivate, isUnicast } from './network-of.ts'
import { parseSigned, readUnsigned, signedPacket, unsignedPacket } from './packet.ts'
import type { KnownPeer } from './peer-table.ts'
import type { Surroundings } from './surroundings.ts'

/** Why a packet was not taken, as the counter's name. */
export type Refusal = string | undefined

interface Sending {
  readonly to: IpAddress
  readonly packet: Uint8Array
}

/** What a request was answered with, for the copies of it that retries bring. */
interface Answer {
  readonly sendings: readonly Sending[]
  readonly atMs: number
  copies: number
}

/** N-04: a request is sent five times at most. */
const MAX_COPIES = 4
const ANSWER_MS = 10_000
const MAX_ANSWERS = 128

export interface AnswersEvents {
  /** A request was answered whose sender never answered anything of ours and is not in the table: he may be pinged. */
  onUnproven(source: IpAddress): void
  /**
   * A peer has shown up where another is known: perhaps it was started anew with another key, and the old one's pings are
   * answered by it; perhaps the source is forged. Whoever answers a request there is the one.
   */
  onContested(source: IpAddress): void
}

/** The half of introductions that others begin: requests, which name somebody and have him puncture, and puncture requests. */
export class IntroductionAnswers {
  private readonly around: Surroundings
  private readonly community: Community
  private readonly answers = new BoundedMap<string, Answer>(MAX_ANSWERS)
  /** When we punctured whom, by address. */
  private readonly punctured = new BoundedMap<string, number>(MAX_ANSWERS)
  private readonly events: AnswersEvents

  constructor(around: Surroundings, community: Community, events: AnswersEvents) {
    this.around = around
    this.community = community
    this.events = events
  }

  onRequest(source: IpAddress, packet: Uint8Array, style: IntroductionStyle): Refusal {
    const { keyPair, contacts, limits, nat } = this.around
    const { table } = this.community
    if (!limits.request(source)) return 'ipv8-request-limit'
    const { key, value: request, verify } = parseSigned(packet, style.request)
    // py-ipv8 answers itself. Ours has nothing to learn from itself.
    if (key.equals(keyPair.publicKey)) return 'ipv8-own-key'
    if (source.kind === 'ipv6' && !style.anyFamily) return 'ipv8-old-style-ipv6'
    const copyKey = `${formatAddress(source)} ${toHex(packet.subarray(-SIGNATURE_BYTES))}`
    const before = this.answers.get(copyKey)
    if (before && this.around.clock.now() - before.atMs < ANSWER_MS) return this.repeat(before)
    // A full node does not answer strangers; asked before the signature, which costs the most.
    const known = table.find(key)
    if (table.full && !known) return 'ipv8-table-full'
    const contact = contacts.at(source)
    if (!limits.largerAnswer(source, contact)) return 'ipv8-answer-limit'
    if (!limits.verification(source, contact)) return 'ipv8-verification-limit'
    verify()
    if (!contact && !contacts.everSentTo(source)) nat.reachedBy(source)
    if (!contact && this.cameThroughPuncture(source)) nat.puncture(source, true)
    const connectionType = connectionTypeIn(style, 'request', request.bits) ?? 'unknown'
    contacts.signed(source, connectionType)
    const resident = table.at(source)
    const peer = this.community.admit(key, source, request, connectionType)
    if (peer) {
      peer.lan = isUnicast(request.lan) ? request.lan : undefined
      peer.newStyle ||= style === NEW_STYLE || (request.bits & REQUEST_NEW_STYLE_BIT) !== 0
    } else if (!contact?.proven) {
      this.events.onUnproven(source)
    }
    if (peer && resident && resident !== peer) this.events.onContested(source)
    const introduced = this.choose(source, known ?? peer, connectionType, style)
    const answer = {
      sendings: this.respond(source, request, style, introduced),
      atMs: this.around.clock.now(),
      copies: 0,
    }
    this.answers.set(copyKey, answer)
    this.send(answer)
    return undefined
  }

  /**
   * Unsigned, and its answer is four times as large and goes wherever it says: it must come from where a signed packet came
   * from lately (who introduces us knows us), and is bounded by introducer and by target. What comes from the address of
   * one who never answered us there, so that it may be forged, gets next to nothing.
   */
  onPunctureRequest(source: IpAddress, packet: Uint8Array, style: IntroductionStyle): Refusal {
    const { own, contacts, limits, keyPair, counters } = this.around
    const request = readUnsigned(packet, style.punctureRequest)
    const behindOurNat = request.walkerWan.host === own.wan(request.walkerWan.kind).host
    const target = behindOurNat ? request.walkerLan : request.walkerWan
    if (!isUnicast(target) || !this.around.reaches(target)) return 'ipv8-puncture-target'
    const introducer = contacts.at(source)
    if (!introducer) return 'ipv8-puncture-stranger'
    if (!limits.puncture(source, introducer, target)) return 'ipv8-unsigned-limit'
    contacts.heard(source)
    const { lan } = this.community.ownAddresses(style, target)
    const puncture = signedPacket(this.community.prefix, style.punctureId, keyPair, style.puncture, {
      time: this.community.claimTime(),
      lan,
      wan: request.walkerWan,
      identifier: request.identifier,
    })
    counters.add('ipv8-puncture-sent')
    this.punctured.set(formatAddress(target), this.around.clock.now())
    this.around.send(target, puncture)
    return undefined
  }

  /** Whether what comes from there had our puncture to open our NAT for it: it came to where the introducer sees us. */
  private cameThroughPuncture(source: IpAddress): boolean {
    const { clock, own } = this.around
    const atMs = this.punctured.get(formatAddress(source))
    if (atMs === undefined || clock.now() - atMs > PUNCTURE_FRESH_MS) return false
    return !isPrivate(source) && !isLoopback(source) && source.host !== own.wan(source.kind).host
  }

  /** A random other peer of the community; two behind symmetric NATs would not meet. */
  private choose(
    source: IpAddress,
    asking: KnownPeer | undefined,
    connectionType: ConnectionType,
    style: IntroductionStyle,
  ): KnownPeer | undefined {
    const fits = (peer: KnownPeer) =>
      peer !== asking &&
      !sameAddress(peer.address, source) &&
      (style.anyFamily || peer.address.kind === 'ipv4') &&
      !(connectionType === 'symmetric-nat' && peer.connectionType === 'symmetric-nat')
    return pick(this.around.random, this.community.table.list().filter(fits))
  }

  /** The response claims the clock first, and is sent last: py-ipv8's order. */
  private respond(
    source: IpAddress,
    request: IntroductionRequest,
    style: IntroductionStyle,
    introduced: KnownPeer | undefined,
  ): Sending[] {
    const { prefix, extra } = this.community
    const time = this.community.claimTime()
    const sendings: Sending[] = []
    if (introduced) {
      const punctureRequest = unsignedPacket(prefix, style.punctureRequestId, style.punctureRequest, {
        time: this.community.claimTime(),
        walkerLan: request.destination,
        walkerWan: source,
        identifier: request.identifier,
      })
      sendings.push({ to: introduced.address, packet: punctureRequest })
    }
    const addresses = this.community.introducedAddresses(introduced, style)
    const connection = style.responseTellsConnection
      ? bitsOfConnectionType(this.around.nat.connectionType)
      : 0
    const packet = signedPacket(prefix, style.responseId, this.around.keyPair, style.response, {
      time,
      destination: source,
      ...this.community.ownAddresses(style, source),
      introducedLan: addresses.lan,
      introducedWan: addresses.wan,
      bits: style.responseBits | connection | (introduced?.newStyle ? style.introducedNewStyleBit : 0),
      identifier: request.identifier,
      extra,
    })
    sendings.push({ to: source, packet })
    return sendings
  }

  /** A copy gets the same bytes: no signature checked or made, and nobody else introduced. */
  private repeat(answer: Answer): Refusal {
    if (answer.copies >= MAX_COPIES) return 'ipv8-request-replayed'
    answer.copies++
    this.around.counters.add('ipv8-request-copy')
    this.send(answer)
    return undefined
  }

  private send({ sendings }: Answer): void {
    for (const { to, packet } of sendings) this.around.send(to, packet)
  }
}
