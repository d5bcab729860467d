import type { IpAddress } from '../bytes/address.ts'
import { type Codec, encode, list8, varlen16 } from '../bytes/codec.ts'
import type { Aead } from '../crypto/aead.ts'
import { AUTH_BYTES, type SessionKeys } from '../crypto/handshake.ts'
import { KEY_BYTES, type PublicKey } from '../identity/keys.ts'
import { CELL_HEADER_BYTES, COUNTER_BYTES, FIRST_COUNTER, LAYER_BYTES } from './constants.ts'
import { LayerSealer } from './layer.ts'

/** A neighbour that an owner may extend to through this relay without knowing its address. */
export interface Candidate {
  readonly publicKey: PublicKey
  readonly address: IpAddress
}

export interface Candidates {
  /** Relays that are no exits. */
  readonly relays: readonly Candidate[]
  readonly exits: readonly Candidate[]
}

const MAX_RELAYS = 4
const MAX_EXITS = 4

/** Count 1, then each key with its length: what created and extended carry, sealed. */
export const candidateList: Codec<Uint8Array[]> = list8(varlen16(KEY_BYTES, KEY_BYTES))

/**
 * The list that a relay offers: up to 4 relays, the first exit twice (the repetition separates the two parts), up to 3
 * more exits (IPV8-WIRE "Circuits"). Of neighbours, the first that are `usable`.
 */
export function offered(
  { relays, exits }: Candidates,
  usable: (candidate: Candidate) => boolean,
): Candidate[] {
  const offeredExits = first(MAX_EXITS, exits, usable)
  return [...first(MAX_RELAYS, relays, usable), ...offeredExits.slice(0, 1), ...offeredExits]
}

/** Prefix to relay-early flag, id, identifier, X25519 key, auth, and a list of none, sealed: 123. */
const CREATED_BYTES = CELL_HEADER_BYTES + 1 + 2 + (2 + 32) + AUTH_BYTES + LAYER_BYTES + 1

/**
 * How many candidates fit a created that is no larger than its create. A forged sender address gains nothing then; an owner
 * that wants a list though its address is not known here makes its create larger (what is left over is ignored).
 */
export function candidatesThatFit(createCellBytes: number): number {
  return Math.max(0, Math.floor((createCellBytes - CREATED_BYTES) / (2 + KEY_BYTES)))
}

/** Looks no further than it must: a list may be long, and is asked for with every create. */
function first(
  count: number,
  list: readonly Candidate[],
  usable: (candidate: Candidate) => boolean,
): Candidate[] {
  const found: Candidate[] = []
  for (const candidate of list) {
    if (found.length === count) break
    if (usable(candidate)) found.push(candidate)
  }
  return found
}

/**
 * Sealed by the hop with the *forward* key and counter 2 (protocol): the one place where both ends of a circuit seal with
 * the same key, which is why our owners start at 3.
 */
export function sealCandidates(aead: Aead, keys: SessionKeys, list: readonly Candidate[]): Uint8Array {
  const plain = encode(
    candidateList,
    list.map((candidate) => candidate.publicKey.bytes),
  )
  const sealed = new Uint8Array(plain.length + LAYER_BYTES)
  sealed.set(plain, COUNTER_BYTES)
  new LayerSealer(aead, keys.forwardKey, keys.forwardSalt, FIRST_COUNTER).seal(
    sealed,
    0,
    COUNTER_BYTES + plain.length,
  )
  return sealed
}
