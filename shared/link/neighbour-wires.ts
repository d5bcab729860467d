import { CodecError } from '../bytes/error.ts'
import type { PublicKey } from '../identity/keys.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { type Random, uint32 } from '../world/random.ts'
import {
  afterPacket,
  type ControlPacket,
  isControl,
  parseControl,
  pongPacket,
  retiringPacket,
} from './control.ts'
import type { LinkTraffic } from './health.ts'
import { HeldBack } from './held-back.ts'
import type { NeighbourSettings } from './keeper-limits.ts'
import type { LinkCloseReason } from './link.ts'
import { NeighbourWire } from './neighbour-wire.ts'
import { survivor } from './tie.ts'
import type { Wire } from './wire.ts'
import { WireChoice } from './wire-choice.ts'

export interface NeighbourWiresOptions {
  readonly publicKey: PublicKey
  readonly self: PublicKey
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  readonly settings: NeighbourSettings
  inUse(): boolean
  onPacket(packet: Uint8Array): void
  onMessage(id: Uint8Array, body: Uint8Array): void
  onSignal(body: Uint8Array): void
  onPlaces(places: number): void
  /** A wire came, went, fell silent, or answers again. */
  onChange(): void
  /** The last one is gone. @param reason undefined if it was to be replaced, so that its end says nothing */
  onEmpty(reason: LinkCloseReason | undefined): void
}

/** A wire, and what it brought too early. */
interface Part {
  readonly wire: NeighbourWire
  readonly back: HeldBack
}

/** Nonces of wires that have retired, kept for an `after` that comes late. */
const RETIRED_NONCES = 64

/** The wires of one neighbour: which of them a packet goes over, and how one takes the place of another. */
export class NeighbourWires {
  private readonly options: NeighbourWiresOptions
  private parts: readonly Part[] = []
  private wires: readonly NeighbourWire[] = []
  /** Of wires that are gone, for as long as they hold packets. */
  private orphans: readonly Part[] = []
  private readonly choice: WireChoice
  private readonly retiredNonces = new Set<number>()
  private readonly past = { messagesIn: 0, messagesOut: 0, bytesIn: 0, bytesOut: 0 }
  private tendTimer: Timer | undefined

  constructor(options: NeighbourWiresOptions) {
    this.options = options
    const { clock, settings } = options
    this.choice = new WireChoice({ clock, settings, wires: () => this.wires })
  }

  get size(): number {
    return this.parts.length
  }

  get list(): readonly NeighbourWire[] {
    return this.wires
  }

  /** Of wires that are gone. */
  get pastTraffic(): LinkTraffic {
    return this.past
  }

  /** The wire that something new would go over. @param bytes of it */
  best(bytes = 0): NeighbourWire | undefined {
    return this.choice.best(bytes)
  }

  add(wire: Wire): void {
    const { clock, random, counters, settings } = this.options
    const part: Part = {
      wire: new NeighbourWire(wire, {
        clock,
        random,
        settings,
        inUse: () => this.options.inUse(),
        onStatus: () => this.options.onChange(),
      }),
      back: new HeldBack({
        clock,
        counters,
        holdMs: settings.holdMs,
        holdBytes: settings.holdBytes,
        deliver: (packet) => this.deliver(part, packet),
      }),
    }
    this.set([...this.parts, part])
    wire.handTo({
      onPacket: (_link, packet) => this.receive(part, packet),
      onClosed: (_link, reason) => this.closed(part, reason),
    })
    if (part.wire.closed) return
    part.wire.start()
    this.settle(part.wire)
  }

  /** Whether a wire took the packet, or none ever can. */
  send(packet: Uint8Array, flow: number): boolean {
    const nowMs = this.options.clock.now()
    const choice = this.choice.of(flow, packet.length, nowMs)
    if (choice === undefined) {
      if (!this.choice.best()) return false
      this.options.counters.add('link-too-large')
      return true
    }
    const { wire, left } = choice
    if (left?.retirement) wire.transmit(afterPacket(left.retirement.nonce), flow)
    wire.send(packet, flow, nowMs)
    return true
  }

  /** No new packets go over it; it is closed when both ends have sent what was left. */
  retire(wire: NeighbourWire): void {
    if (wire.retirement || wire.closed) return
    const { random, clock } = this.options
    wire.retirement = {
      nonce: uint32(random),
      sinceMs: clock.now(),
      told: false,
      heard: false,
      doneMs: undefined,
    }
    this.tend()
  }

  /** Ends all wires; no callback follows. What was held is handed up first. */
  close(reason: LinkCloseReason): void {
    this.tendTimer?.cancel()
    this.releaseAll()
    const parts = this.parts
    this.set([])
    for (const { wire } of parts) {
      this.remember(wire)
      wire.ended()
      wire.close(reason)
    }
  }

  /** One of each kind stays, the same at both ends. */
  private settle(wire: NeighbourWire): void {
    const { self, publicKey, settings } = this.options
    for (const rival of this.wires) {
      if (rival === wire || rival.wire.kind !== wire.wire.kind || rival.retirement) continue
      if (rival.silent) {
        rival.close('lost')
        continue
      }
      const stays = survivor(rival, wire, { self, neighbour: publicKey, tieMs: settings.tieMs })
      this.options.counters.add('neighbour-wire-replaced')
      this.retire(stays === wire ? rival : wire)
    }
  }

  private receive(part: Part, packet: Uint8Array): void {
    if (part.wire.closed) return
    part.wire.took(packet.length)
    // Anybody may have sent a bare datagram in the neighbour's name; control comes sealed, so that it is he who lives.
    if (part.wire.wire.kind !== 'udp' || isControl(packet)) part.wire.heard()
    if (part.back.active && !isControl(packet)) part.back.push(packet)
    else this.deliver(part, packet)
  }

  /** Takes a packet whose turn it is. */
  private deliver(part: Part, packet: Uint8Array): void {
    if (!isControl(packet)) {
      this.options.onPacket(packet)
      return
    }
    try {
      this.control(part, parseControl(packet), packet)
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
      this.options.counters.add('control-refused')
    }
  }

  private control(part: Part, control: ControlPacket, packet: Uint8Array): void {
    const { wire, back } = part
    switch (control.type) {
      case 'ping':
        wire.transmit(pongPacket(control.nonce), 0)
        break
      case 'pong':
        wire.ponged(control.nonce)
        break
      case 'retiring':
        // It is the last of what the wire brings, so it waits for what waits.
        if (back.active) back.push(packet)
        else this.neighbourRetires(wire, control.nonce)
        break
      case 'after':
        if (!this.retiredNonces.has(control.nonce)) back.await(control.nonce)
        break
      case 'message':
        this.options.onMessage(control.id, control.body)
        break
      case 'signal':
        this.options.onSignal(control.body)
        break
      case 'places':
        this.options.onPlaces(control.places)
        break
      case 'pace':
        wire.wire.link.pace?.(control.bytesPerSecond)
        break
      case 'padding':
      case 'authentication':
        break
    }
  }

  private neighbourRetires(wire: NeighbourWire, nonce: number): void {
    this.retiredNonces.add(nonce)
    for (const oldest of this.retiredNonces) {
      if (this.retiredNonces.size <= RETIRED_NONCES) break
      this.retiredNonces.delete(oldest)
    }
    this.retire(wire)
    if (wire.retirement) wire.retirement.heard = true
    for (const { back } of [...this.orphans, ...this.parts]) back.retired(nonce)
    this.orphans = this.orphans.filter(({ back }) => back.active)
    this.tend()
  }

  /** Sees to the wires that retire: tells the neighbour when all is sent, and closes those that both ends are done with. */
  private readonly tend = (): void => {
    this.tendTimer?.cancel()
    this.tendTimer = undefined
    const { clock, settings } = this.options
    const nowMs = clock.now()
    const hasOther = this.parts.some(({ wire }) => wire.status === 'open' && wire.takesPackets)
    for (const { wire } of this.parts) {
      const { retirement } = wire
      if (!retirement) continue
      if (!retirement.told && hasOther && (wire.wire.link.queued?.packets ?? 0) === 0) {
        retirement.told = true
        wire.transmit(retiringPacket(retirement.nonce), 0)
      }
      if (retirement.told && retirement.heard) retirement.doneMs ??= nowMs
      const { sinceMs, doneMs } = retirement
      const isDone = doneMs !== undefined && nowMs - doneMs >= settings.lingerMs
      if (isDone || (hasOther && nowMs - sinceMs >= settings.retireMs)) wire.close('unneeded')
    }
    if (this.parts.some(({ wire }) => wire.retirement)) {
      this.tendTimer = clock.after(settings.drainPollMs, this.tend)
    }
  }

  private closed(part: Part, reason: LinkCloseReason): void {
    const { wire, back } = part
    if (wire.closed) return
    wire.ended()
    if (!this.parts.includes(part)) return
    this.set(this.parts.filter((each) => each !== part))
    this.remember(wire)
    // What it had under way is lost if it ended before its time, and nobody needs to wait for it.
    if (!wire.retirement?.heard) {
      back.release()
      this.releaseAll()
    } else if (back.active) {
      this.orphans = [...this.orphans, part]
    }
    if (this.parts.length === 0) this.options.onEmpty(wire.retirement ? undefined : reason)
    else this.options.onChange()
  }

  private set(parts: readonly Part[]): void {
    this.parts = parts
    this.wires = parts.map(({ wire }) => wire)
  }

  private releaseAll(): void {
    const all = [...this.orphans, ...this.parts]
    this.orphans = []
    for (const { back } of all) back.release()
  }

  private remember({ messagesIn, messagesOut, bytesIn, bytesOut }: LinkTraffic): void {
    this.past.messagesIn += messagesIn
    this.past.messagesOut += messagesOut
    this.past.bytesIn += bytesIn
    this.past.bytesOut += bytesOut
  }
}
