import type { IpAddress } from '../bytes/address.ts'
import type { KeyPair } from '../identity/keys.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import type { WalkSettings } from './constants.ts'
import type { Contacts } from './contacts.ts'
import type { Nat } from './nat.ts'
import type { OwnAddresses } from './own-addresses.ts'
import type { PeerRecords } from './peer-record.ts'
import type { SourceLimits } from './source-limits.ts'

/** What all communities on one socket have in common. */
export interface Surroundings {
  readonly keyPair: KeyPair
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  readonly settings: WalkSettings
  readonly own: OwnAddresses
  readonly nat: Nat
  readonly contacts: Contacts
  readonly limits: SourceLimits
  readonly records: PeerRecords
  /** Whether a packet may be sent there at all: the socket can, and the edge lets it pass. */
  reaches(address: IpAddress): boolean
  send(address: IpAddress, packet: Uint8Array): void
}
