import { type Address, sameAddress } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import { encode } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { DIRECTORY_COMMUNITY_ID } from '../directory/constants.ts'
import type { KeyPair, PublicKey } from '../identity/keys.ts'
import { messageIdOf, prefixOf, readUnsigned, unsignedPacket } from '../ipv8/packet.ts'
import { TokenBucket } from '../ipv8/token-bucket.ts'
import type { Link } from '../link/link.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import {
  PROOF_DEFAULTS,
  PROOF_NONCE_BYTES,
  PROOF_REQUEST,
  PROOF_REQUEST_BYTES,
  PROOF_RESPONSE,
  type ProofSettings,
} from './constants.ts'
import { proofRequest, proofResponse, proofStatement } from './proof-messages.ts'
import type { RequestLimit } from './request-limit.ts'

/**
 * `proved`: the key signed for this address and our nonce, `ms` after the first request; `seen` is our address as the relay sees
 * it. `wrong-key`: so it did, but with another key than expected. `forged`: answers came, none with a signature that holds.
 * `silent`: nothing came. `busy`: too many questions are open. `closed`: the link is.
 */
export type ProofOutcome =
  | {
      readonly kind: 'proved' | 'wrong-key'
      readonly key: PublicKey
      readonly ms: number
      readonly seen: Address
    }
  | { readonly kind: 'forged'; readonly namedExpectedKey: boolean }
  | { readonly kind: 'silent' | 'busy' | 'closed' }

export interface ProofExchangeOptions {
  /** Ours; without one no request is answered (a page's). */
  readonly keyPair?: KeyPair
  /** The network's name: proofs of one network are worth nothing in another. */
  readonly network: string
  /** Whether an address is ours; undefined while we do not know where we are. For what is not ours nothing is signed. */
  isOwn(address: Address): boolean | undefined
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  /** Requests answered, by source (D-07). */
  readonly limit: RequestLimit
  /** Whether a relay is proven to be at that address: it has signatures of its own share. */
  isKnown?(address: Address): boolean
  /** What came over this link was malformed. */
  onMalformed?(link: Link): void
  readonly settings?: Partial<ProofSettings>
}

export interface ProveOptions {
  readonly expectedKey?: PublicKey | undefined
  /** How long a proof is waited for, if not as long as the settings say. */
  readonly waitMs?: number
}

interface Question {
  readonly link: Link
  readonly nonce: Uint8Array
  readonly expectedKey: PublicKey | undefined
  readonly askedMs: number
  readonly done: (outcome: ProofOutcome) => void
  answers: number
  namedExpectedKey: boolean
  again: Timer | undefined
  end: Timer | undefined
}

/**
 * Proves keys at addresses (the fifth check of D-06): whoever answers at an address signs our fresh nonce together with that
 * address. Both sides in one machine. No response is larger than its request.
 */
export class ProofExchange {
  private readonly options: ProofExchangeOptions
  private readonly settings: ProofSettings
  private readonly prefix = prefixOf(DIRECTORY_COMMUNITY_ID)
  private readonly signatures: TokenBucket
  private readonly signaturesForKnown: TokenBucket
  /** By nonce, as text. */
  private readonly questions = new Map<string, Question>()

  constructor(options: ProofExchangeOptions) {
    this.options = options
    this.settings = { ...PROOF_DEFAULTS, ...options.settings }
    const { signaturesPerSecond, signaturesForKnownPerSecond } = this.settings
    this.signatures = new TokenBucket(options.clock, signaturesPerSecond)
    this.signaturesForKnown = new TokenBucket(options.clock, signaturesForKnownPerSecond)
  }

  /**
   * True if the packet is a proof message: to be asked before the rest of the directory's community. Never throws: what is
   * malformed is counted (`proof-refused-...`) and dropped.
   */
  receive(link: Link, packet: Uint8Array): boolean {
    const id = messageIdOf(packet, this.prefix)
    if (id !== PROOF_REQUEST && id !== PROOF_RESPONSE) return false
    try {
      if (id === PROOF_REQUEST) this.onRequest(link, packet)
      else this.onResponse(link, packet)
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
      this.options.counters.add(`proof-refused-${error.code}`)
      this.options.onMalformed?.(link)
    }
    return true
  }

  /** Asks for a proof over `link`, for the address that the link is to. `done` is called once, perhaps before this returns. */
  prove(
    link: Link,
    { expectedKey, waitMs = this.settings.waitMs }: ProveOptions,
    done: (outcome: ProofOutcome) => void,
  ): void {
    const { clock, random } = this.options
    if (!link.open) done({ kind: 'closed' })
    else if (this.questions.size >= this.settings.maxQuestions) done({ kind: 'busy' })
    else {
      const question: Question = {
        link,
        nonce: random.bytes(PROOF_NONCE_BYTES),
        expectedKey,
        askedMs: clock.now(),
        done,
        answers: 0,
        namedExpectedKey: false,
        again: undefined,
        end: undefined,
      }
      this.questions.set(toHex(question.nonce), question)
      question.again = clock.after(this.settings.againMs, () => this.ask(question))
      question.end = clock.after(waitMs, () => this.giveUp(question))
      this.ask(question)
    }
  }

  /** Ends all questions as they stand. */
  stop(): void {
    for (const question of [...this.questions.values()]) this.giveUp(question)
  }

  private ask({ link, nonce }: Question): void {
    const target = link.address
    const { length } = encode(proofRequest, { nonce, target, padding: new Uint8Array() })
    const padding = new Uint8Array(Math.max(0, PROOF_REQUEST_BYTES - HEAD_BYTES - length))
    const value = { nonce, target, padding }
    link.send(unsignedPacket(this.prefix, PROOF_REQUEST, proofRequest, value, PROOF_REQUEST_BYTES), 0)
  }

  private giveUp(question: Question): void {
    const { answers, namedExpectedKey } = question
    this.finish(question, answers > 0 ? { kind: 'forged', namedExpectedKey } : { kind: 'silent' })
  }

  private finish(question: Question, outcome: ProofOutcome): void {
    question.again?.cancel()
    question.end?.cancel()
    this.questions.delete(toHex(question.nonce))
    question.done(outcome)
  }

  private onRequest(link: Link, packet: Uint8Array): void {
    const { keyPair, isOwn, isKnown, counters, limit, network } = this.options
    if (keyPair === undefined || packet.length < PROOF_REQUEST_BYTES) {
      counters.add('proof-short-request')
      return
    }
    const signatures = isKnown?.(link.address) ? this.signaturesForKnown : this.signatures
    if (!limit.take(link.address) || !signatures.take()) {
      counters.add('proof-limit')
      return
    }
    const { nonce, target } = readUnsigned(packet, proofRequest)
    if (isOwn(target) === false) {
      counters.add('proof-not-ours')
      return
    }
    const { publicKey } = keyPair
    const seen = link.address
    const signature = keyPair.sign(proofStatement(network, { nonce, target, seen, publicKey }))
    const response = unsignedPacket(
      this.prefix,
      PROOF_RESPONSE,
      proofResponse,
      { nonce, seen, publicKey, signature },
      PROOF_REQUEST_BYTES,
    )
    if (response.length > packet.length) {
      counters.add('proof-too-large')
      return
    }
    counters.add('proof-answered')
    link.send(response, 0)
  }

  private onResponse(link: Link, packet: Uint8Array): void {
    const { clock, counters, network } = this.options
    const response = readUnsigned(packet, proofResponse)
    const question = this.questions.get(toHex(response.nonce))
    if (question === undefined || !isSameWay(question.link, link)) {
      counters.add('proof-unasked-response')
      return
    }
    if (++question.answers > this.settings.maxAnswers) return
    const { publicKey: key, seen, signature } = response
    const isExpected = question.expectedKey?.equals(key) ?? true
    const statement = proofStatement(network, { ...response, target: question.link.address })
    if (!key.verify(signature, statement)) {
      counters.add('proof-forged')
      // Whoever stands by the wire can forge and cannot prove: the proof itself may still come.
      question.namedExpectedKey ||= isExpected && question.expectedKey !== undefined
      return
    }
    const ms = clock.now() - question.askedMs
    this.finish(question, { kind: isExpected ? 'proved' : 'wrong-key', key, ms, seen })
  }
}

/** Prefix 22, id 1. */
const HEAD_BYTES = 23

/** A UDP link may have been forgotten and made anew meanwhile. */
function isSameWay(a: Link, b: Link): boolean {
  return a === b || (a.kind === b.kind && a.kind === 'udp' && sameAddress(a.address, b.address))
}
