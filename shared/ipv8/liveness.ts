import { formatAddress, type IpAddress, sameAddress } from '../bytes/address.ts'
import { shuffled, uint16 } from '../world/random.ts'
import { BoundedMap } from './bounded-map.ts'
import type { Community } from './community.ts'
import { PING, PONG } from './constants.ts'
import { ping } from './discovery.ts'
import type { Refusal } from './introduction-answers.ts'
import { readUnsigned, unsignedPacket } from './packet.ts'
import type { KnownPeer, PeerTable } from './peer-table.ts'
import type { Surroundings } from './surroundings.ts'

interface OpenPing {
  readonly address: IpAddress
  readonly identifier: number
  readonly sentMs: number
  /** Sent more than once: a pong tells no round trip then. */
  readonly again: boolean
  wrongPongs: number
}

const MAX_OPEN = 256

/**
 * Keeps the peers of all communities known with the DiscoveryCommunity's ping: pings those silent, drops those that stay
 * silent, answers pings. Our identifiers are random, where py-ipv8's follow its clock, so that a pong proves that the ping
 * was received; after a few wrong ones from its address the right one proves nothing new.
 */
export class Liveness {
  private readonly around: Surroundings
  private readonly discovery: Community
  private readonly tables: readonly PeerTable[]
  private readonly onPeerFailed: (peer: KnownPeer) => void
  private readonly open = new BoundedMap<string, OpenPing>(MAX_OPEN)

  constructor(
    around: Surroundings,
    discovery: Community,
    tables: readonly PeerTable[],
    onPeerFailed: (peer: KnownPeer) => void,
  ) {
    this.around = around
    this.discovery = discovery
    this.tables = tables
    this.onPeerFailed = onPeerFailed
  }

  /** One look at a few random peers. */
  tick(): void {
    const { clock, random, settings, counters } = this.around
    const now = clock.now()
    for (const sent of this.open.values()) if (now - sent.sentMs >= settings.pingIntervalMs) this.expire(sent)
    for (const table of this.tables) {
      for (const peer of shuffled(random, table.list()).slice(0, settings.livenessSample)) {
        const silentMs = now - peer.lastHeard
        const unmeasured = peer.roundTrips < settings.roundTrips
        const suspected = peer.suspectedMs > peer.lastHeard
        // Its address may be forged: it has room until it has had time for a pong or two.
        if (!peer.proven && now - peer.admittedMs >= settings.pingAfterSilenceMs) {
          table.remove(peer)
          counters.add('ipv8-peer-unproven')
        } else if (silentMs >= settings.dropAfterSilenceMs) {
          table.remove(peer)
          counters.add('ipv8-peer-silent')
        } else if (silentMs >= settings.pingAfterSilenceMs || unmeasured || suspected) {
          if (now - peer.lastPing >= settings.pingIntervalMs) this.ping(peer.address)
        }
      }
    }
  }

  /** Asks whoever is there to show that he receives what we send there. */
  ping(address: IpAddress): void {
    const { clock, random, settings } = this.around
    const now = clock.now()
    const before = this.open.get(formatAddress(address))
    if (before && this.isGuessedAt(before)) return
    // A pong may be on its way: it is the right one to this ping too.
    const again = before !== undefined && now - before.sentMs < settings.requestTimeoutMs
    const identifier = again ? before.identifier : uint16(random)
    const sentMs = again ? before.sentMs : now
    const wrongPongs = before?.wrongPongs ?? 0
    for (const peer of this.peersAt(address)) peer.lastPing = now
    this.open.set(formatAddress(address), { address, identifier, sentMs, again, wrongPongs })
    const time = this.discovery.claimTime()
    this.around.send(address, unsignedPacket(this.discovery.prefix, PING, ping, { time, identifier }))
  }

  onPing(source: IpAddress, packet: Uint8Array): Refusal {
    const { identifier } = readUnsigned(packet, ping)
    if (!this.around.limits.unsignedAnswer(source)) return 'ipv8-unsigned-limit'
    this.around.contacts.heard(source)
    const time = this.discovery.claimTime()
    this.around.send(source, unsignedPacket(this.discovery.prefix, PONG, ping, { time, identifier }))
    return undefined
  }

  onPong(source: IpAddress, packet: Uint8Array): Refusal {
    const { identifier } = readUnsigned(packet, ping)
    const key = formatAddress(source)
    const sent = this.open.get(key)
    if (sent === undefined) return 'ipv8-unasked-answer'
    if (sent.identifier !== identifier) {
      sent.wrongPongs++
      return 'ipv8-answer-wrong-identifier'
    }
    // What may be a guess proves nothing; whoever has proved himself before is still there by it.
    const isGuessedAt = this.isGuessedAt(sent)
    if (isGuessedAt && !this.around.contacts.at(source)?.proven) return 'ipv8-unasked-answer'
    this.open.delete(key)
    const now = this.around.clock.now()
    this.around.contacts.answered(source)
    for (const peer of this.peersAt(source)) {
      peer.lastHeard = now
      if (!isGuessedAt && sent.again) peer.proven = true
      else if (!isGuessedAt) peer.measured(now - sent.sentMs)
      peer.record.alive()
    }
    return undefined
  }

  private isGuessedAt({ wrongPongs }: OpenPing): boolean {
    return wrongPongs >= this.around.settings.wrongAnswers
  }

  private expire(sent: OpenPing): void {
    const { clock, settings } = this.around
    const { address } = sent
    this.open.delete(formatAddress(address))
    if (this.isGuessedAt(sent)) return
    for (const peer of this.peersAt(address)) {
      peer.record.failure(clock.now())
      if (peer.record.consecutiveFailures >= settings.failuresUntilUnreachable) this.onPeerFailed(peer)
    }
  }

  private peersAt(address: IpAddress): KnownPeer[] {
    return this.tables.flatMap((table) => table.list().filter((peer) => sameAddress(peer.address, address)))
  }
}
