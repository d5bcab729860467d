import { utf8ToBytes } from '@noble/hashes/utils.js'
import { type Address, anyAddress } from '../bytes/address.ts'
import { concat } from '../bytes/bytes.ts'
import { encode, fixed, raw, struct, type ValueOf } from '../bytes/codec.ts'
import { publicKeyCodec, SIGNATURE_BYTES } from '../identity/keys.ts'
import { PROOF_NONCE_BYTES } from './constants.ts'

/**
 * Proof request, message id 5 of the directory's community, unsigned: nonce 16, target any_address (where the asker sends this),
 * padding raw (zeros). At least 300 bytes with prefix and id; shorter ones are not answered.
 */
export const proofRequest = struct({ nonce: fixed(PROOF_NONCE_BYTES), target: anyAddress, padding: raw })

/**
 * Proof response, message id 6: nonce of the request, seen any_address (where the request came from), public key 74, signature 64.
 * 184 bytes with prefix and id where `seen` is an IPv4 address, 196 where it is IPv6.
 */
export const proofResponse = struct({
  nonce: fixed(PROOF_NONCE_BYTES),
  seen: anyAddress,
  publicKey: publicKeyCodec,
  signature: fixed(SIGNATURE_BYTES),
})
export type ProofResponse = ValueOf<typeof proofResponse>

const statement = struct({
  nonce: fixed(PROOF_NONCE_BYTES),
  target: anyAddress,
  seen: anyAddress,
  publicKey: publicKeyCodec,
})

/**
 * What the signature is over: "culvert relay proof 1", 00, network name (length u8, UTF-8), nonce 16, target, seen, public key 74.
 * With `target` in it a proof is worth nothing for another address, so nobody can pass the question on to an honest relay and its
 * answer off as his own; with the whole key in it the X25519 half cannot be exchanged under way.
 */
export function proofStatement(
  network: string,
  {
    nonce,
    target,
    seen,
    publicKey,
  }: Pick<ProofResponse, 'nonce' | 'seen' | 'publicKey'> & { target: Address },
): Uint8Array {
  const name = utf8ToBytes(network)
  const content = encode(statement, { nonce, target, seen, publicKey })
  return concat(DOMAIN, Uint8Array.of(name.length), name, content)
}

const DOMAIN = utf8ToBytes('culvert relay proof 1\0')
