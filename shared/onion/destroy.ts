import { equalBytes } from '../bytes/bytes.ts'
import { struct, u16, u32 } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { KEY_BYTES, type KeyPair, type PublicKey } from '../identity/keys.ts'
import { openSigned, signedPacket } from '../ipv8/packet.ts'
import type { CircuitCloseReason } from './circuit-state.ts'
import { DESTROY_REASON, MESSAGE } from './constants.ts'

/** Prefix 22, 08, key 2 + 74, circuit id 4, reason 2, signature 64. Signed, but without a global time (IPV8-WIRE "Format"). */
const DESTROY_BYTES = 169
const KEY_AT = 25
const ID_AT = KEY_AT + KEY_BYTES

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

/** What an owner tells the hops: no more than they need. */
export function destroyReasonFor(reason: CircuitCloseReason): number {
  if (reason === 'shutdown') return DESTROY_REASON.shutdown
  return reason === 'unneeded' || reason === 'replaced' ? DESTROY_REASON.unneeded : DESTROY_REASON.unknown
}

/** Which circuit a destroy is about, before anything costly is done; believe it after `readDestroy`. Undefined at any other length. */
export function destroyCircuitId(packet: Uint8Array): number | undefined {
  if (packet.length !== DESTROY_BYTES) return undefined
  return new DataView(packet.buffer, packet.byteOffset).getUint32(ID_AT)
}

/** Whether a destroy names this key as its sender's, whoever sent it. */
export function claimsKey(packet: Uint8Array, { bytes }: PublicKey): boolean {
  return equalBytes(packet.subarray(KEY_AT, ID_AT), bytes)
}

/**
 * The reason in a destroy of the neighbour whose key is `neighbour`. The keys are compared first, so that a stranger's
 * destroy costs no signature check. @throws CodecError `destroy-stranger`, `packet-signature`
 */
export function readDestroy(packet: Uint8Array, neighbour: PublicKey): number {
  if (packet.length !== DESTROY_BYTES) {
    throw new CodecError('destroy-length', `a destroy of ${packet.length} bytes, ${DESTROY_BYTES} belong`)
  }
  if (!claimsKey(packet, neighbour)) {
    throw new CodecError('destroy-stranger', 'a destroy under a key that is not the neighbour')
  }
  return openSigned(packet, destroy).value.reason
}
