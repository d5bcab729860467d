import type { Geo } from '../geo/geo.ts'
import { type Nearness, nearness } from '../path/near.ts'
import { isRefused, NO_PREFERENCES, type PathPreferences, type PathWishes } from '../path/preferences.ts'
import type { PathRelay } from '../path/relay.ts'

export interface WishesOptions {
  /** Asked anew each time: a page loads its table after its first circuits. */
  readonly geo?: (() => Geo | undefined) | undefined
  readonly preferences?: PathPreferences | undefined
  /** By what is thought of the relay now, which may have changed since a circuit was built through it. */
  isBlocked?(relay: PathRelay): boolean
  /** Whether a path would not be chosen now, though each of its hops might. */
  isUnfit?(path: readonly PathRelay[]): boolean
}

/** What the owner of circuits wants of their hops, by the preferences of the moment. */
export class Wishes implements PathWishes {
  private readonly options: WishesOptions
  private preferences: PathPreferences
  private nearIn: { readonly geo: Geo; readonly near: Nearness } | undefined

  constructor(options: WishesOptions) {
    this.options = options
    this.preferences = options.preferences ?? NO_PREFERENCES
  }

  set(preferences: PathPreferences): void {
    this.preferences = preferences
  }

  refused(relay: PathRelay): boolean {
    if (this.options.isBlocked?.(relay)) return true
    return isRefused(this.located(relay), this.preferences)
  }

  unfit(path: readonly PathRelay[]): boolean {
    return this.options.isUnfit?.(path) ?? false
  }

  /** Undefined unless it is wanted, and countries are known. */
  get near(): Nearness | undefined {
    const geo = this.options.geo?.()
    if (!this.preferences.near || geo === undefined) return undefined
    if (this.nearIn?.geo !== geo) this.nearIn = { geo, near: nearness(geo) }
    return this.nearIn.near
  }

  /** A circuit may be older than the table. */
  private located(relay: PathRelay): PathRelay {
    if (relay.country !== undefined || this.preferences.avoidCountries.length === 0) return relay
    const country = relay.address && this.options.geo?.()?.lookup(relay.address)?.country
    return country === undefined ? relay : { ...relay, country }
  }
}
