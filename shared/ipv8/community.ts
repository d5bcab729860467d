import { type IpAddress, isNoAddress, NO_ADDRESS } from '../bytes/address.ts'
import type { PublicKey } from '../identity/keys.ts'
import { AddressBook, RestingAddresses } from './address-book.ts'
import {
  type ConnectionType,
  connectionTypeOf,
  flagsOf,
  type IntroductionRequest,
  type IntroductionStyle,
} from './introduction.ts'
import { isPrivate } from './network-of.ts'
import { prefixOf } from './packet.ts'
import { type KnownPeer, PeerTable } from './peer-table.ts'
import type { Surroundings } from './surroundings.ts'

export interface CommunityOptions {
  readonly communityId: Uint8Array
  /** Extra bytes of our introductions: the flag mask of the tunnel community, none in others. */
  readonly extra: Uint8Array
  /** Where the Lamport clock starts. */
  readonly initialTime: bigint
}

/** Our place in one community: whom we know there, whom we were told of, our Lamport clock. */
export class Community {
  readonly prefix: Uint8Array
  readonly extra: Uint8Array
  readonly table: PeerTable
  readonly told: AddressBook
  readonly resting: RestingAddresses
  private readonly around: Surroundings
  private time: bigint

  constructor(around: Surroundings, { communityId, extra, initialTime }: CommunityOptions) {
    const { settings, records } = around
    this.around = around
    this.prefix = prefixOf(communityId)
    this.extra = extra
    this.time = initialTime
    this.table = new PeerTable(settings.maxPeers, settings.maxPeersPerNetwork, (key) => records.of(key))
    this.resting = new RestingAddresses(around.clock, settings)
    this.told = new AddressBook(settings.maxAddresses)
  }

  /** The next time of our Lamport clock. */
  claimTime(): bigint {
    return ++this.time
  }

  /** What an introduction to `remote` says of ourselves. Old-style messages have no room for IPv6: none then. */
  ownAddresses(style: IntroductionStyle, remote: IpAddress): { lan: IpAddress; wan: IpAddress } {
    const { own } = this.around
    const kind = style.anyFamily ? remote.kind : 'ipv4'
    const other = kind === 'ipv4' ? 'ipv6' : 'ipv4'
    const orOther = (address: IpAddress, elsewhere: IpAddress) =>
      isNoAddress(address) && style.anyFamily ? elsewhere : address
    return {
      lan: orOther(own.lan(kind), own.lan(other)),
      wan: orOther(own.wan(kind), own.wan(other)),
    }
  }

  /** The addresses to introduce a peer by: one behind our own NAT is at our WAN address for others, if anywhere. */
  introducedAddresses(
    peer: KnownPeer | undefined,
    style: IntroductionStyle,
  ): { lan: IpAddress; wan: IpAddress } {
    if (!peer) return { lan: NO_ADDRESS, wan: NO_ADDRESS }
    const wan = this.around.own.wan(peer.address.kind)
    if (isPrivate(peer.address) && !isNoAddress(wan)) {
      return { lan: peer.address, wan: { ...wan, port: peer.address.port } }
    }
    const lan = peer.lan ?? NO_ADDRESS
    return { lan: style.anyFamily || lan.kind === 'ipv4' ? lan : NO_ADDRESS, wan: peer.address }
  }

  /** Enters or renews the sender of an introduction whose signature held. Undefined if there is no room, or it rests. */
  admit(
    key: PublicKey,
    source: IpAddress,
    introduction: IntroductionRequest,
    connectionType: ConnectionType | undefined,
  ): KnownPeer | undefined {
    const { clock, counters, records, settings } = this.around
    const now = clock.now()
    if (now < (records.find(key)?.restUntil ?? now)) {
      counters.add('ipv8-peer-resting')
      return undefined
    }
    const peer = this.table.admit(key, source, now, settings.pingAfterSilenceMs)
    if (peer === 'table-full' || peer === 'network-full') {
      counters.add(`ipv8-${peer}`)
      return undefined
    }
    peer.flags = flagsOf(introduction.extra)
    peer.lastIntroduction = now
    if (connectionType) peer.connectionType = connectionType
    this.told.delete(source)
    return peer
  }
}

/** What the sender of a request or response says of its NAT; undefined where the message has no room for it. */
export function connectionTypeIn(
  style: IntroductionStyle,
  message: 'request' | 'response',
  bits: number,
): ConnectionType | undefined {
  return message === 'request' || style.responseTellsConnection ? connectionTypeOf(bits) : undefined
}
