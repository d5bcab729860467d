import { toHex } from '../bytes/bytes.ts'
import type { RelayDescriptor } from '../directory/descriptor.ts'
import type { ToldPeer } from '../directory/stock-peers.ts'
import { FLAG_EXIT_BITTORRENT, FLAG_EXIT_STREAM, FLAG_RELAY } from '../ipv8/constants.ts'
import type { ExitKind, PathRelay } from '../path/relay.ts'

/** Stock peers have no names of their own. */
const STOCK_PEER_NAME = 'stock IPv8 peer'

const described = new WeakMap<RelayDescriptor, PathRelay>()

/** A descriptor as path selection sees it, the same each time; undefined if it cannot be a hop. */
export function describedRelay(descriptor: RelayDescriptor): PathRelay | undefined {
  const known = described.get(descriptor)
  if (known) return known
  const { flags, udp } = descriptor
  if ((flags & FLAG_RELAY) === 0 || udp === undefined) return undefined
  const relay: PathRelay = {
    publicKey: descriptor.publicKey,
    name: descriptor.nickname,
    address: udp,
    family: toHex(descriptor.family),
    culvert: true,
    exit: exitKind(flags),
    bytesPerSecond: descriptor.bandwidth,
  }
  described.set(descriptor, relay)
  return relay
}

/** A stock peer that others told of; undefined if it relays nothing. */
export function toldRelay({ publicKey, address, flags, tellers }: ToldPeer): PathRelay | undefined {
  if ((flags & FLAG_RELAY) === 0) return undefined
  // Whatever bits a stranger sets: streams end only where a descriptor says so.
  const exit: ExitKind = (flags & FLAG_EXIT_BITTORRENT) === 0 ? 'none' : 'datagram'
  const name = STOCK_PEER_NAME
  return { publicKey, name, address, family: '', culvert: false, exit, bytesPerSecond: 0, tellers }
}

function exitKind(flags: number): ExitKind {
  if ((flags & FLAG_EXIT_BITTORRENT) === 0) return 'none'
  return (flags & FLAG_EXIT_STREAM) === 0 ? 'datagram' : 'stream'
}
