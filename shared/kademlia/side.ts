import type { IpAddress } from '../bytes/address.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import type { Family, NodeContact } from './api.ts'
import type { KademliaSettings } from './constants.ts'
import { NetworkSize } from './network-size.ts'
import { nodeIdFits, nodeIdFor } from './node-id.ts'
import { OwnAddressVotes } from './own-address-votes.ts'
import type { Rpc } from './rpc.ts'
import { Table } from './table.ts'

/** Our place in the DHT of one address family (BEP 32): an id that fits our address there (BEP 42), and the nodes known. */
export class Side {
  readonly family: Family
  readonly table: Table
  readonly size = new NetworkSize()
  readonly votes = new OwnAddressVotes()
  id: Uint8Array
  /** Our address as it was told to us, or as enough others see it. */
  ownAddress: IpAddress | undefined

  constructor(family: Family, settings: KademliaSettings, clock: Clock, random: Random) {
    this.family = family
    this.id = random.bytes(20)
    this.table = new Table(this.id, settings, clock.now())
  }

  /** @returns whether our id had to change */
  setOwnAddress(address: IpAddress, random: Random, now: number): boolean {
    this.ownAddress = address
    if (nodeIdFits(this.id, address)) return false
    this.id = nodeIdFor(address, random)
    this.table.moveTo(this.id, now)
    return true
  }
}

/** What all parts of one machine have in common. */
export interface Core {
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  readonly settings: KademliaSettings
  readonly rpc: Rpc
  readonly sides: readonly Side[]
  /** BEP 43. */
  isReadOnly(): boolean
  isOwn(contact: NodeContact): boolean
  /** Where a lookup begins: nodes of the table, and routers while that has few. */
  seeds(side: Side, target: Uint8Array, count: number): readonly NodeContact[]
}

export function sideOf(sides: readonly Side[], family: Family): Side | undefined {
  return sides.find((side) => side.family === family)
}
