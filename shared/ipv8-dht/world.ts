import type { IpAddress } from '../bytes/address.ts'
import type { Codec } from '../bytes/codec.ts'
import type { Community } from '../ipv8/community.ts'
import { type SignedPacket, signedPacket } from '../ipv8/packet.ts'
import type { Surroundings } from '../ipv8/surroundings.ts'
import type { DhtSettings } from './constants.ts'
import type { NodeContact } from './messages.ts'
import type { Tables } from './tables.ts'
import type { ValueStore } from './value-store.ts'

/** What both halves of a node work with. */
export interface DhtWorld {
  readonly around: Surroundings
  readonly community: Community
  readonly settings: DhtSettings
  readonly tables: Tables
  readonly store: ValueStore
}

export function sendSigned<T>(
  { around, community }: DhtWorld,
  address: IpAddress,
  id: number,
  codec: Codec<T>,
  value: T,
): void {
  around.send(address, signedPacket(community.prefix, id, around.keyPair, codec, value))
}

/** Who sent a packet and what is in it, if its signature holds; else why it is refused, as a counter's name. */
export function opened<T>(
  { around }: DhtWorld,
  source: IpAddress,
  { key, value, verify }: SignedPacket<T>,
): { readonly node: NodeContact; readonly value: T } | string {
  const { contacts, limits, keyPair } = around
  if (key.equals(keyPair.publicKey)) return 'ipv8-own-key'
  if (!limits.verification(source, contacts.at(source))) return 'ipv8-verification-limit'
  verify()
  contacts.signed(source)
  return { node: { address: source, publicKey: key }, value }
}
