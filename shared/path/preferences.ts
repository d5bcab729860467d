import type { Nearness } from './near.ts'
import type { PathRelay } from './relay.ts'

/** What the owner of circuits wants of their hops, beside what holds for all. */
export interface PathPreferences {
  /** ISO 3166-1 alpha-2, upper case: relays in these countries are no hop of any circuit. */
  readonly avoidCountries: readonly string[]
  /** Whether relays of which no country is known are avoided with them, where any is avoided. */
  readonly avoidUnknownCountry: boolean
  /** Hops near to each other are drawn more often: faster, and easier to guess. */
  readonly near: boolean
}

export const NO_PREFERENCES: PathPreferences = {
  avoidCountries: [],
  avoidUnknownCountry: false,
  near: false,
}

/** The same as path selection asks for it. */
export interface PathWishes {
  /** Is no hop whatever else there is: blocked, or where the owner wants none. */
  refused(relay: PathRelay): boolean
  /** By how much hops that are far from those beside them weigh less; distance does not count without it. */
  readonly near?: Nearness | undefined
  /** Whether a path is not to serve any longer though none of its hops is refused. */
  unfit?(path: readonly PathRelay[]): boolean
}

/** Whether a relay is never to be a hop: blocked, or where the owner wants none to be. Its claim counts where it speaks against it. */
export function isRefused({ country, claimed, standing }: PathRelay, preferences: PathPreferences): boolean {
  if (standing === 'blocked') return true
  const { avoidCountries, avoidUnknownCountry } = preferences
  if (avoidCountries.length === 0) return false
  const countries = [country, claimed?.country].filter((code) => code !== undefined)
  if (countries.length === 0) return avoidUnknownCountry
  return countries.some((code) => avoidCountries.includes(code))
}
