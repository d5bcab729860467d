import type { IpAddress } from '../bytes/address.ts'
import { CulvertError } from '../bytes/error.ts'
import { PublicKey } from '../identity/keys.ts'
import { MESSAGE } from '../onion/constants.ts'
import type { PathHop } from '../onion/hop.ts'
import type { MessageBody } from '../onion/messages.ts'
import { PEERS_PER_RESPONSE } from './constants.ts'
import { HiddenCircuit, type HiddenCircuitEvents, type HiddenWorld } from './hidden-circuit.ts'
import { decodePacket, packetId } from './packets.ts'
import type { QuestionWay, SeederQuestion } from './seeder-question.ts'

/** A relay that introduces a seeder, and the seeder's key for the swarm. */
export interface IntroductionPoint {
  readonly address: IpAddress
  readonly publicKey: PublicKey
  readonly seederKey: PublicKey
}

export interface InquiryWorld extends HiddenWorld {
  readonly prefix: Uint8Array
}

/** One circuit through which introduction points are asked. It closes by itself when nothing is open on it. */
export class Inquiry implements QuestionWay {
  private readonly world: InquiryWorld
  private circuit: HiddenCircuit | undefined
  /** By identifier. */
  private readonly questions = new Map<number, SeederQuestion>()

  private constructor(world: InquiryWorld) {
    this.world = world
  }

  /** Undefined if there is no way to `last` now. */
  static open(
    world: InquiryWorld,
    last: PathHop,
    events: Pick<HiddenCircuitEvents, 'ready' | 'closed'>,
  ): Inquiry | undefined {
    const self = new Inquiry(world)
    self.circuit = HiddenCircuit.build(world, last, {
      ready: () => {
        events.ready()
      },
      datagram: (_, data) => self.receive(data),
      closed: (lastHopFailed) => {
        for (const question of [...self.questions.values()]) question.lost(self)
        events.closed(lastHopFailed)
      },
    })
    return self.circuit && self
  }

  close(): void {
    this.circuit?.close()
  }

  /** Asks the last hop which introduction points it knows. Unusable ones are left out; `take` may begin to `ask`. */
  peers(lookupKey: Uint8Array, take: (points: IntroductionPoint[]) => void): void {
    this.circuit?.ask(MESSAGE.peersRequest, { infoHash: lookupKey }, ({ peers }) => {
      take(peers.slice(0, PEERS_PER_RESPONSE).flatMap((peer) => this.pointOf(peer) ?? []))
      this.closeIfIdle()
    })
  }

  /** Asks a seeder at an introduction point, in turn with others who ask it. */
  ask(question: SeederQuestion, point: IpAddress): void {
    this.questions.set(question.identifier, question)
    question.add(this, point)
  }

  sendDatagram(destination: IpAddress, data: Uint8Array): void {
    this.circuit?.sendDatagram(destination, data)
  }

  settled(identifier: number): void {
    this.questions.delete(identifier)
    this.closeIfIdle()
  }

  private receive(data: Uint8Array): void {
    const { prefix, counters } = this.world
    try {
      if (packetId(prefix, data) !== MESSAGE.createdE2e) {
        counters.add('hidden-packet-unexpected')
        return
      }
      const created = decodePacket(prefix, MESSAGE.createdE2e, data)
      const asked = this.questions.get(created.identifier)
      if (asked) asked.answered(created)
      else counters.add('hidden-answer-unasked')
    } catch (error) {
      // Not the seeder's answer, which may still come.
      counters.add(error instanceof CulvertError ? error.code : 'hidden-fault')
    }
  }

  private pointOf(
    peer: MessageBody<typeof MESSAGE.peersResponse>['peers'][number],
  ): IntroductionPoint | undefined {
    try {
      const publicKey = PublicKey.parse(peer.nodeKey)
      return { address: peer.address, publicKey, seederKey: PublicKey.parse(peer.seederKey) }
    } catch (error) {
      this.world.counters.add(error instanceof CulvertError ? error.code : 'hidden-fault')
      return undefined
    }
  }

  private closeIfIdle(): void {
    if (this.questions.size === 0) this.close()
  }
}
