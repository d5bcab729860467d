import { utf8ToBytes } from '@noble/hashes/utils.js'
import { decode, encode, list8, struct, u8, u32, varlen16 } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { type PublicKey, publicKeyCodec } from '../identity/keys.ts'
import type { Clock } from '../world/clock.ts'
import { fraction, type Random } from '../world/random.ts'
import { GUARDS } from './constants.ts'
import { relayKey } from './relay.ts'

/** Keeps the guards' bytes between one run and the next. What fails is as if nothing had been kept. */
export interface GuardStore {
  load(): Promise<Uint8Array | undefined>
  save(bytes: Uint8Array): Promise<void>
}

/** A relay that could be a guard: its key, and how it is reached. */
export interface GuardCandidate {
  readonly publicKey: PublicKey
  readonly url: string
}

interface Guard {
  readonly publicKey: PublicKey
  url: string
  readonly expiresWallMs: number
  /** Since when lists have lacked it; undefined while the last one has it. */
  unlistedSinceWallMs: number | undefined
  /** Since when it was tried in vain; undefined while it is not known to be unreachable. */
  unreachableSinceWallMs: number | undefined
}

export interface GuardsOptions {
  readonly clock: Clock
  readonly random: Random
  readonly store?: GuardStore
  /** One of the candidates, by whatever rule relays are chosen. */
  choose(candidates: readonly GuardCandidate[]): GuardCandidate | undefined
  /** Whether it may be a hop as its owner wishes now. One that may not stays in the list for when it may again; others serve. */
  serves?(guard: GuardCandidate): boolean
}

const VERSION = 2
/** Had the day of the last list that named it where there is now since when it is not. */
const VERSION_LISTED = 1
const MAX_URL_BYTES = 255

/**
 * version u8 (2), guards (count u8, up to 8): public key 74, url varlen16, expires u32, unlisted since u32, unreachable since
 * u32; 0 where it is neither.
 */
const stored = struct({
  version: u8,
  guards: list8(
    struct({
      publicKey: publicKeyCodec,
      url: varlen16(MAX_URL_BYTES, 1),
      expiresS: u32,
      unlistedS: u32,
      unreachableS: u32,
    }),
    GUARDS.maxSampled,
  ),
})

/**
 * The few relays that this client enters through, for weeks (issue 3, "guard relays"). Whoever takes a new first hop for each
 * circuit meets a bad one sooner or later; whoever keeps a few has most likely none. So the list is sampled once, kept, and
 * changed by rule alone: a guard goes when its time is over (30 to 60 days, drawn when it is sampled), when lists have lacked it
 * for 7 days, or when it was tried in vain for 14. What nobody looked at says nothing: both begin and end with a look, so that
 * who comes once in a while finds the guards of the last time. A failure of the day only makes the next in the list serve.
 */
export class Guards {
  private readonly options: GuardsOptions
  private guards: Guard[] = []
  private grownMs = Number.NEGATIVE_INFINITY

  constructor(options: GuardsOptions) {
    this.options = options
  }

  /** Reads what was kept. To be called once, before the first `list`; never rejects, and takes what is damaged for nothing. */
  async load(): Promise<void> {
    try {
      const bytes = await this.options.store?.load()
      if (bytes && bytes.length <= GUARDS.maxStoredBytes) this.guards = this.read(bytes)
    } catch {
      this.guards = []
    }
    this.expire()
  }

  /** In the order in which they are to serve. */
  list(): readonly GuardCandidate[] {
    return this.guards
  }

  /**
   * Brings the list up to date with those that could serve: notes who is not among them, lets go by rule, samples what is missing.
   *
   * @param candidates all that are known, once a relay has told all that it knows
   */
  update(candidates: readonly GuardCandidate[]): void {
    const before = this.state()
    const byKey = new Map(candidates.map((candidate) => [relayKey(candidate), candidate]))
    for (const guard of this.guards) {
      const listed = byKey.get(relayKey(guard))
      if (listed === undefined) {
        guard.unlistedSinceWallMs ??= this.today()
      } else {
        guard.unlistedSinceWallMs = undefined
        guard.url = listed.url
      }
    }
    this.expire()
    this.guards = this.guards.filter((guard) => !this.isPast(guard.unlistedSinceWallMs, GUARDS.unlistedMs))
    while (this.isShort() && this.sample(candidates)) {
      // Until there are enough, or no more.
    }
    if (this.state() !== before) this.save()
  }

  /** Adds a guard because none of those in the list can be reached; slowly, and up to a limit. */
  grow(candidates: readonly GuardCandidate[]): void {
    const nowMs = this.options.clock.now()
    if (this.guards.length >= GUARDS.maxSampled || nowMs - this.grownMs < GUARDS.growEveryMs) return
    this.grownMs = nowMs
    if (this.sample(candidates)) this.save()
  }

  reached({ publicKey }: GuardCandidate): void {
    const guard = this.find(publicKey)
    if (guard?.unreachableSinceWallMs === undefined) return
    guard.unreachableSinceWallMs = undefined
    this.save()
  }

  /** It did not let us in. Only to be told while others do: else it is we who are cut off. */
  unreached({ publicKey }: GuardCandidate): void {
    const guard = this.find(publicKey)
    if (guard === undefined) return
    if (guard.unreachableSinceWallMs === undefined) {
      guard.unreachableSinceWallMs = this.today()
    } else if (this.isPast(guard.unreachableSinceWallMs, GUARDS.unreachableMs)) {
      this.guards = this.guards.filter((each) => each !== guard)
    } else {
      return
    }
    this.save()
  }

  private isShort(): boolean {
    const { serves } = this.options
    const serving = this.guards.filter((guard) => !isGone(guard) && (serves?.(guard) ?? true))
    return serving.length < GUARDS.sampled && this.guards.length < GUARDS.maxSampled
  }

  private find(publicKey: PublicKey): Guard | undefined {
    return this.guards.find((guard) => guard.publicKey.equals(publicKey))
  }

  private sample(candidates: readonly GuardCandidate[]): boolean {
    const chosen = this.options.choose(candidates.filter(({ publicKey }) => !this.find(publicKey)))
    if (chosen === undefined) return false
    const { minLifetimeMs, maxLifetimeMs } = GUARDS
    const lifetimeMs = minLifetimeMs + fraction(this.options.random) * (maxLifetimeMs - minLifetimeMs)
    this.guards.push({
      publicKey: chosen.publicKey,
      url: chosen.url,
      expiresWallMs: this.today() + lifetimeMs,
      unlistedSinceWallMs: undefined,
      unreachableSinceWallMs: undefined,
    })
    return true
  }

  private expire(): void {
    const wallMs = this.options.clock.wall()
    this.guards = this.guards.filter(
      ({ expiresWallMs }) =>
        wallMs < expiresWallMs &&
        // A clock that was set back makes nothing last longer.
        expiresWallMs - wallMs <= GUARDS.maxLifetimeMs + GUARDS.roundMs,
    )
  }

  /** Whether something has lasted for so long, whatever the hour of the day it began at. */
  private isPast(sinceWallMs: number | undefined, lastedMs: number): boolean {
    return sinceWallMs !== undefined && this.options.clock.wall() - sinceWallMs >= lastedMs + GUARDS.roundMs
  }

  private today(): number {
    const wallMs = this.options.clock.wall()
    return wallMs - (wallMs % GUARDS.roundMs)
  }

  private state(): string {
    return this.guards
      .map((guard) => `${relayKey(guard)} ${guard.url} ${guard.unlistedSinceWallMs}`)
      .join('\n')
  }

  private read(bytes: Uint8Array): Guard[] {
    const { version, guards } = decode(stored, bytes)
    if (version !== VERSION && version !== VERSION_LISTED)
      throw new CodecError('guards-version', `guards of version ${version}`)
    return guards.map(({ publicKey, url, expiresS, unlistedS, unreachableS }) => ({
      publicKey,
      url: String.fromCharCode(...url),
      expiresWallMs: expiresS * 1_000,
      unlistedSinceWallMs: version === VERSION_LISTED || unlistedS === 0 ? undefined : unlistedS * 1_000,
      unreachableSinceWallMs: unreachableS === 0 ? undefined : unreachableS * 1_000,
    }))
  }

  private save(): void {
    const seconds = (wallMs: number | undefined) => Math.floor((wallMs ?? 0) / 1_000)
    const guards = this.guards.map((guard) => ({
      publicKey: guard.publicKey,
      url: utf8ToBytes(guard.url),
      expiresS: seconds(guard.expiresWallMs),
      unlistedS: seconds(guard.unlistedSinceWallMs),
      unreachableS: seconds(guard.unreachableSinceWallMs),
    }))
    const bytes = encode(stored, { version: VERSION, guards })
    // What cannot be kept is chosen anew in the next run.
    this.options.store?.save(bytes).catch(() => undefined)
  }
}

/** Neither listed nor to be reached: it keeps its place for when it comes back, and another serves at once. */
function isGone({ unlistedSinceWallMs, unreachableSinceWallMs }: Guard): boolean {
  return unlistedSinceWallMs !== undefined && unreachableSinceWallMs !== undefined
}
