import { type IpAddress, sameAddress } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import type { RelayDescriptor } from '../directory/descriptor.ts'
import type { Directory } from '../directory/directory.ts'
import type { PublicKey } from '../identity/keys.ts'
import { BoundedMap } from '../ipv8/bounded-map.ts'
import type { Candidate, CandidateOutcome, SourceRun } from './source.ts'

export interface CandidatePipelineOptions {
  readonly directory: Directory
  /** Whether packets may go there: an address comes from anybody. */
  mayReach(address: IpAddress): boolean
  /**
   * Whether a relay that has itself signed that it is there is checked all the same, though packets may not go there: that it names
   * such a place speaks against it (D-06).
   */
  mayCheck?(address: IpAddress): boolean
  /** Whether it is our own: what we announce comes back to us. */
  isOwn(address: IpAddress): boolean
  /** Asks for the descriptor that whoever is there gives of itself; `done` with its bytes, unverified, or without. */
  askDescriptor?(address: IpAddress, done: (bytes: Uint8Array | undefined) => void): SourceRun
  /** Asks for the descriptors that it knows, its own first, which go into the directory. Tells it ours. */
  fetch(address: IpAddress, done: (answered: boolean) => void): void
  /**
   * Has the relay prove its key at the address. `done` with whether it did, or undefined if it cannot be asked now; and with the
   * key that was proven there instead.
   */
  verify(
    address: IpAddress,
    relay: RelayDescriptor,
    done: (proven: boolean | undefined, another?: PublicKey) => void,
  ): void
  /** A relay that was not known has proved itself. */
  onNew?(relay: RelayDescriptor, address: IpAddress): void
}

/** Relays remembered as known: as many as a directory holds, twice. */
const KNOWN = 4_096

/** From an address to a relay that has proved itself, or to the reason why not (D-04, D-06): descriptor, directory, proof. */
export class CandidatePipeline {
  private readonly options: CandidatePipelineOptions
  private readonly known = new BoundedMap<string, true>(KNOWN)

  constructor(options: CandidatePipelineOptions) {
    this.options = options
  }

  /** Looks at one candidate. `done` is called once, perhaps before this returns; never after a cancel. */
  handle(candidate: Candidate, done: (outcome: CandidateOutcome) => void): SourceRun {
    const look = new Look(this.options, candidate, (outcome, relay) => {
      if (outcome !== 'proven' || relay === undefined) {
        done(outcome)
        return
      }
      const mid = toHex(relay.publicKey.mid)
      const isNew = !this.known.has(mid)
      this.known.set(mid, true)
      if (isNew) this.options.onNew?.(relay, candidate.address)
      done(isNew ? 'new' : 'proven')
    })
    look.start()
    return look
  }
}

/** One candidate being looked at. */
class Look implements SourceRun {
  private readonly options: CandidatePipelineOptions
  private readonly candidate: Candidate
  private readonly done: (outcome: CandidateOutcome, relay?: RelayDescriptor) => void
  /** Of the relay that is at the address, once another was found not to be. */
  private key: PublicKey | undefined
  private asking: SourceRun | undefined
  private asked = false
  private over = false

  constructor(
    options: CandidatePipelineOptions,
    candidate: Candidate,
    done: (outcome: CandidateOutcome, relay?: RelayDescriptor) => void,
  ) {
    this.options = options
    this.candidate = candidate
    this.done = done
  }

  start(): void {
    const { mayReach, mayCheck, isOwn, directory } = this.options
    const { address, descriptor } = this.candidate
    const isInReach = mayReach(address)
    if (isOwn(address) || !(isInReach || mayCheck?.(address))) {
      this.end('refused')
      return
    }
    if (descriptor) directory.add(descriptor)
    const relay = this.relay()
    // Nobody out of reach is asked who he is.
    this.asked = !isInReach
    if (relay) this.verify(relay)
    else if (isInReach) this.ask()
    else this.end('refused')
  }

  cancel(): void {
    if (this.over) return
    this.over = true
    this.asking?.cancel()
  }

  /** A relay that says that it is at this address. */
  private relay(): RelayDescriptor | undefined {
    const { address } = this.candidate
    const entries = this.options.directory.list()
    return entries.find(
      ({ descriptor: { udp, udp6, publicKey } }) =>
        [udp, udp6].some((each) => each !== undefined && sameAddress(each, address)) &&
        (this.key?.equals(publicKey) ?? true),
    )?.descriptor
  }

  /** Asks whoever is there who he is. */
  private ask(): void {
    this.asked = true
    const { askDescriptor, directory } = this.options
    if (askDescriptor === undefined) {
      this.fetchOrVerify()
      return
    }
    const asking = askDescriptor(this.candidate.address, (bytes) => {
      if (this.over) return
      if (bytes) directory.add(bytes)
      this.fetchOrVerify()
    })
    if (!this.over) this.asking = asking
  }

  private fetchOrVerify(): void {
    const relay = this.relay()
    if (relay) {
      this.verify(relay)
      return
    }
    this.options.fetch(this.candidate.address, (answered) => {
      if (this.over) return
      const found = this.relay()
      if (found) this.verify(found)
      else this.end(this.key ? 'unproven' : answered ? 'refused' : 'silent')
    })
  }

  private verify(relay: RelayDescriptor): void {
    this.options.verify(this.candidate.address, relay, (proven, another) => {
      if (this.over) return
      if (proven || another === undefined || this.key) {
        this.end(proven ? 'proven' : 'unproven', relay)
        return
      }
      // Whoever claims the address of another must not keep that one from being found.
      this.key = another
      const there = this.relay()
      if (there) this.verify(there)
      else if (this.asked) this.end('unproven', relay)
      else this.ask()
    })
  }

  private end(outcome: CandidateOutcome, relay?: RelayDescriptor): void {
    this.over = true
    this.done(outcome, relay)
  }
}
