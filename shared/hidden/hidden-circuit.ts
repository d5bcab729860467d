import type { Address } from '../bytes/address.ts'
import type { SessionKeys } from '../crypto/handshake.ts'
import type { Circuit } from '../onion/circuit.ts'
import { MESSAGE } from '../onion/constants.ts'
import type { PathHop } from '../onion/hop.ts'
import { decodeMessage, type MessageBody } from '../onion/messages.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { type Random, uint16 } from '../world/random.ts'
import type { HiddenOwnerSettings } from './constants.ts'
import type { HiddenCircuits } from './hidden-circuits.ts'

/** Between looks at whether the other end was heard, where it sent nothing but pings. */
const LINK_LOOK_MS = 500

/** What is asked of a circuit's last hop, and the message that answers it. */
const ANSWERS = {
  [MESSAGE.establishIntro]: MESSAGE.introEstablished,
  [MESSAGE.establishRendezvous]: MESSAGE.rendezvousEstablished,
  [MESSAGE.linkE2e]: MESSAGE.linkedE2e,
  [MESSAGE.peersRequest]: MESSAGE.peersResponse,
} as const

type Question = keyof typeof ANSWERS
type AnswerBody<Q extends Question> = MessageBody<(typeof ANSWERS)[Q]>

export interface HiddenWorld {
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  readonly circuits: HiddenCircuits
  readonly settings: HiddenOwnerSettings
}

export interface HiddenCircuitEvents {
  ready(): void
  datagram?(origin: Address, data: Uint8Array): void
  /** The other end of an end-to-end circuit was heard. */
  linked?(): void
  /** @param lastHopFailed false where a hop before the last did, or may have: of the last hop itself nothing is known then */
  closed(lastHopFailed: boolean): void
}

interface Asked {
  readonly answer: number
  readonly identifier: number
  readonly take: (cell: Uint8Array, at: number, end: number) => void
}

/** A circuit of a hidden swarm: asks its last hop one thing at a time, again if need be. */
export class HiddenCircuit {
  private readonly world: HiddenWorld
  private readonly circuit: Circuit
  private readonly events: HiddenCircuitEvents
  private linkExpected = false
  /** The last hop lives, and answers nothing, or what is none. */
  private ignored = false
  private asked: Asked | undefined
  private timer: Timer | undefined

  private constructor(world: HiddenWorld, circuit: Circuit, events: HiddenCircuitEvents) {
    this.world = world
    this.circuit = circuit
    this.events = events
  }

  /** Undefined if there is no way to `last` now. */
  static build(world: HiddenWorld, last: PathHop, events: HiddenCircuitEvents): HiddenCircuit | undefined {
    let self: HiddenCircuit | undefined
    const circuit = world.circuits.build(last, {
      changed: () => undefined,
      ready: () => {
        self?.timer?.cancel()
        events.ready()
      },
      datagram: (_, origin, data) => {
        self?.noteLink()
        events.datagram?.(origin, data)
      },
      stream: () => undefined,
      streamReset: () => undefined,
      message: (_, id, cell, at, end) => self?.answered(id, cell, at, end),
      closed: ({ failedHop, refusedByPrevious, hops }) => {
        self?.timer?.cancel()
        const wasSilent = failedHop === hops.length - 1 && !refusedByPrevious
        events.closed(self?.ignored === true || wasSilent)
      },
    })
    if (!circuit) return undefined
    self = new HiddenCircuit(world, circuit, events)
    self.timer = world.clock.after(world.settings.buildMs, () => {
      world.counters.add('hidden-build-slow')
      if (self) self.ignored = circuit.hops.slice(0, -1).every(({ state }) => state === 'proven')
      self?.close()
    })
    return self
  }

  /** The id on the owner's link; what an end-to-end circuit's virtual address is made of. */
  get id(): number {
    return this.circuit.id
  }

  get ready(): boolean {
    return this.circuit.state === 'ready'
  }

  /** Asks the last hop; the circuit is closed if it does not answer, or answers what `take` refuses, which is counted. */
  ask<Q extends Question>(
    question: Q,
    body: Omit<MessageBody<Q>, 'identifier'>,
    take: (answer: AnswerBody<Q>) => void,
  ): void {
    const identifier = uint16(this.world.random)
    const answer = ANSWERS[question]
    this.asked = {
      answer,
      identifier,
      take: (cell, at, end) => take(decodeMessage(answer, cell, at, end) as AnswerBody<Q>),
    }
    this.send(question, { ...body, identifier } as unknown as MessageBody<Q>, 1)
  }

  /** Sends a datagram from the last hop, or, on an end-to-end circuit, to the other end. False if it cannot be. */
  sendDatagram(destination: Address, data: Uint8Array): boolean {
    return this.circuit.sendDatagram(destination, data)
  }

  addEndToEnd(keys: SessionKeys, role: 'seeder' | 'downloader'): void {
    this.circuit.addEndToEnd(keys, role)
  }

  /** Closes the circuit unless the other end is heard soon: relays end a silent circuit after 20 s (protocol). */
  expectLink(): void {
    const { clock, settings, counters } = this.world
    const startedMs = clock.now()
    this.linkExpected = true
    const look = () => {
      this.timer = clock.after(LINK_LOOK_MS, () => {
        this.noteLink()
        if (!this.linkExpected) return
        if (clock.now() - startedMs < settings.linkMs) {
          look()
        } else {
          counters.add('hidden-link-missing')
          this.close()
        }
      })
    }
    this.timer?.cancel()
    look()
  }

  /** Idempotent; `closed` follows if it had not come. */
  close(): void {
    this.circuit.destroy('unneeded')
  }

  private send<Q extends Question>(question: Q, body: MessageBody<Q>, tries: number): void {
    const { clock, settings, counters } = this.world
    this.circuit.sendControl(question, body)
    this.timer?.cancel()
    this.timer = clock.after(settings.answerMs, () => {
      if (tries < settings.tries) {
        this.send(question, body, tries + 1)
      } else {
        counters.add('hidden-unanswered')
        this.ignored = !this.circuit.suspect
        this.close()
      }
    })
  }

  /** A cell of the other end tells that the circuits are linked; nobody else does. */
  private noteLink(): void {
    if (!this.linkExpected || !this.circuit.linked) return
    this.linkExpected = false
    this.timer?.cancel()
    this.events.linked?.()
  }

  private answered(id: number, cell: Uint8Array, at: number, end: number): void {
    const { asked } = this
    if (asked === undefined || asked.answer !== id || identifierAt(cell, at) !== asked.identifier) {
      this.world.counters.add('hidden-answer-unasked')
      return
    }
    this.asked = undefined
    this.timer?.cancel()
    try {
      asked.take(cell, at, end)
    } catch (error) {
      // Nobody would look after the circuit any more, and its hops keep it for an hour.
      this.ignored = true
      this.close()
      throw error
    }
  }
}

/** All answers begin with their identifier. */
function identifierAt(cell: Uint8Array, at: number): number {
  return decodeMessage(
    MESSAGE.linkedE2e,
    Uint8Array.of(MESSAGE.linkedE2e, cell[at + 1] ?? 0, cell[at + 2] ?? 0),
  ).identifier
}
