import { VOLUNTEER_LIMITS, type VolunteerLimits } from '../../shared/link/bridge-limits.ts'
import type { VolunteerState } from '../link/bridge-volunteer.ts'
import { type Kept, kept } from './database.ts'

/** What a visitor gives to others if he has never said anything: nothing. */
export const NO_VOLUNTEER: VolunteerState = { on: false, limits: VOLUNTEER_LIMITS, day: 0, bytes: 0 }

/**
 * Keeps the limits, and what was given today. Not that the switch was on: it opens connections to strangers, and a yes to such holds
 * for the visit on which it was given (C-09).
 */
export function volunteerStore(network: string): Kept<VolunteerState> | undefined {
  return kept({ database: 'culvert-volunteer', store: 'volunteer', key: network }, readVolunteer)
}

/** Checks what was kept. Undefined for what is none. */
export function readVolunteer(value: unknown): VolunteerState | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { limits, day, bytes } = value as Record<string, unknown>
  const kept = typeof limits === 'object' && limits !== null ? (limits as Record<string, unknown>) : {}
  return {
    on: false,
    limits: Object.fromEntries(
      Object.entries(VOLUNTEER_LIMITS).map(([name, usual]) => [name, count(kept[name]) ?? usual]),
    ) as unknown as VolunteerLimits,
    day: count(day) ?? 0,
    bytes: count(bytes) ?? 0,
  }
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}
