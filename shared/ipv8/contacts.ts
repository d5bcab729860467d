import { formatAddress, type IpAddress } from '../bytes/address.ts'
import type { Clock } from '../world/clock.ts'
import { BoundedMap } from './bounded-map.ts'
import type { ConnectionType } from './introduction.ts'

/** An address that a correctly signed packet came from. */
export interface Contact {
  readonly address: IpAddress
  /** Whether something came from there that only who received a packet of ours there can know. */
  readonly proven: boolean
  /** What its peer says of its own NAT. */
  readonly connectionType: ConnectionType
  readonly lastHeard: number
}

/** A contact that is silent for longer is none: py-ipv8 drops silent peers within a minute, and so introduces them no more. */
const CONTACT_MS = 120_000
/** Sites that we sent to are remembered for longer than NATs keep mappings. */
const SENT_MS = 600_000
const MAX_SITES = 4_096

/**
 * Addresses beyond the peer table: whose signed packets came in, and where we sent to. A peer that found no room in our
 * table is one of its introducers all the same, and a packet from where we never sent to says that we can be reached.
 */
export class Contacts {
  private readonly clock: Clock
  private readonly byAddress: BoundedMap<string, { -readonly [K in keyof Contact]: Contact[K] }>
  private readonly sites = new BoundedMap<string, number>(MAX_SITES)

  constructor(clock: Clock, capacity: number) {
    this.clock = clock
    this.byAddress = new BoundedMap(capacity)
  }

  at(address: IpAddress): Contact | undefined {
    const contact = this.byAddress.get(formatAddress(address))
    return contact && this.clock.now() - contact.lastHeard < CONTACT_MS ? contact : undefined
  }

  /** A packet with a good signature came from there. `connectionType` if it told one. */
  signed(address: IpAddress, connectionType?: ConnectionType): void {
    const key = formatAddress(address)
    const known = this.at(address)
    this.byAddress.set(key, {
      address,
      proven: known?.proven ?? false,
      connectionType: connectionType ?? known?.connectionType ?? 'unknown',
      lastHeard: this.clock.now(),
    })
  }

  /** An answer came from there, with the identifier of what was sent there. Nothing unless it is a contact. */
  answered(address: IpAddress): void {
    const contact = this.byAddress.get(formatAddress(address))
    if (!contact) return
    contact.proven = true
    contact.lastHeard = this.clock.now()
  }

  /** A contact that says anything, signed or not, stays one. */
  heard(address: IpAddress): void {
    const contact = this.byAddress.get(formatAddress(address))
    if (contact && this.at(address)) contact.lastHeard = this.clock.now()
  }

  sentTo(address: IpAddress): void {
    this.sites.set(address.host, this.clock.now())
  }

  /** Whether we sent anything to this host within 10 min, so that a NAT before us may let its packets in. */
  everSentTo(address: IpAddress): boolean {
    const sent = this.sites.get(address.host)
    return sent !== undefined && this.clock.now() - sent < SENT_MS
  }
}
