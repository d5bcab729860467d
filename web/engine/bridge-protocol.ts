import type { VolunteerLimits } from '../../shared/link/bridge-limits.ts'
import type { BridgeProgress } from '../link/bridge-dialler.ts'

/** What the page and the engine say to each other about volunteers. Plain data only. */

export type BridgeCommand =
  /** The visitor agrees that another visitor passes this page on, on this visit; or takes that back. */
  | { readonly type: 'bridge-agree'; readonly on: boolean }
  /** Whether this page passes others on. Kept in this browser. */
  | { readonly type: 'volunteer'; readonly on: boolean }
  /** What is given at the most; who is passed on now is let go of. Kept in this browser. */
  | { readonly type: 'volunteer-limits'; readonly limits: VolunteerLimits }

export interface BridgeDesk {
  receive(command: BridgeCommand): void
  view(): BridgeView
}

export interface BridgeView {
  readonly help: HelpView
  readonly volunteer: VolunteerView
}

/** Being passed on. */
export interface HelpView {
  /** No relay could be reached after several tries, so that it may be offered. */
  readonly needed: boolean
  readonly agreed: boolean
  /** Once agreed; undefined before anybody was asked. */
  readonly progress: BridgeProgress | undefined
}

/** Passing others on. */
export interface VolunteerView {
  readonly on: boolean
  /** It was to be switched on, and another tab of this browser has it on already: the limits hold for all of them. */
  readonly elsewhere: boolean
  /** Whether others can come now: there is a WebSocket to the site's relay. */
  readonly ready: boolean
  /** Passed on now, and on this visit. */
  readonly people: number
  readonly helped: number
  /** Both ways, today (UTC). */
  readonly bytesToday: number
  readonly bytesPerDay: number
  /** Each way. */
  readonly bytesPerSecond: number
  readonly mostPeople: number
}
