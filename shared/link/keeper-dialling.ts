import { toHex } from '../bytes/bytes.ts'
import { shuffled } from '../world/random.ts'
import { type KeeperSettings, type NeighbourSettings, PRIORITIES } from './keeper-limits.ts'
import type { KeeperOptions, KeeperTarget } from './keeper-options.ts'
import { diallerOf, Reach } from './keeper-reach.ts'
import { Retries } from './keeper-retries.ts'
import type { KeptLink } from './kept-link.ts'
import type { LinkCloseReason } from './link.ts'
import type { LinkAddress } from './link-address.ts'
import type { LinkTable } from './link-table.ts'
import type { Wire, WireKind } from './wire.ts'

export interface KeeperDiallingOptions {
  readonly keeper: KeeperOptions
  readonly settings: KeeperSettings & NeighbourSettings
  readonly table: LinkTable
  /** Makes a neighbour that is about to be dialled. */
  begin(target: KeeperTarget): KeptLink
  opened(link: KeptLink, wire: Wire): void
}

/** How often all known relays are gone through while there are links enough, in milliseconds. */
const SEEK_MS = 4_000

/** The wish for another wire has failures of its own, beside those of the relay itself. */
const moreOf = (link: KeptLink): string => `${link.key} more`

/** Whom the keeper dials, and when: relays it wants, further kinds to those it has, and fresh wires for old ones. */
export class KeeperDialling {
  private readonly options: KeeperDiallingOptions
  private readonly retries: Retries
  private betterMs: number
  private soughtMs = Number.NEGATIVE_INFINITY

  constructor(options: KeeperDiallingOptions) {
    this.options = options
    const { clock, random } = options.keeper
    this.retries = new Retries({ clock, random, settings: options.settings })
    this.betterMs = clock.now()
  }

  /** Dials what is due. */
  look(): void {
    for (const link of this.options.table.relays()) this.tend(link)
    if (this.options.keeper.sleeping?.() === true) return
    this.seek()
    this.seekBetter()
  }

  /** Addresses that can be dialled from here. */
  usable({ addresses }: KeeperTarget): readonly LinkAddress[] {
    return addresses.filter((address) => this.kindOf(address) !== undefined)
  }

  /** Whether a relay has failed so often that it is left alone for a while. */
  rests(key: string): boolean {
    return this.retries.rests(key)
  }

  /** Dials a neighbour that was made for it. */
  dial(link: KeptLink): void {
    const addresses = link.target ? this.usable(link.target) : []
    if (addresses.length === 0) link.neighbour.close('failed')
    else this.reach(link, addresses, () => link.neighbour.close('failed'))
  }

  /** A link has ended. @param wasOpen whether it ever had a wire */
  ended(link: KeptLink, reason: LinkCloseReason, wasOpen: boolean): void {
    link.reach?.cancel()
    link.reach = undefined
    // Nobody would dial a page, and their keys are without number.
    if (link.isPage) return
    const declined = reason === 'limit' || reason === 'refused' || reason === 'protocol'
    if (wasOpen && !declined) this.retries.lose(link.key)
    else this.retries.fail(link.key)
    this.retries.succeed(moreOf(link))
  }

  /** A link that is there, or was just now: replaced if lost, given a second kind, renewed when old. */
  private tend(link: KeptLink): void {
    const { neighbour, target } = link
    if (link.reach || !target) return
    const more = moreOf(link)
    if (neighbour.status === 'waiting') {
      // Idle ones come back in their time, or not at all.
      if (this.options.keeper.inUse(neighbour)) this.reach(link, this.usable(target), () => {})
      return
    }
    if (!link.isLinked || !this.retries.isDue(more) || this.isTheirs(link)) return
    const addresses = this.missing(link, target)
    const old = addresses.length === 0 ? this.old(link) : undefined
    if (addresses.length > 0) this.reach(link, addresses, () => this.retries.fail(more))
    else if (old) this.reach(link, [old], () => this.retries.fail(more))
  }

  /** Whether the neighbour dialled, just now: it is the one to go on with other kinds. */
  private isTheirs({ neighbour }: KeptLink): boolean {
    return neighbour.wires.every((wire) => {
      const isNew = (neighbour.ageMs(wire) ?? 0) < this.options.settings.tieMs
      return isNew && !wire.initiated && !neighbour.isSilent(wire)
    })
  }

  /** Addresses of kinds that a relay could be reached by besides, as long as there are too few. */
  private missing({ neighbour }: KeptLink, target: KeeperTarget): readonly LinkAddress[] {
    const kinds = new Set<WireKind | undefined>(
      neighbour.wires.filter((wire) => !neighbour.isSilent(wire)).map(({ kind }) => kind),
    )
    if (kinds.size >= this.options.settings.kindsPerLink) return []
    return this.usable(target).filter((address) => !kinds.has(this.kindOf(address)))
  }

  /** Where a wire leads that we dialled and that is to be replaced for its age. Datagrams have nothing that ages. */
  private old({ neighbour }: KeptLink): LinkAddress | undefined {
    const { rotateAfterMs } = this.options.settings
    if (rotateAfterMs === 0) return undefined
    const wire = neighbour.wires.find(
      (each) =>
        each.initiated &&
        each.kind !== 'udp' &&
        each.address !== undefined &&
        (neighbour.ageMs(each) ?? 0) >= rotateAfterMs,
    )
    return wire?.address
  }

  private seek(): void {
    const { settings, table, keeper } = this.options
    // Those that are known may be many, and links change in bursts.
    const nowMs = keeper.clock.now()
    if (this.dials >= settings.maxDials) return
    if (table.relays().length >= settings.minLinks && nowMs < this.soughtMs + SEEK_MS) return
    for (const target of this.candidates()) {
      // Whose turn comes when one of these dials is done.
      if (this.dials >= settings.maxDials) return
      // A dial before this may have begun it: that of a relay that this one is to signal for.
      if (table.get(toHex(target.publicKey.mid))) continue
      const count = table.relays().length
      const isSteady = target.priority >= PRIORITIES.trusted
      const hasRoom = count < settings.maxLinks || table.victim(target.priority - 1) !== undefined
      if (!(count < settings.minLinks || (isSteady && hasRoom))) break
      this.dial(this.options.begin(target))
    }
    this.soughtMs = nowMs
  }

  /** Now and then: a relay that is better than the worst one that nobody uses. */
  private seekBetter(): void {
    const { settings, table, keeper } = this.options
    const nowMs = keeper.clock.now()
    if (nowMs - this.betterMs < settings.betterMs) return
    this.betterMs = nowMs
    const [target] = this.candidates()
    if (target && table.victim(target.priority - 1)) this.dial(this.options.begin(target))
  }

  /** Relays that could be dialled now, the best first, in random order among equals. */
  private candidates(): readonly KeeperTarget[] {
    const { keeper, table } = this.options
    const due = keeper.candidates().filter((target) => {
      const key = toHex(target.publicKey.mid)
      return (
        table.get(key) === undefined &&
        this.retries.isDue(key) &&
        !target.publicKey.equals(keeper.self) &&
        this.usable(target).length > 0
      )
    })
    return shuffled(keeper.random, due).sort((a, b) => b.priority - a.priority)
  }

  private get dials(): number {
    return this.options.table.all().filter(({ reach }) => reach !== undefined).length
  }

  private reach(link: KeptLink, addresses: readonly LinkAddress[], onFailed: () => void): void {
    if (addresses.length === 0) return
    const { settings, keeper } = this.options
    const { publicKey } = link.neighbour
    link.reach = new Reach({
      clock: keeper.clock,
      diallers: keeper.diallers,
      publicKey,
      addresses,
      staggerMs: settings.dialStaggerMs,
      timeoutMs: settings.connectTimeoutMs,
      onWire: (wire) => {
        link.reach = undefined
        this.retries.succeed(link.key)
        this.options.opened(link, wire)
      },
      onFailed: () => {
        link.reach = undefined
        keeper.counters.add('keeper-dial-failed')
        onFailed()
      },
    })
    keeper.counters.add('keeper-dialled')
  }

  private kindOf(address: LinkAddress): WireKind | undefined {
    return diallerOf(this.options.keeper.diallers, address)?.kind
  }
}
