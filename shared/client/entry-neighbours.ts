import { CulvertError } from '../bytes/error.ts'
import type { PublicKey } from '../identity/keys.ts'
import type { NeighbourSettings } from '../link/keeper-limits.ts'
import type { Link, LinkCloseReason } from '../link/link.ts'
import type { LinkAddress } from '../link/link-address.ts'
import { Neighbour } from '../link/neighbour.ts'
import type { Dialler, Wire, WireKind } from '../link/wire.ts'
import { relayKey } from '../path/relay.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import { listedPause } from '../world/retry.ts'
import { ENTRY_REDIAL_MS } from './constants.ts'
import type { EntryRelay } from './entry-links.ts'
import { CallOff, firstWire } from './wire-race.ts'

export interface EntryNeighboursOptions {
  readonly clock: Clock
  readonly random: Random
  /** `entry-redialled`, `entry-redial-failed`, and those of neighbours. */
  readonly counters: Counters
  readonly diallers: readonly Dialler[]
  readonly settings?: Partial<NeighbourSettings>
  /** Where an entry may be reached; asked anew for each try. */
  addressesOf(relay: EntryRelay): readonly LinkAddress[]
  /** The key that an entry knows us by. */
  keyFor(neighbour: PublicKey): PublicKey
  /** Whether circuits go over a link. */
  inUse(link: Link): boolean
  /** A link has lost its wire or has one again, fell silent, or came or went. */
  changed(): void
  /** What an entry signals, for somebody whom it introduced. */
  onSignal?(neighbour: Neighbour, body: Uint8Array): void
  onClosed?(neighbour: Neighbour): void
}

/** How things stand with a way in. `stuck`: no wire, and none could be opened so far. */
export type EntryNeighbourState = 'open' | 'redialling' | 'stuck'

/** A link with an entry, and what there is to say of it. */
export interface EntryNeighbourView {
  readonly relay: EntryRelay
  readonly neighbour: Neighbour
  readonly state: EntryNeighbourState
  /** Of the wire that serves, or served last. */
  readonly address: LinkAddress | undefined
  readonly kind: WireKind
}

/** Besides what the view tells: how another wire is being looked for. */
interface Entry {
  readonly relay: EntryRelay
  readonly neighbour: Neighbour
  race: CallOff | undefined
  retry: Timer | undefined
  failures: number
  address: LinkAddress | undefined
  kind: WireKind
}

/**
 * Links with entries that outlive their wires: an entry is dialled in all its ways side by side, and the first wire serves.
 * When that is lost or falls silent all ways are tried again at once, and circuits go on over whichever opens, if the entry
 * still has them. One wire to an entry is enough: of two that answer one is let go.
 */
export class EntryNeighbours {
  private readonly options: EntryNeighboursOptions
  private readonly entries = new Map<Link, Entry>()
  private readonly opening = new CallOff()

  constructor(options: EntryNeighboursOptions) {
    this.options = options
  }

  /**
   * Opens a link to an entry.
   * @throws CulvertError `entry-busy` if there is a link with it, `entry-no-way`, `link-aborted`; as the last way to fail
   */
  async open(
    relay: EntryRelay,
    onPacket: (link: Link, packet: Uint8Array) => void,
    onClosed: (link: Link, reason: LinkCloseReason) => void,
  ): Promise<Neighbour> {
    const { clock, random, counters, settings, keyFor, inUse, onSignal } = this.options
    const wire = await this.firstWire(relay, this.opening)
    // Two links under one key would be one to the entry.
    if (this.neighbour(relay.publicKey)) {
      wire.link.close('unneeded')
      throw new CulvertError('entry-busy', 'there is a link with this relay already')
    }
    const neighbour: Neighbour = new Neighbour({
      publicKey: relay.publicKey,
      self: keyFor(relay.publicKey),
      clock,
      random,
      counters,
      ...(settings && { settings }),
      inUse,
      onPacket,
      onClosed: (_, reason) => {
        this.forget(entry)
        this.options.onClosed?.(neighbour)
        onClosed(neighbour, reason)
      },
      onChange: () => this.look(entry),
      ...(onSignal && { onSignal }),
    })
    const entry: Entry = {
      relay,
      neighbour,
      race: undefined,
      retry: undefined,
      failures: 0,
      address: wire.address,
      kind: wire.kind,
    }
    this.entries.set(neighbour, entry)
    neighbour.add(wire)
    return neighbour
  }

  /** No link opens any more. Those that are open belong to their owners. */
  stop(): void {
    this.opening.abort()
  }

  list(): readonly EntryNeighbourView[] {
    return [...this.entries.values()].map((entry) => ({ ...entry, state: this.stateOf(entry) }))
  }

  neighbour(publicKey: PublicKey): Neighbour | undefined {
    const key = relayKey({ publicKey })
    return [...this.entries.values()].find(({ relay }) => relayKey(relay) === key)?.neighbour
  }

  /** Whether a link has no wire and cannot get one: others had better serve meanwhile. */
  isStuck(link: Link): boolean {
    const entry = this.entries.get(link)
    return entry !== undefined && this.stateOf(entry) === 'stuck'
  }

  private stateOf({ neighbour, failures }: Entry): EntryNeighbourState {
    if (neighbour.status === 'open') return 'open'
    return neighbour.wires.length === 0 && failures > 0 ? 'stuck' : 'redialling'
  }

  /** Something has happened to a wire. */
  private look(entry: Entry): void {
    const { neighbour } = entry
    const { status } = neighbour
    if (status === 'closed' || !this.entries.has(neighbour)) return
    if (status === 'open') {
      this.rest(entry)
      entry.failures = 0
      const [wire] = neighbour.wires
      entry.address = wire?.address ?? entry.address
      entry.kind = wire?.kind ?? entry.kind
      for (const wire of spareWires(neighbour)) neighbour.retire(wire)
    } else if (!entry.race && !entry.retry) {
      void this.redial(entry)
    }
    this.options.changed()
  }

  /** All ways at once, the one that was lost among them: it may have been the wire, and not the way. */
  private async redial(entry: Entry): Promise<void> {
    const { clock, counters } = this.options
    const race = new CallOff()
    entry.retry = undefined
    entry.race = race
    try {
      const wire = await this.firstWire(entry.relay, race)
      entry.race = undefined
      counters.add('entry-redialled')
      entry.neighbour.add(wire)
    } catch (error) {
      if (!(error instanceof CulvertError)) throw error
      if (race.aborted) return
      entry.race = undefined
      entry.failures++
      counters.add('entry-redial-failed')
      const pauseMs = listedPause(ENTRY_REDIAL_MS, entry.failures)
      entry.retry = clock.after(pauseMs, () => void this.redial(entry))
      this.options.changed()
    }
  }

  private firstWire(relay: EntryRelay, signal: CallOff): Promise<Wire> {
    const { diallers, addressesOf } = this.options
    return firstWire({ publicKey: relay.publicKey, addresses: addressesOf(relay), diallers, signal })
  }

  private rest(entry: Entry): void {
    const { race } = entry
    entry.race = undefined
    race?.abort()
    entry.retry?.cancel()
    entry.retry = undefined
  }

  private forget(entry: Entry): void {
    this.rest(entry)
    this.entries.delete(entry.neighbour)
    this.options.changed()
  }
}

/** Those that answer, but for the best. A silent one is left to answer again, or to be given up. */
function spareWires(neighbour: Neighbour): readonly Wire[] {
  return neighbour.wires.filter((wire) => !neighbour.isSilent(wire)).slice(1)
}
