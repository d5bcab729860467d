import type { IpAddress } from '../shared/bytes/address.ts'
import type { DirectoryExchange } from '../shared/directory/exchange.ts'
import { isHiddenPacket } from '../shared/hidden/packets.ts'
import { messageIdOf } from '../shared/ipv8/packet.ts'
import type { Walker } from '../shared/ipv8/walker.ts'
import { answerControl } from '../shared/link/control.ts'
import type { Link } from '../shared/link/link.ts'
import { MESSAGE } from '../shared/onion/constants.ts'
import type { Router } from '../shared/onion/router.ts'
import type { ProofExchange } from '../shared/trust/proof.ts'
import type { Counters } from '../shared/world/counters.ts'

export interface PacketReceivers {
  /** 00 02 and the community id. */
  readonly prefix: Uint8Array
  readonly counters: Counters
  readonly router: Pick<Router, 'receive' | 'receivePacket'>
  readonly walker: Pick<Walker, 'receive' | 'suspect'>
  readonly proofs: Pick<ProofExchange, 'receive'>
  readonly exchange: Pick<DirectoryExchange, 'receive'>
}

/** Where a packet of any link goes: by its prefix, and the message id behind it. What it returns never throws. */
export function packetDispatch(receivers: PacketReceivers): (link: Link, packet: Uint8Array) => void {
  const { prefix, counters, router, walker, proofs, exchange } = receivers
  return (link, packet) => {
    const id = messageIdOf(packet, prefix)
    if (id === MESSAGE.cell || id === MESSAGE.destroy) router.receive(link, packet)
    // Proofs, and what else there is of the directory's community.
    else if (id === undefined && (proofs.receive(link, packet) || exchange.receive(link, packet))) return
    else if (id !== undefined && isHiddenPacket(id)) router.receivePacket(link, packet)
    // Of links that no Neighbour holds.
    else if (id === undefined && answerControl(link, packet)) return
    else if (link.kind === 'udp' && walker.receive(link.address as IpAddress, packet)) return
    else if (id === undefined) counters.add('relay-foreign-packet')
    else {
      counters.add('relay-unknown-message')
      suspectSender(walker, link)
    }
  }
}

/** What a peer of the walk should not have sent counts against it (N-11). Over other links than bare UDP nobody is at an address. */
export function suspectSender(walker: Pick<Walker, 'suspect'>, link: Link): void {
  if (link.kind === 'udp' && link.address.kind !== 'domain') walker.suspect(link.address)
}
