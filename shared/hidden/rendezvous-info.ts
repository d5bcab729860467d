import type { ValueOf } from '../bytes/codec.ts'
import { decode, encode } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import type { Aead } from '../crypto/aead.ts'
import type { SessionKeys } from '../crypto/handshake.ts'
import { COUNTER_BYTES, FIRST_COUNTER, LAYER_BYTES } from '../onion/constants.ts'
import { LayerOpener, LayerSealer } from '../onion/layer.ts'
import { rendezvousInfo } from '../onion/messages.ts'

/** Where a seeder waits: the relay's address and key, and the cookie that it knows the seeder's circuit by. */
export type RendezvousInfo = ValueOf<typeof rendezvousInfo>

/**
 * Seals what created end-to-end carries: one layer (counter 8, content, tag 16) under the forward key of the end-to-end keys
 * and counter 2, so the seeder's cells on the circuit begin with counter 3.
 */
export function sealRendezvous(aead: Aead, keys: SessionKeys, info: RendezvousInfo): Uint8Array {
  const content = encode(rendezvousInfo, info)
  const layer = new Uint8Array(content.length + LAYER_BYTES)
  layer.set(content, COUNTER_BYTES)
  const sealer = new LayerSealer(aead, keys.forwardKey, keys.forwardSalt, FIRST_COUNTER)
  sealer.seal(layer, 0, COUNTER_BYTES + content.length)
  return layer
}

/** @throws CodecError `rendezvous-sealed` if it is not sealed under these keys; others if it is malformed */
export function openRendezvous(aead: Aead, keys: SessionKeys, sealed: Uint8Array): RendezvousInfo {
  const layer = Uint8Array.from(sealed)
  const result = new LayerOpener(aead, keys.forwardKey, keys.forwardSalt).open(layer, 0, layer.length)
  if (result !== 'opened') throw new CodecError('rendezvous-sealed', `the rendezvous info is ${result}`)
  return decode(rendezvousInfo, layer.subarray(COUNTER_BYTES, layer.length - LAYER_BYTES + COUNTER_BYTES))
}
