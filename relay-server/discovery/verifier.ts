import type { Address, IpAddress } from '../../shared/bytes/address.ts'
import type { KeyPair } from '../../shared/identity/keys.ts'
import type { Link } from '../../shared/link/link.ts'
import { CheckRules } from '../../shared/trust/checks.ts'
import { ProofExchange } from '../../shared/trust/proof.ts'
import { RequestLimit } from '../../shared/trust/request-limit.ts'
import { SecircProbes } from '../../shared/trust/secirc.ts'
import { TrustBook } from '../../shared/trust/trust-book.ts'
import type { VerificationResult } from '../../shared/trust/verification.ts'
import { Verifier } from '../../shared/trust/verifier.ts'
import type { Clock } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import type { Random } from '../../shared/world/random.ts'
import type { RelayConfig } from '../config.ts'
import type { Log } from '../log.ts'
import { TrustStore } from './trust-store.ts'

export interface RelayTrustOptions {
  readonly config: Pick<RelayConfig, 'network' | 'lab' | 'state' | 'trust'>
  /** Ours: proofs are signed with it. */
  readonly keyPair: KeyPair
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  readonly log: Log
  /** Networks that count as public although they are not. */
  readonly allowNetworks: readonly string[]
  /** Whether an address is ours; undefined while we do not know where we are. */
  isOwn(address: Address): boolean | undefined
  linkTo(address: IpAddress): Link | undefined
  /** What came over this link was malformed. */
  onMalformed?(link: Link): void
  /** Each verification's outcome: what is proven goes into the directory. */
  onResult?(result: VerificationResult): void
}

/** All of a relay that has to do with trust: its book and the book's file, proofs both ways, secIRC's probes, the verifier. */
export class RelayTrust {
  readonly book: TrustBook
  /** To be asked before the rest of the directory's community. */
  readonly proofs: ProofExchange
  readonly secirc: SecircProbes
  readonly verifier: Verifier
  readonly rules: CheckRules
  private readonly options: RelayTrustOptions
  private store: TrustStore | undefined

  constructor(options: RelayTrustOptions) {
    const { config, keyPair, clock, random, counters, allowNetworks } = options
    const { threshold, classes, requestsPerMinute, attempts, answerSeconds, timeoutSeconds } = config.trust
    const { high: highFrom, medium: mediumFrom, low: lowFrom } = classes
    const answerWithinMs = answerSeconds * 1000
    const checks = { trustThreshold: threshold, highFrom, mediumFrom, lowFrom, answerWithinMs }
    this.options = options
    this.rules = new CheckRules({ settings: checks, allowNetworks })
    // One machine of a lab is many relays.
    const perPort = (address: Address) => this.rules.isLab(address)
    const limit = () => new RequestLimit(clock, { requests: requestsPerMinute, perPort })
    // What strangers ask of us, whichever way they ask it, comes out of one allowance.
    const asked = limit()
    this.book = new TrustBook({ clock, checks })
    this.secirc = new SecircProbes(asked, counters)
    this.proofs = new ProofExchange({
      keyPair,
      network: config.network,
      isOwn: (address) => options.isOwn(address),
      clock,
      random,
      counters,
      limit: asked,
      onMalformed: (link) => options.onMalformed?.(link),
      isKnown: (address) => address.kind !== 'domain' && this.verifier.isHome(address),
    })
    this.verifier = new Verifier({
      clock,
      random,
      counters,
      book: this.book,
      rules: this.rules,
      proofs: this.proofs,
      linkTo: (address) => options.linkTo(address),
      limit: limit(),
      onResult: (result) => options.onResult?.(result),
      settings: { attempts, timeoutMs: timeoutSeconds * 1000 },
    })
  }

  /** Reads the book, and begins to verify. Never throws. */
  async start(): Promise<void> {
    const { config, clock, log } = this.options
    this.store = await TrustStore.open({ folder: config.state, book: this.book, clock, log })
    this.verifier.start()
  }

  /** Ends, and writes the book. */
  async stop(): Promise<void> {
    this.verifier.stop()
    this.proofs.stop()
    await this.store?.stop()
  }
}
