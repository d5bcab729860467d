import { type IpAddress, NO_ADDRESS } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import type { RelayDescriptor } from '../directory/descriptor.ts'
import { linkAddressesOf } from '../directory/descriptor-addresses.ts'
import type { ToldPeer } from '../directory/stock-peers.ts'
import type { Geo } from '../geo/geo.ts'
import { FLAG_EXIT_BITTORRENT, FLAG_EXIT_HTTP, FLAG_EXIT_STREAM, FLAG_RELAY } from '../ipv8/constants.ts'
import type { PathHop } from '../onion/hop.ts'
import type { ExitKind, PathRelay } from '../path/relay.ts'

/** Stock peers have no names of their own. */
const STOCK_PEER_NAME = 'stock IPv8 peer'

/** Where nothing is known of countries and networks. */
const NOWHERE: Geo = { lookup: () => undefined, centre: () => undefined }

/** One for each table: programs have one, or none and then one. */
const described = new WeakMap<Geo, WeakMap<RelayDescriptor, PathRelay>>()

/**
 * A descriptor as path selection sees it, the same each time; undefined if it cannot be a hop.
 * @param geo what is known of countries and networks here; without it the relay's own word has to do
 */
export function describedRelay(descriptor: RelayDescriptor, geo = NOWHERE): PathRelay | undefined {
  const relays = described.get(geo) ?? new WeakMap<RelayDescriptor, PathRelay>()
  described.set(geo, relays)
  const known = relays.get(descriptor)
  if (known) return known
  const { flags, udp, udp6 } = descriptor
  const kinds = linkAddressesOf(descriptor).flatMap(({ kind }) => (kind === 'udp' ? [] : [kind]))
  if ((flags & FLAG_RELAY) === 0 || (udp === undefined && kinds.length === 0)) return undefined
  const relay: PathRelay = {
    publicKey: descriptor.publicKey,
    name: descriptor.nickname,
    address: udp,
    ...(udp6 && { address6: udp6 }),
    kinds,
    ...placeOf(udp, geo, descriptor),
    family: toHex(descriptor.family),
    culvert: true,
    exit: exitKind(flags),
    http: asksTrackers(flags),
    bytesPerSecond: descriptor.bandwidth,
  }
  relays.set(descriptor, relay)
  return relay
}

/** A stock peer that others told of; undefined if it relays nothing. */
export function toldRelay(
  { publicKey, address, flags, tellers }: ToldPeer,
  geo = NOWHERE,
): PathRelay | undefined {
  if ((flags & FLAG_RELAY) === 0) return undefined
  // Whatever bits a stranger sets: streams end only where a descriptor says so.
  const exit: ExitKind = (flags & FLAG_EXIT_BITTORRENT) === 0 ? 'none' : 'datagram'
  const place = placeOf(address, geo)
  return {
    ...{ publicKey, name: STOCK_PEER_NAME, address, ...place, family: '', culvert: false, exit },
    ...{ http: asksTrackers(flags), bytesPerSecond: 0, tellers },
  }
}

/** A relay that somebody named: a seeder's rendezvous point. Of it nothing is known but where it is. */
export function namedRelay({ publicKey, address, name }: PathHop, geo = NOWHERE): PathRelay {
  const place = placeOf(address, geo)
  return { publicKey, address, name, ...place, family: '', culvert: false, exit: 'none', bytesPerSecond: 0 }
}

/** As a hop of a circuit. Where there is no address, the hop before it is asked for the key alone. */
export function pathHop(relay: PathRelay): PathHop {
  return { ...relay, address: relay.address ?? NO_ADDRESS }
}

/** By the table first; what the relay says stands beside it, and in its place where the table knows nothing. */
function placeOf(
  address: IpAddress | undefined,
  geo: Geo,
  claims: { readonly country?: string | undefined; readonly as?: number | undefined } = {},
): Pick<PathRelay, 'country' | 'as' | 'claimed'> {
  const claimed = {
    ...(claims.country !== undefined && { country: claims.country }),
    ...(claims.as !== undefined && claims.as > 0 && { as: claims.as }),
  }
  return {
    ...claimed,
    ...(address && geo.lookup(address)),
    ...(Object.keys(claimed).length > 0 && { claimed }),
  }
}

function asksTrackers(flags: number): boolean {
  return (flags & FLAG_EXIT_HTTP) !== 0
}

function exitKind(flags: number): ExitKind {
  if ((flags & FLAG_EXIT_BITTORRENT) === 0) return 'none'
  return (flags & FLAG_EXIT_STREAM) === 0 ? 'datagram' : 'stream'
}
