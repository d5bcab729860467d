import { type Address, NO_ADDRESS } from '../bytes/address.ts'
import type { PublicKey } from '../identity/keys.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import { MESSAGE_MTU } from './constants.ts'
import { messagePacket, signalPacket } from './control.ts'
import type { LinkTraffic, NeighbourHealth, NeighbourStatus } from './health.ts'
import { NEIGHBOUR_SETTINGS, type NeighbourSettings } from './keeper-limits.ts'
import type { Link, LinkCloseReason } from './link.ts'
import type { NeighbourWire } from './neighbour-wire.ts'
import { NeighbourWires } from './neighbour-wires.ts'
import { PendingPackets } from './pending-packets.ts'
import { isStreamLink } from './stream-link.ts'
import type { Wire } from './wire.ts'

export interface NeighbourOptions {
  /** Whose links these are. */
  readonly publicKey: PublicKey
  /** Our own key: of two wires of one kind, dialled by both at once, both sides keep the same. */
  readonly self: PublicKey
  readonly clock: Clock
  readonly random: Random
  /** `neighbour-…`, `control-refused`, `link-closed`, `link-too-large`. */
  readonly counters: Counters
  readonly settings?: Partial<NeighbourSettings>
  /** Whether circuits go over it: then a dead wire is noticed within a second. */
  inUse(neighbour: Neighbour): boolean
  /** Everything but control. */
  onPacket(neighbour: Neighbour, packet: Uint8Array): void
  /** Once: the end of the neighbour, not that of a wire. */
  onClosed(neighbour: Neighbour, reason: LinkCloseReason): void
  /** @param id 16 bytes */
  onMessage?(neighbour: Neighbour, id: Uint8Array, body: Uint8Array): void
  onSignal?(neighbour: Neighbour, body: Uint8Array): void
  /** A page passes on so many others to us (docs/links.md, "Volunteers"). */
  onPlaces?(neighbour: Neighbour, places: number): void
  /** A wire came, went, fell silent, or answers again. */
  onChange?(neighbour: Neighbour): void
}

/** The neighbour's own wish: it is gone when its last wire is, and nothing is waited for. */
const ENDS: ReadonlySet<LinkCloseReason> = new Set(['unneeded', 'shutdown', 'refused', 'limit', 'protocol'])

/**
 * One neighbour, by whatever wires lead to it (requirement L-07): one link for circuits and streams to hang on, which wires may
 * come to and go from. A flow keeps to one wire while that answers. A wire that falls silent under a circuit is passed over
 * within a second, where there is another. Wires are replaced without a packet lost or overtaken: the new one is there before
 * the old one goes, which says `retiring` last of all, and what goes another way meanwhile is sent behind an `after`, and
 * held back by the receiver until then. No packet is ever sent twice.
 *
 * New, it has no wire: what is sent waits, bounded, for the first one to be added, and it closes as `failed` if none is in
 * time. So it does, as `lost`, some seconds after its last wire was lost.
 */
export class Neighbour implements Link {
  readonly kind = 'neighbour'
  readonly mtu = MESSAGE_MTU
  readonly publicKey: PublicKey
  private readonly options: NeighbourOptions
  private readonly settings: NeighbourSettings
  private readonly set: NeighbourWires
  private readonly pending: PendingPackets
  private everOpen = false
  private isOpen = true
  /** Runs while there is no wire. */
  private patience: Timer | undefined

  constructor(options: NeighbourOptions) {
    this.options = options
    this.publicKey = options.publicKey
    this.settings = { ...NEIGHBOUR_SETTINGS, ...options.settings }
    const { publicKey, self, clock, random, counters } = options
    this.set = new NeighbourWires({
      ...{ publicKey, self, clock, random, counters },
      settings: this.settings,
      inUse: () => options.inUse(this),
      onPacket: (packet) => options.onPacket(this, packet),
      onMessage: (id, body) => options.onMessage?.(this, id, body),
      onSignal: (body) => options.onSignal?.(this, body),
      onPlaces: (places) => options.onPlaces?.(this, places),
      onChange: () => options.onChange?.(this),
      onEmpty: (reason) => this.emptied(reason),
    })
    this.pending = new PendingPackets(counters, this.settings)
    this.wait(this.settings.connectTimeoutMs, 'failed')
  }

  get status(): NeighbourStatus {
    if (!this.isOpen) return 'closed'
    if (this.set.size === 0) return this.everOpen ? 'waiting' : 'connecting'
    return this.set.list.every(({ silent }) => silent) ? 'silent' : 'open'
  }

  /** Whether `send` takes packets; they wait while there is no wire. */
  get open(): boolean {
    return this.isOpen
  }

  /** Of the best wire; 0.0.0.0:0 while there is none. */
  get address(): Address {
    return this.set.best()?.wire.link.address ?? NO_ADDRESS
  }

  /** Whether a large packet would go over a stream now. */
  get stream(): boolean {
    const best = this.set.best()
    return best !== undefined && isStreamLink(best.wire.link)
  }

  queuedBytes(flow: number): number {
    let bytes = 0
    for (const { wire } of this.set.list) bytes += wire.link.queuedBytes?.(flow) ?? 0
    return bytes
  }

  get queued(): { readonly packets: number; readonly bytes: number } {
    let { packets, bytes } = this.pending
    for (const { wire } of this.set.list) {
      packets += wire.link.queued?.packets ?? 0
      bytes += wire.link.queued?.bytes ?? 0
    }
    return { packets, bytes }
  }

  /** The wires in use, the best first; without those that retire. */
  get wires(): readonly Wire[] {
    return this.ranked().map(({ wire }) => wire)
  }

  /** Smoothed round trip of the best wire; undefined until measured. */
  get latencyMs(): number | undefined {
    return this.set.best()?.roundTrip.latencyMs
  }

  /** How long a wire has been there, in milliseconds; undefined once it is gone, or retires. */
  ageMs(wire: Wire): number | undefined {
    const part = this.partOf(wire)
    return part && !part.retirement ? this.options.clock.now() - part.openedMs : undefined
  }

  /** Whether a wire does not answer. */
  isSilent(wire: Wire): boolean {
    return this.partOf(wire)?.silent === true
  }

  /** Takes a wire to this neighbour. One of the same kind makes way for it, or it for that one. */
  add(wire: Wire): void {
    if (!this.isOpen || this.set.size >= this.settings.maxWires) {
      wire.link.close(this.isOpen ? 'limit' : 'unneeded')
      return
    }
    this.everOpen = true
    this.patience?.cancel()
    this.set.add(wire)
    if (!this.isOpen) return
    for (const { packet, flow } of this.pending.take()) this.send(packet, flow)
    this.options.onChange?.(this)
  }

  /** Replaces a wire by the others: no new packets go over it, and it is closed when both ends have sent what was left. */
  retire(wire: Wire): void {
    const part = this.partOf(wire)
    if (part) this.set.retire(part)
  }

  send(packet: Uint8Array, flow: number): void {
    if (!this.isOpen) this.options.counters.add('link-closed')
    else if (packet.length === 0 || packet.length > this.mtu) this.options.counters.add('link-too-large')
    else if (!this.set.send(packet, flow)) this.pending.push(packet, flow)
  }

  /**
   * @param id 16 bytes
   * @throws CodecError `control-size` if the body is over 8,192 bytes
   */
  sendMessage(id: Uint8Array, body: Uint8Array): void {
    this.send(messagePacket(id, body), 0)
  }

  /** @throws CodecError `control-size` if the body is over 2,048 bytes */
  sendSignal(body: Uint8Array): void {
    this.send(signalPacket(body), 0)
  }

  close(reason: LinkCloseReason): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.patience?.cancel()
    this.set.close(reason)
    this.pending.take()
    this.options.onClosed(this, reason)
  }

  health(withAddresses = false): NeighbourHealth {
    const best = this.ranked()
    const wires = this.set.list.map((part) => part.health(withAddresses))
    const sum = (name: keyof LinkTraffic) =>
      wires.reduce((total, wire) => total + wire[name], this.set.pastTraffic[name])
    return {
      status: this.status,
      kinds: best.map(({ wire }) => wire.kind),
      latencyMs: best[0]?.roundTrip.latencyMs,
      lastSeenMs: wires.length > 0 ? Math.min(...wires.map(({ lastSeenMs }) => lastSeenMs)) : undefined,
      authenticated: wires.length > 0,
      inUse: this.options.inUse(this),
      wires,
      messagesIn: sum('messagesIn'),
      messagesOut: sum('messagesOut'),
      bytesIn: sum('bytesIn'),
      bytesOut: sum('bytesOut'),
    }
  }

  private partOf(wire: Wire): NeighbourWire | undefined {
    return this.set.list.find((part) => part.wire === wire)
  }

  private ranked(): readonly NeighbourWire[] {
    const nowMs = this.options.clock.now()
    return this.set.list
      .filter(({ retirement }) => !retirement)
      .map((part) => ({ part, cost: part.cost(nowMs) + (part.silent ? 1e6 : 0) }))
      .sort((a, b) => a.cost - b.cost)
      .map(({ part }) => part)
  }

  private emptied(reason: LinkCloseReason | undefined): void {
    if (reason !== undefined && ENDS.has(reason)) {
      this.close(reason)
      return
    }
    this.wait(this.settings.resumeMs, 'lost')
    this.options.onChange?.(this)
  }

  private wait(forMs: number, reason: LinkCloseReason): void {
    this.patience?.cancel()
    this.patience = this.options.clock.after(forMs, () => this.close(reason))
  }
}
