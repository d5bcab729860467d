import type { IpAddress } from '../bytes/address.ts'

/** What is known of where an address is. */
export interface GeoRecord {
  /** ISO 3166-1 alpha-2, upper case. */
  readonly country?: string
  /** Number of the autonomous system that announces it, 1 to 2^32 - 1. */
  readonly as?: number
}

/** Degrees: north and east positive. */
export interface GeoPoint {
  readonly latitude: number
  readonly longitude: number
}

/** Country and network of addresses, told by a table at hand: nobody is asked (requirement K-08). */
export interface Geo {
  /** Undefined where neither country nor AS is known: private addresses, unassigned ones. */
  lookup(address: IpAddress): GeoRecord | undefined
  /** The middle of a country, to measure distances by; undefined if it is not in the table. */
  centre(country: string): GeoPoint | undefined
}
