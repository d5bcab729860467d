import type { IpAddress } from '../bytes/address.ts'
import type { Aead } from '../crypto/aead.ts'
import { type EphemeralKey, ephemeralKey, type SessionKeys } from '../crypto/handshake.ts'
import type { PublicKey } from '../identity/keys.ts'
import { MESSAGE } from '../onion/constants.ts'
import type { MessageBody } from '../onion/messages.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Random } from '../world/random.ts'
import type { HiddenOwnerSettings } from './constants.ts'
import { encodePacket } from './packets.ts'
import type { RendezvousInfo } from './rendezvous-info.ts'
import { openCreated } from './rendezvous-link.ts'

export interface QuestionWorld {
  readonly clock: Clock
  readonly random: Random
  readonly settings: HiddenOwnerSettings
  readonly prefix: Uint8Array
  readonly aead: Aead
}

export interface SeederFound {
  readonly keys: SessionKeys
  readonly info: RendezvousInfo
}

/** A circuit that asks. */
export interface QuestionWay {
  /** From its last hop. */
  sendDatagram(destination: IpAddress, data: Uint8Array): void
  /** The question goes this way no more. */
  settled(identifier: number): void
}

/**
 * One seeder that is asked for an end-to-end circuit (message 13): by each circuit whose last hop told of it in turn, at the
 * introduction point that this one told of. Relays tell for a while of points that are gone, and may drop what goes through
 * them. The seeder knows the question again, whichever way it comes.
 */
export class SeederQuestion {
  /** Of the question; 16 bits. */
  readonly identifier: number
  private readonly world: QuestionWorld
  private readonly seederKey: PublicKey
  private readonly done: (found: SeederFound | undefined) => void
  private readonly ephemeral: EphemeralKey
  private readonly packet: Uint8Array
  private readonly ways = new Map<QuestionWay, IpAddress>()
  private lastAsked: QuestionWay | undefined
  private tries = 0
  private timer: Timer | undefined
  private over = false

  /** @param done gets undefined if the seeder does not answer, or there is no way left */
  constructor(
    world: QuestionWorld,
    about: { readonly lookupKey: Uint8Array; readonly seederKey: PublicKey; readonly identifier: number },
    done: (found: SeederFound | undefined) => void,
  ) {
    const { lookupKey: infoHash, seederKey, identifier } = about
    this.world = world
    this.identifier = identifier
    this.seederKey = seederKey
    this.done = done
    this.ephemeral = ephemeralKey(world.random)
    const dhKey = this.ephemeral.publicKey
    const body = { identifier, infoHash, seederKey: seederKey.bytes, dhKey }
    this.packet = encodePacket(world.prefix, MESSAGE.createE2e, body)
  }

  /** Asks this way, too, at one point: now if it is the first. */
  add(way: QuestionWay, point: IpAddress): void {
    if (this.ways.has(way)) return
    this.ways.set(way, point)
    if (this.timer === undefined) this.ask()
  }

  /** A way is gone; if it was asked last, the next is asked at once. */
  lost(way: QuestionWay): void {
    this.ways.delete(way)
    if (this.ways.size === 0) this.finish(undefined)
    else if (way === this.lastAsked) this.ask()
  }

  /**
   * Takes what may be the answer.
   * @throws CodecError, CulvertError if it is not; it may still come
   */
  answered(created: MessageBody<typeof MESSAGE.createdE2e>): void {
    this.finish(openCreated(this.world.aead, this.ephemeral, this.seederKey, created))
  }

  private ask(): void {
    const { clock, settings } = this.world
    this.timer?.cancel()
    if (this.tries >= settings.createTries) {
      this.finish(undefined)
      return
    }
    const ways = [...this.ways]
    const [way, point] = ways[this.tries++ % ways.length] ?? []
    this.lastAsked = way
    this.timer = clock.after(settings.createMs, () => this.ask())
    if (way && point) way.sendDatagram(point, this.packet)
  }

  private finish(found: SeederFound | undefined): void {
    if (this.over) return
    this.over = true
    this.timer?.cancel()
    this.done(found)
    for (const way of [...this.ways.keys()]) way.settled(this.identifier)
  }
}
