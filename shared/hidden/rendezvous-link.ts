import type { Aead } from '../crypto/aead.ts'
import { complete, type EphemeralKey, ephemeralKey, respond, type SessionKeys } from '../crypto/handshake.ts'
import { type KeyPair, PublicKey } from '../identity/keys.ts'
import { MESSAGE } from '../onion/constants.ts'
import type { MessageBody } from '../onion/messages.ts'
import type { Random } from '../world/random.ts'
import { encodePacket } from './packets.ts'
import { openRendezvous, type RendezvousInfo, sealRendezvous } from './rendezvous-info.ts'

/** The seeder's answer to create end-to-end, with the keys that it and the downloader share from then on. */
export interface SeederAnswer {
  readonly keys: SessionKeys
  /** Created end-to-end, as a packet of its own. */
  readonly packet: Uint8Array
}

/**
 * Answers create end-to-end: the handshake of a hop (IPV8-WIRE "Keys of a hop"), in which the seeder's key for the swarm
 * stands for the hop's.
 * @throws CodecError `handshake-low-order`
 */
export function answerCreate(
  world: { readonly prefix: Uint8Array; readonly aead: Aead; readonly random: Random },
  seeder: KeyPair,
  request: Pick<MessageBody<typeof MESSAGE.createE2e>, 'identifier' | 'dhKey'>,
  info: RendezvousInfo,
): SeederAnswer {
  const ephemeral = ephemeralKey(world.random)
  const { auth, keys } = respond(seeder.x25519Secret, ephemeral, request.dhKey)
  const rendezvous = sealRendezvous(world.aead, keys, info)
  const { identifier } = request
  const body = { identifier, dhKey: ephemeral.publicKey, auth, rendezvous }
  return { keys, packet: encodePacket(world.prefix, MESSAGE.createdE2e, body) }
}

/** @throws CodecError, also if it names no relay's key; CulvertError `handshake-auth` if it is not from the seeder */
export function openCreated(
  aead: Aead,
  ephemeral: EphemeralKey,
  seederKey: PublicKey,
  created: MessageBody<typeof MESSAGE.createdE2e>,
): { readonly keys: SessionKeys; readonly info: RendezvousInfo } {
  const keys = complete(ephemeral, seederKey.x25519, created.dhKey, created.auth)
  const info = openRendezvous(aead, keys, created.rendezvous)
  PublicKey.parse(info.nodeKey)
  return { keys, info }
}
