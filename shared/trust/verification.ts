import { type Address, type IpAddress, sameAddress } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import type { RelayDescriptor } from '../directory/descriptor.ts'
import type { PublicKey } from '../identity/keys.ts'
import { type CheckRules, isValidKey } from './checks.ts'
import type { ProofOutcome } from './proof.ts'
import type { Checks, Verdict, VerdictClass } from './verdict.ts'

/** A place where a relay may be, and who it may be. */
export interface VerifierCandidate {
  readonly address: IpAddress
  /** Verified; names the key, and with its addresses claims this one. */
  readonly descriptor?: RelayDescriptor | undefined
  /** As others say; proves nothing. */
  readonly key?: PublicKey | undefined
  /** The key has proved itself at this address before. */
  readonly signed?: boolean
}

/** What came of a candidate. */
export interface VerificationResult {
  readonly candidate: VerifierCandidate
  /** The key that signed there; with `wrong-key` it is not the one expected. */
  readonly key: PublicKey | undefined
  /** How the last attempt ended; `unreachable` if no packet may or can go there. */
  readonly outcome: ProofOutcome['kind'] | 'unreachable'
  /** From the request to the proof. */
  readonly ms: number | undefined
  /** Our own address as the relay sees it. */
  readonly seen: Address | undefined
  readonly checks: Checks
  readonly score: number
  readonly class: VerdictClass
  /** Of the trust book; undefined where nothing can be laid at any key's door. */
  readonly verdict: Verdict | undefined
  /** Its key is proven at this address, its score is at least the threshold, and it is not blocked. */
  readonly proven: boolean
}

export function keyOf({ descriptor, key }: VerifierCandidate): PublicKey | undefined {
  return descriptor?.publicKey ?? key
}

/** Names a candidate: its address, and the key if one is known. */
export function idOf(candidate: VerifierCandidate): string {
  const { kind, host, port } = candidate.address
  const key = keyOf(candidate)
  return `${kind} ${host} ${port} ${key ? toHex(key.mid) : ''}`
}

/** Whether the key itself has signed that this is its address. */
export function isClaimed({ descriptor, address, signed }: VerifierCandidate): boolean {
  if (signed) return true
  const claimed = [descriptor?.udp, descriptor?.udp6]
  return claimed.some((each) => each !== undefined && sameAddress(each, address))
}

/** The five checks of a candidate of which an attempt came out like this. */
export function checksFrom(
  candidate: VerifierCandidate,
  outcome: ProofOutcome | undefined,
  rules: CheckRules,
): Checks {
  const { address } = candidate
  const key = outcome?.kind === 'proved' ? outcome.key : keyOf(candidate)
  const isKey = key && isValidKey(key.ed25519)
  const answeredMs = outcome && 'ms' in outcome ? outcome.ms : Number.POSITIVE_INFINITY
  return {
    address: rules.isPublic(address),
    port: rules.isPort(address.port),
    // Nobody claims to be anybody at a bare address that stays silent: that makes no spy of it.
    key: isKey,
    // A signature that does not hold is no answer; one that comes late proves the key all the same.
    answer: answeredMs <= rules.settings.answerWithinMs,
    // With a key of small order anybody can sign.
    proof: outcome?.kind === 'proved' && isKey === true,
  }
}
