import { struct, u16, u32 } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import type { KeyPair, PublicKey } from '../identity/keys.ts'
import { parseSigned, signedPacket } from '../ipv8/packet.ts'
import { MESSAGE } from './constants.ts'

/** Prefix 22, 08, key 2 + 74, circuit id 4, reason 2, signature 64. Signed, but without a global time (IPV8-WIRE "Format"). */
const DESTROY_BYTES = 169

/** `reason` is a value of DESTROY_REASON, or one that only others know. */
const destroy = struct({ circuitId: u32, reason: u16 })

export function encodeDestroy(
  prefix: Uint8Array,
  keyPair: KeyPair,
  circuitId: number,
  reason: number,
): Uint8Array {
  return signedPacket(prefix, MESSAGE.destroy, keyPair, destroy, { circuitId, reason })
}

/** A destroy that is well formed. To be believed when `key` is the neighbour's and `verify` has not thrown. */
export interface Destroy {
  readonly circuitId: number
  readonly reason: number
  readonly key: PublicKey
  /** The costly part. @throws CodecError `packet-signature` */
  readonly verify: () => void
}

/** @throws CodecError */
export function parseDestroy(packet: Uint8Array): Destroy {
  const { key, value, verify } = parse(packet)
  return { ...value, key, verify }
}

/** Which circuit a destroy is about, before anything costly is done; believe it after `readDestroy`. @throws CodecError */
export function destroyCircuitId(packet: Uint8Array): number {
  return parse(packet).value.circuitId
}

/**
 * The reason in a destroy of the neighbour whose key is `neighbour`. The keys are compared first, so that a stranger's
 * destroy costs no signature check. @throws CodecError `destroy-stranger`, `packet-signature`
 */
export function readDestroy(packet: Uint8Array, neighbour: PublicKey): number {
  const { key, value, verify } = parse(packet)
  if (!key.equals(neighbour)) {
    throw new CodecError('destroy-stranger', 'a destroy under a key that is not the neighbour')
  }
  verify()
  return value.reason
}

function parse(packet: Uint8Array) {
  if (packet.length !== DESTROY_BYTES) {
    throw new CodecError('destroy-length', `a destroy of ${packet.length} bytes, ${DESTROY_BYTES} belong`)
  }
  return parseSigned(packet, destroy)
}
