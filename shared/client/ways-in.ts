import type { Directory } from '../directory/directory.ts'
import type { PublicKey } from '../identity/keys.ts'
import type { Link } from '../link/link.ts'
import { draw, preferring } from '../path/draw.ts'
import { type GuardCandidate, type GuardStore, Guards } from '../path/guards.ts'
import type { Entry } from '../path/pool.ts'
import type { PathWishes } from '../path/preferences.ts'
import { mayShareCircuit, type NetworkBits, type PathRelay, relayKey } from '../path/relay.ts'
import type { Reliability } from '../path/reliability.ts'

import type { Clock } from '../world/clock.ts'
import { type Random, shuffled } from '../world/random.ts'
import { ENTRY_LINKS } from './constants.ts'
import type { EntryAddresses } from './entry-addresses.ts'
import { EntryLinks, type EntryRelay, type EntryState } from './entry-links.ts'
import { LinkWatch } from './link-watch.ts'
import { describedRelay } from './path-relays.ts'

interface SilentCircuit {
  readonly state: string
  readonly suspect: boolean
  ping(): void
}

export interface WaysInOptions {
  readonly clock: Clock
  readonly random: Random
  readonly networkBits: NetworkBits
  readonly entries: readonly EntryRelay[]
  readonly guardStore?: GuardStore
  readonly standbys?: number
  extraRelays?(): readonly PathRelay[]
  entryUrl?(relay: PathRelay): string | undefined
  readonly addresses: EntryAddresses
  /** Whether a link has no wire though it may get one again: others serve meanwhile. */
  isStuck?(link: Link): boolean
  openLink(
    relay: EntryRelay,
    onPacket: (link: Link, packet: Uint8Array) => void,
    onClosed: (link: Link) => void,
  ): Promise<Link>
  readonly directory: Directory
  readonly reliability: Reliability
  readonly wishes?: PathWishes | undefined
  relayOf(publicKey: PublicKey): PathRelay | undefined
  circuitsOf(link: Link): readonly SilentCircuit[]
  receive(link: Link, packet: Uint8Array): void
  opened(link: Link): void
  linkClosed(link: Link): void
  /** Links have come, gone, or fallen silent. */
  changed(): void
}

/**
 * The links over which circuits begin: to the guards, and for circuits of one hop to exits. Those known beforehand come first
 * (the page's own origin sees the visitor anyway), then the guards that were sampled for weeks.
 */
export class WaysIn {
  private readonly options: WaysInOptions
  private readonly sampled: Guards
  private readonly toGuards: EntryLinks
  /** For circuits of one hop, where no guard is an exit. */
  private readonly toExits: EntryLinks
  private readonly watch: LinkWatch
  private exitOrder: EntryRelay[] = []
  /** Whether `exitOrder` is older than the directory. */
  private exitsChanged = false
  /** Whether the guards that were kept are read: none is sampled before. */
  private loaded = false
  /** Whether a relay has told all that it knows. */
  private told = false

  constructor(options: WaysInOptions) {
    this.options = options
    const { clock, random } = options
    this.watch = new LinkWatch({
      clock,
      changed: () => this.linksChanged(),
      dead: (link) => this.dead(link),
    })
    this.sampled = new Guards({
      clock,
      random,
      ...(options.guardStore && { store: options.guardStore }),
      choose: (candidates) => this.chooseGuard(candidates),
      serves: (guard) => this.isWanted(guard),
    })
    const count = Math.min(ENTRY_LINKS, 1 + (options.standbys ?? 1))
    this.toGuards = this.entryLinks(count, () => this.inOrder())
    this.toExits = this.entryLinks(1, () => this.sortedExits())
  }

  get state(): EntryState {
    return this.toGuards.state
  }

  get unreachable(): boolean {
    return this.toGuards.unreachable
  }

  async start(): Promise<void> {
    await this.sampled.load()
    this.loaded = true
    // Clients with a socket of their own hear from relays at once.
    if (this.told) this.sampled.update(this.candidates())
    this.toGuards.want()
  }

  stop(): void {
    this.watch.stop()
    this.toGuards.stop()
    this.toExits.stop()
  }

  /** Open and not silent, the best guard first. */
  guards(): readonly Entry[] {
    return this.usable(this.toGuards)
  }

  isSilent(link: Link): boolean {
    return this.watch.isSilent(link) || (this.options.isStuck?.(link) ?? false)
  }

  /** Those that serve when all can be reached. */
  guardRelays(): readonly PathRelay[] {
    const { entries, relayOf } = this.options
    const next = [...entries, ...this.sampled.list()].filter((guard) => this.isWanted(guard))
    return next.slice(0, ENTRY_LINKS).flatMap(({ publicKey }) => relayOf(publicKey) ?? [])
  }

  /** Open links to exits. Begins to link to one where no guard is one. */
  exits(): readonly Entry[] {
    const guards = this.guards().filter(({ relay }) => relay.exit !== 'none')
    if (guards.length > 0) return guards
    if (this.guards().length > 0) this.toExits.want()
    return this.usable(this.toExits)
  }

  links(): readonly Link[] {
    return [...this.toGuards.list(), ...this.toExits.list()].map(({ link }) => link)
  }

  /** Whose link it is. */
  keyOf(link: Link): PublicKey | undefined {
    const ways = [...this.toGuards.list(), ...this.toExits.list()]
    return ways.find((way) => way.link === link)?.relay.publicKey
  }

  /** @param complete whether a relay has told all that it knows: guards are not sampled from less */
  directoryChanged(complete: boolean): void {
    this.told ||= complete
    if (complete && this.loaded) this.sampled.update(this.candidates())
    this.exitsChanged = true
    this.toGuards.look()
    this.toExits.look()
  }

  /** A circuit over it has fallen silent: the others are asked, so that all of them tell soon if it is the link. */
  suspected(link: Link): void {
    for (const circuit of this.options.circuitsOf(link)) {
      if (!circuit.suspect && circuit.state === 'ready') circuit.ping()
    }
    this.watch.suspect(link)
  }

  private usable(links: EntryLinks): Entry[] {
    return links.list().flatMap(({ link, relay }) => {
      const known = this.options.relayOf(relay.publicKey)
      const serves = known && this.isWanted(known) && link.open && !this.isSilent(link)
      return serves ? [{ link, relay: known }] : []
    })
  }

  /** The site's own relay first, then the sampled ones; those that are not wanted as hops still tell of others. */
  private inOrder(): readonly EntryRelay[] {
    const all = [...this.options.entries, ...this.notKnownBefore()]
    const isWanted = (relay: EntryRelay) => this.isWanted(relay)
    return [...all.filter(isWanted), ...all.filter((relay) => !isWanted(relay))]
  }

  private isWanted({ publicKey }: Pick<EntryRelay, 'publicKey'>): boolean {
    const { wishes, relayOf } = this.options
    const relay = relayOf(publicKey)
    if (wishes === undefined || relay === undefined) return true
    return !wishes.refused(relay) && !(relay.unconfirmed && this.hasConfirmed())
  }

  /** Whether more than one source tells of some guard. */
  private hasConfirmed(): boolean {
    const guards = [...this.options.entries, ...this.sampled.list()]
    return guards.some(({ publicKey }) => this.options.relayOf(publicKey)?.unconfirmed === undefined)
  }

  private notKnownBefore(): readonly GuardCandidate[] {
    const { entries } = this.options
    return this.sampled.list().filter((guard) => !entries.some((each) => relayKey(each) === relayKey(guard)))
  }

  /** Relays that let clients in, besides those known beforehand. */
  private candidates(): GuardCandidate[] {
    const { directory, entries, entryUrl, extraRelays, addresses } = this.options
    const found = directory.list().flatMap(({ descriptor }) => {
      const relay = describedRelay(descriptor)
      const url = entryUrl && relay ? entryUrl(relay) : addresses.firstOf(descriptor)
      if (!relay || url === undefined) return []
      return [{ publicKey: relay.publicKey, url }]
    })
    for (const relay of extraRelays?.() ?? []) {
      const url = entryUrl?.(relay)
      if (url !== undefined) found.push({ publicKey: relay.publicKey, url })
    }
    const before = new Set(entries.map(relayKey))
    return found.filter((each) => !before.has(relayKey(each)))
  }

  /** By weight, as every hop; in another network and of another operator than the guards that there are. */
  private chooseGuard(candidates: readonly GuardCandidate[]): GuardCandidate | undefined {
    const { networkBits, relayOf, reliability, random, entries } = this.options
    const present = [...entries, ...this.sampled.list()].flatMap(({ publicKey }) => relayOf(publicKey) ?? [])
    const byRelay = new Map<PathRelay, GuardCandidate>()
    for (const candidate of candidates) {
      const relay = relayOf(candidate.publicKey)
      if (
        relay &&
        this.isWanted(relay) &&
        present.every((other) => mayShareCircuit(relay, other, networkBits))
      ) {
        byRelay.set(relay, candidate)
      }
    }
    const fits = [...byRelay.keys()]
    // Exits are scarce, and who is known from one source alone may be made up: guards only where nobody else can be.
    const known = preferring(fits, (relay) => relay.unconfirmed !== true)
    const plain = preferring(known, (relay) => relay.exit === 'none')
    const chosen = draw(
      {
        factor: (relay) => reliability.factor(relay),
        resting: (relay) => reliability.resting(relay),
        avoid: [],
        networkBits,
        random,
      },
      plain,
    )
    return chosen && byRelay.get(chosen)
  }

  /** Exits that let clients in: those known already in their order, new ones after them by chance. */
  private sortedExits(): readonly EntryRelay[] {
    if (!this.exitsChanged) return this.exitOrder
    this.exitsChanged = false
    const exits = [...this.options.entries, ...this.candidates()].filter(({ publicKey }) => {
      const relay = this.options.relayOf(publicKey)
      return relay !== undefined && relay.exit !== 'none'
    })
    const present = new Set(exits.map(relayKey))
    const old = new Set(this.exitOrder.map(relayKey))
    this.exitOrder = [
      ...this.exitOrder.filter((relay) => present.has(relayKey(relay))),
      ...shuffled(
        this.options.random,
        exits.filter((relay) => !old.has(relayKey(relay))),
      ),
    ]
    return this.exitOrder
  }

  private entryLinks(count: number, candidates: () => readonly EntryRelay[]): EntryLinks {
    const { options } = this
    const links: EntryLinks = new EntryLinks({
      clock: options.clock,
      count,
      candidates,
      open: (relay) =>
        options.openLink(
          relay,
          (link, packet) => {
            this.watch.heardFrom(link)
            options.receive(link, packet)
          },
          (link) => this.closed(link),
        ),
      opened: ({ link, relay }) => {
        this.watch.heardFrom(link)
        this.sampled.reached(relay)
        options.opened(link)
      },
      failed: (relay, alone) => {
        if (!alone) this.sampled.unreached(relay)
        // An exit that cannot be reached says nothing about guards.
        else if (links === this.toGuards) this.sampled.grow(this.candidates())
      },
      silent: (link) => this.isSilent(link),
      inUse: (link) => options.circuitsOf(link).length > 0,
      changed: () => options.changed(),
    })
    return links
  }

  /** A link has fallen silent, or is so no more. */
  linksChanged(): void {
    this.toGuards.look()
    this.toExits.look()
    this.options.changed()
  }

  /** There is a new way to entries that could not be reached. */
  hurry(): void {
    this.toGuards.hurry()
  }

  private dead(link: Link): void {
    link.close('failed')
    this.closed(link, true)
  }

  private closed(link: Link, failed = false): void {
    this.watch.forget(link)
    this.options.linkClosed(link)
    this.toGuards.closed(link, failed)
    this.toExits.closed(link, failed)
  }
}
