import { formatAddress, type IpAddress } from '../bytes/address.ts'
import type { Clock } from '../world/clock.ts'
import { pick, type Random } from '../world/random.ts'
import { doubledPause } from '../world/retry.ts'
import { BoundedMap } from './bounded-map.ts'
import type { WalkSettings } from './constants.ts'
import { isUnicast } from './network-of.ts'

export interface ToldAddress {
  readonly address: IpAddress
  /** Whether the introducer said that it understands new-style introductions. */
  readonly newStyle: boolean
  /** Who told it, when; undefined for one that was not told by an introduction. */
  readonly introduction?: Introduction
  /** Its peer has punctured our NAT already, so that it is best asked soon. */
  readonly punctured?: boolean
}

export interface Introduction {
  readonly introducer: IpAddress
  readonly atMs: number
}

/**
 * Addresses where nobody answered: each is left alone for a while, twice as long each time. Whoever answers after all is
 * forgiven.
 */
export class RestingAddresses {
  private readonly clock: Clock
  private readonly settings: WalkSettings
  private readonly rests: BoundedMap<string, { readonly untilMs: number; readonly times: number }>

  constructor(clock: Clock, settings: WalkSettings) {
    this.clock = clock
    this.settings = settings
    this.rests = new BoundedMap(settings.maxContacts)
  }

  rest(address: IpAddress): void {
    const { restMs, maxRestMs } = this.settings
    const times = this.rests.get(formatAddress(address))?.times ?? 0
    const untilMs = this.clock.now() + doubledPause(restMs, maxRestMs, times)
    this.rests.set(formatAddress(address), { untilMs, times: times + 1 })
  }

  has(address: IpAddress): boolean {
    return this.clock.now() < (this.rests.get(formatAddress(address))?.untilMs ?? Number.NEGATIVE_INFINITY)
  }

  delete(address: IpAddress): void {
    this.rests.delete(formatAddress(address))
  }
}

/** Addresses that were told by introducers and not yet heard from: bounded, the oldest forgotten first. */
export class AddressBook {
  private readonly told: BoundedMap<string, ToldAddress>

  constructor(capacity: number) {
    this.told = new BoundedMap(capacity)
  }

  add(
    address: IpAddress,
    newStyle: boolean,
    more: Pick<ToldAddress, 'introduction' | 'punctured'> = {},
  ): void {
    if (isUnicast(address)) this.told.set(formatAddress(address), { address, newStyle, ...more })
  }

  find(address: IpAddress): ToldAddress | undefined {
    return this.told.get(formatAddress(address))
  }

  delete(address: IpAddress): void {
    this.told.delete(formatAddress(address))
  }

  list(): ToldAddress[] {
    return this.told.values()
  }

  /** A random one that `usable` lets pass, of those that punctured us if there are any. */
  choose(random: Random, usable: (address: IpAddress) => boolean): ToldAddress | undefined {
    const all = this.list().filter((told) => usable(told.address))
    const punctured = all.filter((told) => told.punctured)
    return pick(random, punctured.length > 0 ? punctured : all)
  }
}
