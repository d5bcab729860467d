import type { Address } from '../bytes/address.ts'
import { MESSAGE } from '../onion/constants.ts'
import type { PathHop } from '../onion/hop.ts'
import { relayKey } from '../path/relay.ts'
import type { Timer } from '../world/clock.ts'
import { listedPause } from '../world/retry.ts'
import { INTRODUCTION_POINTS } from './constants.ts'
import { HiddenCircuit, type HiddenWorld } from './hidden-circuit.ts'
import { nearestRelays } from './lookup.ts'

export interface IntroductionOptions extends HiddenWorld {
  readonly lookupKey: Uint8Array
  /** 74 bytes. */
  readonly seederKey: Uint8Array
  /** A datagram came through an introduction circuit; `reply` sends one back. */
  datagram(origin: Address, data: Uint8Array, reply: (destination: Address, data: Uint8Array) => void): void
  changed(): void
}

interface Slot {
  readonly relay: PathHop
  circuit: HiddenCircuit | undefined
  established: boolean
  /** Tries in a row that were in vain. */
  triesInVain: number
  /** Times in a row that the relay itself failed, or there was no way to it. */
  failures: number
  nextTryMs: number
}

/** Failures of its own after which a relay does not count as one of those that introduce. */
const FAILURES_TO_PASS_OVER = 2
/** Between looks at whether the directory has other relays now. */
const REVIEW_MS = 30_000

/** Keeps a seeder introduced at the relays nearest to its swarm's place. */
export class IntroductionCircuits {
  private readonly options: IntroductionOptions
  private readonly slots = new Map<string, Slot>()
  private timer: Timer | undefined
  private stopped = false

  constructor(options: IntroductionOptions) {
    this.options = options
  }

  start(): void {
    this.maintain()
  }

  stop(): void {
    this.stopped = true
    this.timer?.cancel()
    for (const { circuit } of this.slots.values()) circuit?.close()
    this.slots.clear()
  }

  /** How many relays introduce us now. */
  get established(): number {
    return [...this.slots.values()].filter((slot) => slot.established).length
  }

  private maintain(): void {
    if (this.stopped) return
    const { clock, circuits, lookupKey, settings } = this.options
    const near = nearestRelays(lookupKey, circuits.relays(), 2 * INTRODUCTION_POINTS)
    // A relay that is not among the nearest any more still serves, until it is far from them.
    const kept = new Set(near.map(relayKey))
    for (const [key, slot] of this.slots) {
      if (kept.has(key)) continue
      this.slots.delete(key)
      slot.circuit?.close()
    }
    const nowMs = clock.now()
    let dueMs = nowMs + (near.length === 0 ? settings.noRelayMs : REVIEW_MS)
    let wanted = INTRODUCTION_POINTS
    for (const relay of near) {
      if (wanted === 0) break
      const slot = this.slotOf(relay)
      // Where one does not answer the next is taken, too: a downloader passes over it in the same way.
      if (slot.failures < FAILURES_TO_PASS_OVER) wanted--
      if (slot.circuit) continue
      if (slot.nextTryMs <= nowMs) this.open(slot)
      if (!slot.circuit) dueMs = Math.min(dueMs, slot.nextTryMs)
    }
    this.timer?.cancel()
    this.timer = clock.after(Math.max(0, dueMs - nowMs), () => this.maintain())
  }

  private slotOf(relay: PathHop): Slot {
    const key = relayKey(relay)
    let slot = this.slots.get(key)
    if (!slot) {
      slot = { relay, circuit: undefined, established: false, triesInVain: 0, failures: 0, nextTryMs: 0 }
      this.slots.set(key, slot)
    }
    return slot
  }

  private open(slot: Slot): void {
    const { options } = this
    slot.circuit = HiddenCircuit.build(options, slot.relay, {
      ready: () => this.establish(slot),
      datagram: (origin, data) =>
        options.datagram(origin, data, (to, answer) => slot.circuit?.sendDatagram(to, answer)),
      closed: (lastHopFailed) => this.closed(slot, lastHopFailed),
    })
    if (slot.circuit) return
    // No try was made of which to rest. It is this relay's fault, so to say, only where there is a way to others.
    if ([...this.slots.values()].some(({ circuit }) => circuit)) slot.failures++
    slot.nextTryMs = options.clock.now() + options.settings.noRelayMs
  }

  private establish(slot: Slot): void {
    const { lookupKey: infoHash, seederKey } = this.options
    slot.circuit?.ask(MESSAGE.establishIntro, { infoHash, seederKey }, () => {
      slot.established = true
      slot.triesInVain = 0
      slot.failures = 0
      this.options.changed()
    })
  }

  private closed(slot: Slot, lastHopFailed: boolean): void {
    slot.circuit = undefined
    slot.established = false
    if (this.stopped) return
    // What fails by three ways is the relay, whatever it looks like.
    if (lastHopFailed || slot.triesInVain >= this.options.settings.buildTries) slot.failures++
    this.backOff(slot)
    this.maintain()
    this.options.changed()
  }

  private backOff(slot: Slot): void {
    const { clock, settings } = this.options
    slot.nextTryMs = clock.now() + listedPause(settings.backOffMs, slot.triesInVain++)
  }
}
