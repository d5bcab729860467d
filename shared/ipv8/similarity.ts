import { formatAddress, type IpAddress, sameAddress } from '../bytes/address.ts'
import { equalBytes } from '../bytes/bytes.ts'
import type { PublicKey } from '../identity/keys.ts'
import { pick, uint16 } from '../world/random.ts'
import { BoundedMap } from './bounded-map.ts'
import type { Community } from './community.ts'
import { DISCOVERY_COMMUNITY_ID, SIMILARITY_REQUEST, SIMILARITY_RESPONSE } from './constants.ts'
import { similarityRequest, similarityResponse } from './discovery.ts'
import { bitsOfConnectionType } from './introduction.ts'
import type { Refusal } from './introduction-answers.ts'
import { parseSigned, signedPacket } from './packet.ts'
import type { PeerTable } from './peer-table.ts'
import type { Surroundings } from './surroundings.ts'

const MAX_OPEN = 64

interface OpenQuestion {
  readonly identifier: number
  readonly askedMs: number
  wrongAnswers: number
}

/**
 * The part of the DiscoveryCommunity by which peers learn which communities they share: asked of one peer of it in turn,
 * answered to all.
 */
export class Similarity {
  private readonly around: Surroundings
  private readonly discovery: Community
  private readonly tables: readonly PeerTable[]
  private readonly communityIds: readonly Uint8Array[]
  /** Somebody there says that he is in our community. */
  private readonly onShared: (address: IpAddress) => void
  private readonly open = new BoundedMap<string, OpenQuestion>(MAX_OPEN)
  private lastAskedMs = Number.NEGATIVE_INFINITY

  constructor(
    around: Surroundings,
    discovery: Community,
    tables: readonly PeerTable[],
    communityId: Uint8Array,
    onShared: (address: IpAddress) => void,
  ) {
    this.around = around
    this.discovery = discovery
    this.tables = tables
    this.communityIds = [communityId, DISCOVERY_COMMUNITY_ID]
    this.onShared = onShared
  }

  tick(): void {
    const { clock, random, settings } = this.around
    if (clock.now() - this.lastAskedMs < settings.similarityMs) return
    const peer = pick(random, this.discovery.table.list())
    if (peer) this.ask(peer.address)
  }

  ask(address: IpAddress): void {
    const { clock, random, keyPair, own, nat, settings } = this.around
    const now = clock.now()
    this.lastAskedMs = now
    const before = this.open.get(formatAddress(address))
    // An answer may be on its way: it is the right one to this question too.
    const again = before !== undefined && now - before.askedMs < settings.requestTimeoutMs
    const identifier = again ? before.identifier : uint16(random)
    const askedMs = again ? before.askedMs : now
    // Whoever guesses is given no more guesses by another question.
    const wrongAnswers = before?.wrongAnswers ?? 0
    this.open.set(formatAddress(address), { identifier, askedMs, wrongAnswers })
    const request = {
      time: this.discovery.claimTime(),
      identifier,
      lan: own.lan('ipv4'),
      wan: own.wan('ipv4'),
      bits: bitsOfConnectionType(nat.connectionType),
      communities: [...this.communityIds],
    }
    this.around.send(
      address,
      signedPacket(this.discovery.prefix, SIMILARITY_REQUEST, keyPair, similarityRequest, request),
    )
  }

  onRequest(source: IpAddress, packet: Uint8Array): Refusal {
    const { contacts, limits, keyPair } = this.around
    if (!limits.request(source)) return 'ipv8-request-limit'
    const { key, value, verify } = parseSigned(packet, similarityRequest)
    if (key.equals(keyPair.publicKey)) return 'ipv8-own-key'
    // Whoever asks is in one himself. An answer that names no more than he did is no larger than the request.
    if (value.communities.length === 0) return 'ipv8-similarity-empty'
    const contact = contacts.at(source)
    if (!limits.largerAnswer(source, contact)) return 'ipv8-answer-limit'
    if (!limits.verification(source, contact)) return 'ipv8-verification-limit'
    verify()
    contacts.signed(source)
    const response = {
      time: this.discovery.claimTime(),
      identifier: value.identifier,
      communities: this.communityIds.slice(0, value.communities.length),
      overlap: new Uint8Array(),
    }
    this.around.send(
      source,
      signedPacket(this.discovery.prefix, SIMILARITY_RESPONSE, keyPair, similarityResponse, response),
    )
    this.consider(source, value.communities)
    return undefined
  }

  onResponse(source: IpAddress, packet: Uint8Array): Refusal {
    const { contacts, limits, clock, settings } = this.around
    const { key, value, verify } = parseSigned(packet, similarityResponse)
    const asked = this.open.get(formatAddress(source))
    if (asked === undefined) return 'ipv8-unasked-answer'
    if (asked.identifier !== value.identifier) {
      asked.wrongAnswers++
      return 'ipv8-answer-wrong-identifier'
    }
    if (!limits.verification(source, contacts.at(source))) return 'ipv8-verification-limit'
    verify()
    this.open.delete(formatAddress(source))
    contacts.signed(source)
    // What may be a guess proves nothing.
    if (asked.wrongAnswers < settings.wrongAnswers) this.proves(key, source)
    const peer = this.discovery.table.find(key)
    if (peer) this.discovery.table.admit(key, source, clock.now(), settings.pingAfterSilenceMs)
    this.consider(source, value.communities)
    return undefined
  }

  private proves(key: PublicKey, source: IpAddress): void {
    this.around.contacts.answered(source)
    for (const table of this.tables) {
      const peer = table.find(key)
      if (peer && sameAddress(peer.address, source)) peer.proven = true
    }
  }

  private consider(source: IpAddress, communities: readonly Uint8Array[]): void {
    const [ours] = this.communityIds
    if (ours && communities.some((each) => equalBytes(each, ours))) this.onShared(source)
  }
}
