import { toHex } from '../bytes/bytes.ts'
import type { PublicKey } from '../identity/keys.ts'
import type { Timer } from '../world/clock.ts'
import { MESSAGE_ID_BYTES } from './control.ts'
import type { KeeperStatus } from './health.ts'
import { KeeperDialling } from './keeper-dialling.ts'
import {
  KEEPER_SETTINGS,
  type KeeperSettings,
  NEIGHBOUR_SETTINGS,
  type NeighbourSettings,
  PRIORITIES,
} from './keeper-limits.ts'
import type { KeeperOptions, KeeperTarget, StatusOptions } from './keeper-options.ts'
import { KeptLink } from './kept-link.ts'
import type { LinkCloseReason } from './link.ts'
import { LinkTable } from './link-table.ts'
import { Neighbour } from './neighbour.ts'
import { SeenIds } from './seen-ids.ts'
import type { Wire, WireKind } from './wire.ts'

/** How often is looked for what is due, besides after every change, in milliseconds. */
const LOOK_MS = 5_000
/** And how soon after a change. */
const SOON_MS = 100
/** What pages come by. */
const PAGE_KINDS: ReadonlySet<WireKind> = new Set(['websocket', 'webrtc', 'bridge'])

/**
 * Keeps the best links with other relays, so many of them (L-02, L-05): dials those that the operator named or trusts, others
 * until there are enough, takes those who call, and lets the worst that carries no circuit make way for a better one. A relay
 * is one Neighbour, by as many kinds of wires as are wanted. Pages are held too, in a number of their own.
 */
export class Keeper {
  private readonly options: KeeperOptions
  private readonly settings: KeeperSettings & NeighbourSettings
  private readonly table: LinkTable
  private readonly dialling: KeeperDialling
  private readonly seen: SeenIds
  private begun = 0
  private timer: Timer | undefined
  private timerIsSoon = false
  private running = false
  private stopped = false

  constructor(options: KeeperOptions) {
    this.options = options
    this.settings = { ...KEEPER_SETTINGS, ...NEIGHBOUR_SETTINGS, ...options.settings }
    this.table = new LinkTable(({ neighbour }) => options.inUse(neighbour))
    this.seen = new SeenIds(this.settings.messageIds)
    this.dialling = new KeeperDialling({
      keeper: options,
      settings: this.settings,
      table: this.table,
      begin: (target) => this.begin(target.publicKey, target, false),
      opened: (link, wire) => this.opened(link, wire),
    })
  }

  /** Begins to dial. Wires are accepted, and neighbours handed out, before that too. */
  start(): void {
    if (this.running || this.stopped) return
    this.running = true
    this.look()
  }

  /** Closes everything with `shutdown`. */
  stop(): void {
    this.stopped = true
    this.running = false
    this.timer?.cancel()
    for (const { neighbour } of this.table.all()) neighbour.close('shutdown')
  }

  /** Takes a wire that a listener was given. Closes it with `limit` if there is no room, or the month is used up. */
  accept(wire: Wire): void {
    const known = this.table.get(keyOf(wire.neighbour))
    if (known?.neighbour.open) {
      this.opened(known, wire)
      return
    }
    const target = this.options.targetOf(wire.neighbour)
    const isPage = !target && PAGE_KINDS.has(wire.kind)
    if (this.stopped || !this.admits(isPage, target?.priority ?? PRIORITIES.untrusted)) {
      this.options.counters.add(isPage ? 'keeper-page-refused' : 'keeper-link-refused')
      wire.link.close(this.stopped ? 'shutdown' : 'limit')
      return
    }
    this.opened(this.begin(wire.neighbour, target, isPage), wire)
  }

  /**
   * The link to a relay: the one that is there, or one that is being dialled from now on, which takes packets at once.
   * Undefined if there is no room, if no address of it can be dialled, or if it has not answered several times.
   */
  neighbourTo(publicKey: PublicKey): Neighbour | undefined {
    const key = keyOf(publicKey)
    const known = this.table.get(key)
    if (known) return known.neighbour
    const target = this.options.targetOf(publicKey)
    if (this.stopped || !target || publicKey.equals(this.options.self)) return undefined
    if (this.dialling.rests(key) || this.dialling.usable(target).length === 0) return undefined
    if (!this.admits(false, target.priority + 1)) {
      this.options.counters.add('keeper-full')
      return undefined
    }
    const link = this.begin(publicKey, target, false)
    this.dialling.dial(link)
    return link.neighbour.open ? link.neighbour : undefined
  }

  /** The link to a relay or page, if there is one. @param mid 20 bytes, SHA-1 of its key */
  find(mid: Uint8Array): Neighbour | undefined {
    return this.table.get(toHex(mid))?.neighbour
  }

  /** Links with relays that have a wire, the best first. */
  relays(): readonly Neighbour[] {
    return this.linked().map(({ neighbour }) => neighbour)
  }

  /** How many pages there are. */
  get pages(): number {
    return this.table.pages
  }

  /**
   * Sends a message to one relay: at most once, and not confirmed (L-06).
   * @param mid 20 bytes
   * @returns false if there is no link to it
   * @throws CodecError `control-size` if the body is over 8,192 bytes
   */
  send(mid: Uint8Array, body: Uint8Array): boolean {
    const link = this.table.get(toHex(mid))
    if (!link?.isLinked) return false
    link.neighbour.sendMessage(this.options.random.bytes(MESSAGE_ID_BYTES), body)
    return true
  }

  /**
   * Sends a message to every relay that there is a link to, over one wire each. They do not pass it on.
   * @returns to how many
   * @throws CodecError `control-size` if the body is over 8,192 bytes
   */
  broadcast(body: Uint8Array): number {
    const id = this.options.random.bytes(MESSAGE_ID_BYTES)
    const links = this.linked()
    for (const { neighbour } of links) neighbour.sendMessage(id, body)
    return links.length
  }

  /** To be called when candidates have changed; otherwise they are asked for every few seconds. */
  look(): void {
    if (!this.running) return
    this.timer?.cancel()
    this.timer = this.options.clock.after(LOOK_MS, () => this.look())
    this.timerIsSoon = false
    this.learn()
    this.dialling.look()
  }

  /** Plain data for status, metrics and the page; no key or address unless asked for. */
  status(options: StatusOptions = {}): KeeperStatus {
    const relays = this.table.relays()
    const links = relays.filter(({ isLinked }) => isLinked)
    const { minLinks, maxLinks, maxPages } = this.settings
    return {
      links: links.length,
      connecting: relays.length - links.length,
      minLinks,
      maxLinks,
      pages: this.pages,
      maxPages,
      sleeping: this.sleeping,
      neighbours: relays.map((link) => link.health(options)),
    }
  }

  private get sleeping(): boolean {
    return this.options.sleeping?.() === true
  }

  private linked(): readonly KeptLink[] {
    return this.table.relays().filter(({ isLinked }) => isLinked)
  }

  /** Whether one more has room, or one of a lower priority may give way to it. */
  private admits(isPage: boolean, priority: number): boolean {
    if (this.sleeping) return false
    if (isPage) return this.pages < this.settings.maxPages
    return this.hasPlace(priority) || this.table.victim(priority - 1) !== undefined
  }

  /** Strangers leave the least number of links to relays that are known: keys cost nothing, and a circuit would keep each in its place. */
  private hasPlace(priority: number): boolean {
    const { minLinks, maxLinks } = this.settings
    const relays = this.table.relays()
    if (relays.length >= maxLinks) return false
    if (priority > PRIORITIES.untrusted) return true
    const strangers = relays.filter((link) => link.priority <= PRIORITIES.untrusted).length
    return strangers < Math.max(1, maxLinks - minLinks)
  }

  private begin(publicKey: PublicKey, target: KeeperTarget | undefined, isPage: boolean): KeptLink {
    const { self, clock, random, counters, inUse, onPacket } = this.options
    const neighbour = new Neighbour({
      ...{ publicKey, self, clock, random, counters, inUse, onPacket },
      settings: this.settings,
      onClosed: (_neighbour, reason) => this.closed(link, reason),
      onMessage: (_neighbour, id, body) => this.heard(link, id, body),
      onSignal: (_neighbour, body) => this.options.onSignal?.(neighbour, body),
      onPlaces: (_neighbour, places) => this.options.onPlaces?.(neighbour, places),
      onChange: () => this.changed(link),
    })
    const link = new KeptLink(neighbour, ++this.begun, target, isPage)
    this.table.add(link)
    return link
  }

  private opened(link: KeptLink, wire: Wire): void {
    link.wasOpen = true
    link.neighbour.add(wire)
    this.trim()
  }

  /** Lets the worst go that nobody uses, while there are too many. */
  private trim(): void {
    for (let over = this.linked().length - this.settings.maxLinks; over > 0; over--) {
      const victim = this.table.victim(Number.POSITIVE_INFINITY)
      if (!victim) return
      this.options.counters.add('keeper-displaced')
      victim.neighbour.close('unneeded')
    }
  }

  private closed(link: KeptLink, reason: LinkCloseReason): void {
    this.table.delete(link)
    this.dialling.ended(link, reason, link.wasOpen)
    this.options.onClosed(link.neighbour, reason)
    this.changed(link)
  }

  private heard(link: KeptLink, id: Uint8Array, body: Uint8Array): void {
    if (link.isPage) this.options.counters.add('keeper-message-of-page')
    // By sender: so none can use up the id of another's message.
    else if (this.seen.add(`${link.key} ${toHex(id)}`)) this.options.onMessage?.(link.neighbour, body)
    else this.options.counters.add('keeper-message-repeated')
  }

  /** What is known since: new addresses and priorities, who is a relay after all, and whom no link is kept with. */
  private learn(): void {
    for (const link of this.table.all()) {
      const { publicKey } = link.neighbour
      if (this.options.isBlocked?.(publicKey)) {
        this.options.counters.add('keeper-blocked')
        link.neighbour.close('refused')
        continue
      }
      const target = this.options.targetOf(publicKey)
      if (!target) continue
      link.target = target
      // By the rule for those who call: nobody comes in as a page with circuits to put out better ones that are idle.
      if (!link.isPage || !this.admits(false, target.priority)) continue
      link.isPage = false
      this.trim()
    }
  }

  private changed({ isPage }: KeptLink): void {
    this.options.onChange?.()
    if (!this.running || this.timerIsSoon || isPage) return
    this.timer?.cancel()
    this.timer = this.options.clock.after(SOON_MS, () => this.look())
    this.timerIsSoon = true
  }
}

function keyOf(publicKey: PublicKey): string {
  return toHex(publicKey.mid)
}
