import { NO_PREFERENCES, type PathPreferences } from '../../shared/path/preferences.ts'
import type { Kept } from '../engine/database.ts'

/** Which relays a visitor wants; kept in this browser, told to nobody. */
export type RelayPreferences = PathPreferences

/** There are some 250 codes. */
const MAX_COUNTRIES = 300
const CODE = /^[A-Z]{2}$/

/** Checks what was kept, or what the page sent. Undefined for what is none. */
export function readPreferences(value: unknown): RelayPreferences | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { avoidCountries, avoidUnknownCountry, near } = value as Record<string, unknown>
  if (!Array.isArray(avoidCountries) || avoidCountries.length > MAX_COUNTRIES) return undefined
  const codes = avoidCountries.filter((code): code is string => typeof code === 'string' && CODE.test(code))
  return {
    ...NO_PREFERENCES,
    avoidCountries: [...new Set(codes)].sort(),
    avoidUnknownCountry: avoidUnknownCountry === true,
    near: near === true,
  }
}

/** Whether circuits cannot be chosen as wanted before it is known which country an address is in. */
export function needsCountries({ avoidCountries, near }: RelayPreferences): boolean {
  return avoidCountries.length > 0 || near
}

/** None where nothing was kept, or what was cannot be read. */
export async function keptPreferences(store: Kept<RelayPreferences> | undefined): Promise<RelayPreferences> {
  const none = () => undefined
  return (await store?.load().catch(none)) ?? NO_PREFERENCES
}
