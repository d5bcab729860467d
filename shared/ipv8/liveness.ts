import { formatAddress, type IpAddress, sameAddress } from '../bytes/address.ts'
import type { KeyPair } from '../identity/keys.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { type Random, shuffled, uint16 } from '../world/random.ts'
import {
  DISCOVERY_COMMUNITY_ID,
  PING,
  PONG,
  SIMILARITY_REQUEST,
  SIMILARITY_RESPONSE,
  type WalkSettings,
} from './constants.ts'
import { ping, similarityRequest, similarityResponse } from './discovery.ts'
import { messageIdOf, openSigned, prefixOf, readUnsigned, signedPacket, unsignedPacket } from './packet.ts'
import type { KnownPeer, PeerTable } from './peer-table.ts'
import type { TokenBucket } from './token-bucket.ts'

interface OpenPing {
  readonly address: IpAddress
  readonly identifier: number
  readonly sentMs: number
}

export interface LivenessOptions {
  readonly keyPair: KeyPair
  /** Named in similarity responses. */
  readonly communityIds: readonly Uint8Array[]
  readonly table: PeerTable
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  readonly settings: WalkSettings
  readonly verifications: TokenBucket
  readonly unsignedAnswers: TokenBucket
  send(address: IpAddress, packet: Uint8Array): void
}

/**
 * The part of the DiscoveryCommunity that keeps peers known: pings those silent, drops those that stay silent, answers
 * pings and similarity requests. Our identifiers are random, where py-ipv8's follow its clock, so that a pong proves that
 * the ping was received.
 */
export class Liveness {
  private readonly options: LivenessOptions
  private readonly prefix = prefixOf(DISCOVERY_COMMUNITY_ID)
  private readonly open = new Map<string, OpenPing>()
  private time = 0n

  constructor(options: LivenessOptions) {
    this.options = options
  }

  /** True if the packet is of the DiscoveryCommunity. Throws CodecError. */
  receive(source: IpAddress, packet: Uint8Array): boolean {
    const id = messageIdOf(packet, this.prefix)
    if (id === PING) this.onPing(source, packet)
    else if (id === PONG) this.onPong(source, packet)
    else if (id === SIMILARITY_REQUEST) this.onSimilarityRequest(source, packet)
    else if (id !== undefined) this.options.counters.add('ipv8-unhandled-message')
    return id !== undefined
  }

  /** One look at a few random peers. */
  tick(): void {
    const { clock, random, settings, table, counters } = this.options
    const now = clock.now()
    for (const [key, sent] of this.open) {
      if (now - sent.sentMs >= settings.pingIntervalMs) this.open.delete(key)
    }
    for (const peer of shuffled(random, table.list()).slice(0, settings.livenessSample)) {
      const silentMs = now - peer.lastHeard
      if (silentMs >= settings.dropAfterSilenceMs) {
        table.remove(peer)
        counters.add('ipv8-peer-silent')
      } else if (silentMs >= settings.pingAfterSilenceMs || peer.roundTrips < settings.roundTrips) {
        if (now - peer.lastPing >= settings.pingIntervalMs) this.sendPing(peer, now)
      }
    }
  }

  private sendPing(peer: KnownPeer, now: number): void {
    const identifier = uint16(this.options.random)
    peer.lastPing = now
    this.open.set(formatAddress(peer.address), { address: peer.address, identifier, sentMs: now })
    this.options.send(
      peer.address,
      unsignedPacket(this.prefix, PING, ping, { time: ++this.time, identifier }),
    )
  }

  private onPing(source: IpAddress, packet: Uint8Array): void {
    const { identifier } = readUnsigned(packet, ping)
    if (!this.options.unsignedAnswers.take()) {
      this.options.counters.add('ipv8-unsigned-limit')
      return
    }
    this.options.send(source, unsignedPacket(this.prefix, PONG, ping, { time: ++this.time, identifier }))
  }

  private onPong(source: IpAddress, packet: Uint8Array): void {
    const { identifier } = readUnsigned(packet, ping)
    const key = formatAddress(source)
    const sent = this.open.get(key)
    if (sent === undefined || sent.identifier !== identifier) {
      this.options.counters.add('ipv8-unasked-answer')
      return
    }
    this.open.delete(key)
    const now = this.options.clock.now()
    for (const peer of this.options.table.list()) {
      if (!sameAddress(peer.address, source)) continue
      peer.lastHeard = now
      peer.rttMs = now - sent.sentMs
      peer.roundTrips++
    }
  }

  private onSimilarityRequest(source: IpAddress, packet: Uint8Array): void {
    const { counters, keyPair, verifications } = this.options
    if (!verifications.take()) {
      counters.add('ipv8-verification-limit')
      return
    }
    const { value } = openSigned(packet, similarityRequest)
    const response = {
      time: ++this.time,
      identifier: value.identifier,
      communities: [...this.options.communityIds, DISCOVERY_COMMUNITY_ID],
      overlap: new Uint8Array(),
    }
    this.options.send(
      source,
      signedPacket(this.prefix, SIMILARITY_RESPONSE, keyPair, similarityResponse, response),
    )
  }
}
