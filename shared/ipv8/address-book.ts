import { formatAddress, type IpAddress } from '../bytes/address.ts'
import { pick, type Random } from '../world/random.ts'
import { isUnicast } from './network-of.ts'

export interface ToldAddress {
  readonly address: IpAddress
  /** Whether the introducer said that it understands new-style introductions. */
  readonly newStyle: boolean
}

/** Addresses that were told by introducers and not yet heard from: bounded, the oldest forgotten first. */
export class AddressBook {
  private readonly told = new Map<string, ToldAddress>()
  private readonly capacity: number

  constructor(capacity: number) {
    this.capacity = capacity
  }

  add(address: IpAddress, newStyle: boolean): void {
    if (!isUnicast(address)) return
    const key = formatAddress(address)
    this.told.delete(key)
    this.told.set(key, { address, newStyle })
    const oldest = this.told.keys().next()
    if (this.told.size > this.capacity && !oldest.done) this.told.delete(oldest.value)
  }

  delete(address: IpAddress): void {
    this.told.delete(formatAddress(address))
  }

  list(): ToldAddress[] {
    return [...this.told.values()]
  }

  /** A random one that `usable` lets pass. */
  choose(random: Random, usable: (address: IpAddress) => boolean): ToldAddress | undefined {
    return pick(
      random,
      this.list().filter((told) => usable(told.address)),
    )
  }
}
