/** The five checks of requirement D-06, in the order of the bits in which they travel. */
export const CHECK_NAMES = ['address', 'port', 'key', 'answer', 'proof'] as const
/**
 * `address`: public, by the IANA registries; `port`: 1,024 to 65,535; `key`: 32 bytes that are a point of Ed25519 and not of
 * small order; `answer`: within 5 s; `proof`: signed by the key, for this address and our nonce.
 */
export type CheckName = (typeof CHECK_NAMES)[number]

/** Undefined: not done yet. */
export type Checks = Readonly<Record<CheckName, boolean | undefined>>

export const NO_CHECKS: Checks = {
  address: undefined,
  port: undefined,
  key: undefined,
  answer: undefined,
  proof: undefined,
}

/** By score (D-06): `high` from 0.8, `medium` from 0.5, `low` from 0.3, `spy` below. `unchecked` before all five were done. */
export type VerdictClass = 'high' | 'medium' | 'low' | 'spy' | 'unchecked'

/**
 * `trusted`: its checks hold, its key is proven, and nothing speaks against it. `unproven`: not enough is known. `suspect`: to be
 * used only where nobody else fits. `blocked`: never to be used.
 */
export type Standing = 'trusted' | 'unproven' | 'suspect' | 'blocked'

/**
 * What a relay was caught at. `altered-data`: what came out is not what went in. `wrong-address`: traffic leaves from another
 * address than it claims. `dropped-data`: loses what it should carry, while the same path without it does not. `forged-proof`: a
 * signature by its own key over what is not so. `probe-only`: answers questions and carries nothing. `over-promised`: carries a
 * small part of the bandwidth it promises.
 */
export const MISBEHAVIOURS = [
  'altered-data',
  'wrong-address',
  'dropped-data',
  'forged-proof',
  'probe-only',
  'over-promised',
] as const
export type Misbehaviour = (typeof MISBEHAVIOURS)[number]

export const REASON_CODES = [
  // against it: checks
  'not-checked',
  'address-not-public',
  'port-not-allowed',
  'key-invalid',
  'no-answer',
  'no-proof',
  'spy',
  // against it: what was seen over time
  ...MISBEHAVIOURS,
  'circuits-fail',
  'often-away',
  'others-warn',
  // by hand
  'blocked-by-hand',
  'trusted-by-hand',
  // for it, or neither
  'few-observations',
  'told-by-others',
  'proved-key',
  'circuits-work',
  'keeps-promise',
  'long-up',
] as const
/** Why a relay stands as it does; stable, for the page to put in words (docs/trust.md has the table). */
export type ReasonCode = (typeof REASON_CODES)[number]

/** What is thought of one relay. */
export interface Verdict {
  readonly checks: Checks
  /** The sum of its checks, a fifth each: 0, 0.2, 0.4, 0.6, 0.8 or 1. */
  readonly score: number
  /** 0 to 1; 0.5 for a relay of which nothing was seen. Moves with what was seen over time. */
  readonly reputation: number
  readonly class: VerdictClass
  readonly standing: Standing
  readonly reasons: readonly ReasonCode[]
  /** Wall time of the checks, milliseconds since 1970; undefined if there were none. */
  readonly checkedMs: number | undefined
  /** Who did the checks: this node, or others who told of them (the median of at least three networks). */
  readonly by: 'self' | 'others' | undefined
  /** Networks whose word is in it; 0 if nobody else was asked. */
  readonly voices: number
  /** The mark that the user or operator has set. */
  readonly byHand: 'blocked' | 'trusted' | undefined
}

/** What one relay tells of another, and what the median of several comes to. Hand marks are never told. */
export interface Opinion {
  /** 20 bytes. */
  readonly mid: Uint8Array
  /** Bit 0 address, 1 port, 2 key, 3 answer, 4 proof: passed. Bit 5: suspect or blocked for what it did. */
  readonly checks: number
  /** 0 to 100. */
  readonly score: number
  /** 0 to 100. */
  readonly reputation: number
  /** Minutes since the checks, 65,535 for that long or longer. */
  readonly age: number
}
