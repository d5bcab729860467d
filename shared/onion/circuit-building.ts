import { CulvertError } from '../bytes/error.ts'
import { ephemeralKey } from '../crypto/handshake.ts'
import type { Timer } from '../world/clock.ts'
import { uint16 } from '../world/random.ts'
import { RetrySchedule } from '../world/retry.ts'
import type { CircuitLayers } from './circuit-layers.ts'
import type { CircuitOptions } from './circuit-options.ts'
import type { CircuitCloseReason } from './circuit-state.ts'
import {
  type CircuitSettings,
  MESSAGE,
  RETRANSMISSION,
  RETRANSMIT_FIRST_AT_MOST_MS,
  RETRANSMIT_ROUND_TRIPS,
} from './constants.ts'
import type { Hop } from './hop.ts'
import { encodeMessage, type MessageBody } from './messages.ts'

export interface BuildingActions {
  /** Sends a create to the first hop, in plaintext. */
  create(message: Uint8Array): void
  /** Sends an extend through the hops that have answered. */
  extend(message: Uint8Array): void
  /** The first hop has answered: there is something to keep alive. */
  begun(): void
  /** Asks the hop at that index, the last that has answered, how large cells may be. */
  askCellSize(index: number): void
  /** Pings the last hop that has answered. */
  ping(): void
  changed(): void
  failed(reason: CircuitCloseReason): void
}

/**
 * From create to the last hop's proof (C-01, C-03). Asks one hop after the other, each by key and address, and repeats what
 * is not answered (N-04): the same message, byte for byte, so that it can be told from a new one. A stock hop takes a repeated
 * create for nothing, but a repeated extend for one to yet another circuit; it is asked once.
 */
export class CircuitBuilding {
  private readonly options: CircuitOptions
  private readonly settings: CircuitSettings
  private readonly path: readonly Hop[]
  private readonly layers: CircuitLayers
  private readonly actions: BuildingActions
  private hopTimer: Timer | undefined
  private buildTimer: Timer | undefined
  private repeatTimer: Timer | undefined

  constructor(
    options: CircuitOptions,
    settings: CircuitSettings,
    path: readonly Hop[],
    layers: CircuitLayers,
    actions: BuildingActions,
  ) {
    this.options = options
    this.settings = settings
    this.path = path
    this.layers = layers
    this.actions = actions
  }

  start(): void {
    const { clock } = this.options
    this.buildTimer = clock.after(this.settings.buildTimeoutMs, () => this.actions.failed('build-timeout'))
    this.askNext()
  }

  stop(): void {
    this.hopTimer?.cancel()
    this.buildTimer?.cancel()
    this.repeatTimer?.cancel()
  }

  get isProven(): boolean {
    return this.path.every((hop) => hop.state === 'proven')
  }

  /** Created of the first hop, extended of the others. @returns whether it was asked for */
  answered(index: number, answer: MessageBody<typeof MESSAGE.created>): boolean {
    const hop = this.path[index]
    const asked = hop?.asked
    if (hop === undefined || asked === undefined || asked.identifier !== answer.identifier) return false
    this.repeatTimer?.cancel()
    const { aead, clock, counters } = this.options
    try {
      hop.answer(asked, answer, aead, this.settings.firstCounter, clock.now())
    } catch (error) {
      counters.add(error instanceof CulvertError ? error.code : 'circuit-fault')
      this.actions.failed('handshake-auth')
      return true
    }
    this.layers.add(hop)
    const answeredHops = this.layers.hops.length
    if (answeredHops === 1) this.actions.begun()
    const isLast = answeredHops === this.path.length
    // Both before the extend, so that it is this hop, as the last, that answers them. The pong proves it.
    this.actions.askCellSize(index)
    if (isLast || this.settings.proveEachHop) this.actions.ping()
    if (isLast) {
      this.setHopTimer()
      this.actions.changed()
    } else {
      this.askNext()
    }
    return true
  }

  private askNext(): void {
    const { random, clock, keyPair } = this.options
    const index = this.layers.hops.length
    const hop = this.path[index] as Hop
    const identifier = uint16(random)
    const ephemeral = ephemeralKey(random)
    const dhKey = ephemeral.publicKey
    hop.ask(identifier, ephemeral, clock.now())
    this.setHopTimer()
    const nodeKey = hop.publicKey.bytes
    const message =
      index === 0
        ? encodeMessage(MESSAGE.create, { identifier, nodeKey: keyPair.publicKey.bytes, dhKey })
        : encodeMessage(MESSAGE.extend, { identifier, nodeKey, dhKey, address: hop.address })
    const schedule = new RetrySchedule({ ...RETRANSMISSION, firstMs: this.firstRepeatMs })
    this.send(index, message, schedule, 1)
    this.actions.changed()
  }

  private send(index: number, message: Uint8Array, schedule: RetrySchedule, tries: number): void {
    if (index === 0) this.actions.create(message)
    else this.actions.extend(message)
    const delay = this.mayRepeat(index) ? schedule.delayAfter(tries) : undefined
    if (delay === undefined) return
    this.repeatTimer = this.options.clock.after(delay, () => this.send(index, message, schedule, tries + 1))
  }

  /** An extend is repeated only where all who read it, or count it, know it for what it is. */
  private mayRepeat(index: number): boolean {
    return this.path.slice(0, index).every((hop) => hop.culvert)
  }

  /** 100 ms, or as long as the hops so far let expect. */
  private get firstRepeatMs(): number {
    const known = (this.layers.hops.at(-1)?.latencyMs ?? 0) * RETRANSMIT_ROUND_TRIPS
    return Math.max(RETRANSMISSION.firstMs, Math.min(known, RETRANSMIT_FIRST_AT_MOST_MS))
  }

  private setHopTimer(): void {
    this.hopTimer?.cancel()
    this.hopTimer = this.options.clock.after(this.settings.hopTimeoutMs, () =>
      this.actions.failed('hop-timeout'),
    )
  }
}
