import type { IpAddress } from '../bytes/address.ts'
import { CulvertError } from '../bytes/error.ts'
import type { Aead } from '../crypto/aead.ts'
import { ephemeralKey, type SessionKeys } from '../crypto/handshake.ts'
import { PublicKey } from '../identity/keys.ts'
import { MESSAGE } from '../onion/constants.ts'
import type { PathHop } from '../onion/hop.ts'
import type { MessageBody } from '../onion/messages.ts'
import type { Timer } from '../world/clock.ts'
import { uint16 } from '../world/random.ts'
import { PEERS_PER_RESPONSE } from './constants.ts'
import { HiddenCircuit, type HiddenCircuitEvents, type HiddenWorld } from './hidden-circuit.ts'
import { decodePacket, encodePacket, packetId } from './packets.ts'
import type { RendezvousInfo } from './rendezvous-info.ts'
import { openCreated } from './rendezvous-link.ts'

/** A relay that introduces a seeder, and the seeder's key for the swarm. */
export interface IntroductionPoint {
  readonly address: IpAddress
  readonly publicKey: PublicKey
  readonly seederKey: PublicKey
}

export interface InquiryWorld extends HiddenWorld {
  readonly prefix: Uint8Array
  readonly aead: Aead
}

export interface SeederFound {
  readonly keys: SessionKeys
  readonly info: RendezvousInfo
}

interface Create {
  readonly take: (created: MessageBody<typeof MESSAGE.createdE2e>) => void
  readonly giveUp: () => void
}

/** One circuit through which introduction points are asked. It closes by itself when nothing is open on it. */
export class Inquiry {
  private readonly world: InquiryWorld
  private circuit: HiddenCircuit | undefined
  private readonly creates = new Map<number, Create>()

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
        for (const { giveUp } of [...self.creates.values()]) giveUp()
        events.closed(lastHopFailed)
      },
    })
    return self.circuit && self
  }

  close(): void {
    this.circuit?.close()
  }

  /** Asks the last hop which introduction points it knows. Unusable ones are left out; `take` may begin a `create`. */
  peers(lookupKey: Uint8Array, take: (points: IntroductionPoint[]) => void): void {
    this.circuit?.ask(MESSAGE.peersRequest, { infoHash: lookupKey }, ({ peers }) => {
      take(peers.slice(0, PEERS_PER_RESPONSE).flatMap((peer) => this.pointOf(peer) ?? []))
      this.closeIfIdle()
    })
  }

  /**
   * Asks a seeder for an end-to-end circuit, through its introduction points in turn: it knows the question again, whichever way it
   * comes. `done` gets undefined if it does not answer.
   * @param points of this one seeder, at least one; those that come to be known meanwhile are asked as well
   */
  create(
    lookupKey: Uint8Array,
    points: ReadonlyMap<unknown, IntroductionPoint>,
    done: (found: SeederFound | undefined) => void,
  ): void {
    const [first] = points.values()
    if (!first) throw new RangeError('no introduction point')
    const { seederKey } = first
    const { random, clock, settings, prefix, aead } = this.world
    const ephemeral = ephemeralKey(random)
    const identifier = this.freshIdentifier()
    const body = { identifier, infoHash: lookupKey, seederKey: seederKey.bytes, dhKey: ephemeral.publicKey }
    const packet = encodePacket(prefix, MESSAGE.createE2e, body)
    let timer: Timer | undefined
    const finish = (found: SeederFound | undefined) => {
      timer?.cancel()
      this.creates.delete(identifier)
      done(found)
      this.closeIfIdle()
    }
    const send = (tries: number) => {
      const { address } = [...points.values()][(tries - 1) % points.size] ?? first
      this.circuit?.sendDatagram(address, packet)
      timer = clock.after(settings.createMs, () => {
        if (tries < settings.createTries) send(tries + 1)
        else finish(undefined)
      })
    }
    this.creates.set(identifier, {
      take: (created) => finish(openCreated(aead, ephemeral, seederKey, created)),
      giveUp: () => finish(undefined),
    })
    send(1)
  }

  private freshIdentifier(): number {
    for (;;) {
      const identifier = uint16(this.world.random)
      if (!this.creates.has(identifier)) return identifier
    }
  }

  private receive(data: Uint8Array): void {
    const { prefix, counters } = this.world
    try {
      if (packetId(prefix, data) !== MESSAGE.createdE2e) {
        counters.add('hidden-packet-unexpected')
        return
      }
      const created = decodePacket(prefix, MESSAGE.createdE2e, data)
      const asked = this.creates.get(created.identifier)
      if (asked) asked.take(created)
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
    if (this.creates.size === 0) this.close()
  }
}
