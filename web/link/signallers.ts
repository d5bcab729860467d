import { CodecError, CulvertError } from '../../shared/bytes/error.ts'
import type { PublicKey } from '../../shared/identity/keys.ts'
import { answerControl, isControl, parseControl, signalPacket } from '../../shared/link/control.ts'
import type { Link } from '../../shared/link/link.ts'
import type { LinkAddress } from '../../shared/link/link-address.ts'
import type { Neighbour } from '../../shared/link/neighbour.ts'
import { SignalEnd, type SignalEvents, type SignalSession } from '../../shared/link/signalling.ts'
import { NO_MID, type SignalRefusal } from '../../shared/link/signalling-messages.ts'
import type { Dialler, DialSignal } from '../../shared/link/wire.ts'
import type { Clock } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import type { Random } from '../../shared/world/random.ts'

/** What a page knows of a relay that signals. */
export interface Signaller {
  readonly publicKey: PublicKey
  /** `stun:host:port` of its UDP port, if it is known. */
  readonly stun?: string | undefined
}

export interface SignallersOptions {
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  /** Opens WebSockets. */
  readonly dialler: Dialler
  /** Whether candidates of private and loopback addresses are of use: in a lab. */
  readonly allowPrivate: boolean
  /** The relay whose gateway an address is; undefined if nobody that we know says so. */
  signallerAt(gateway: LinkAddress): Signaller | undefined
  /** Somebody else answers at a gateway than the relay that `signallerAt` has named. */
  isNotAt?(gateway: LinkAddress, publicKey: PublicKey): void
  /** The link that there is with a relay already, if there is one that answers. */
  neighbour(publicKey: PublicKey): Neighbour | undefined
  /** An entry calls by the link that there is with it; without this function, every call is refused. */
  onCall?(session: SignalSession, neighbour: Neighbour): SignalEvents | SignalRefusal
}

/** A way to a relay that signals: the link with an entry, or a wire for this alone. */
interface SignalWay {
  readonly neighbour?: Neighbour
  send(body: Uint8Array): void
}

/** A call by way of a relay that signals. */
export interface SignalCall {
  readonly session: SignalSession
  readonly stun: string | undefined
  /** Ends the session, and the wire that was opened for it. Idempotent. */
  end(): void
}

/** Brings offers, answers and candidates to other relays and back, by way of relays that this page can reach. */
export class Signallers {
  private readonly options: SignallersOptions
  private readonly ends: SignalEnd<SignalWay>
  private readonly ways = new WeakMap<Neighbour, SignalWay>()

  constructor(options: SignallersOptions) {
    this.options = options
    const { clock, random, counters, allowPrivate } = options
    this.ends = new SignalEnd<SignalWay>({
      clock,
      random,
      counters,
      allowPrivate,
      ownMid: NO_MID,
      send: (way, body) => way.send(body),
      onCall: (session, { neighbour }) => (neighbour && options.onCall?.(session, neighbour)) ?? 'signal-off',
    })
  }

  /** Whether the relay that signals at this address is known, so that its key can be asked for. */
  knows(address: LinkAddress): boolean {
    return this.signallerAt(address) !== undefined
  }

  /**
   * Calls a relay.
   * @param address of kind `webrtc`
   * @throws CulvertError `link-unreachable` if nobody known signals there; those of the WebSocket's dialler
   */
  async call(
    address: LinkAddress,
    to: PublicKey,
    events: SignalEvents,
    signal?: DialSignal,
  ): Promise<SignalCall> {
    const signaller = this.signallerAt(address)
    if (!signaller) throw new CulvertError('link-unreachable', 'no relay is known that signals there')
    const { publicKey, stun } = signaller
    const neighbour = this.options.neighbour(publicKey)
    if (neighbour) {
      const session = this.ends.call(this.wayOver(neighbour), to.mid, events)
      return { session, stun, end: () => session.end() }
    }
    const { way, link } = await this.open(gatewayOf(address), publicKey, signal)
    const session = this.ends.call(way, to.mid, events)
    const end = () => {
      session.end()
      link.close('unneeded')
    }
    return { session, stun, end }
  }

  /** To be called with what comes over the link with an entry. */
  receive(neighbour: Neighbour, body: Uint8Array): void {
    this.ends.receive(this.wayOver(neighbour), body)
  }

  /** To be called when the link with an entry has ended. */
  lost(neighbour: Neighbour): void {
    const way = this.ways.get(neighbour)
    if (way) this.ends.lost(way)
  }

  private signallerAt(address: LinkAddress): Signaller | undefined {
    return address.kind === 'webrtc' ? this.options.signallerAt(gatewayOf(address)) : undefined
  }

  private wayOver(neighbour: Neighbour): SignalWay {
    let way = this.ways.get(neighbour)
    if (!way) {
      way = { neighbour, send: (body) => neighbour.sendSignal(body) }
      this.ways.set(neighbour, way)
    }
    return way
  }

  /** A wire that nothing but signals goes over. */
  private async open(address: LinkAddress, publicKey: PublicKey, signal?: DialSignal) {
    const wire = await this.options.dialler.dial({ address, publicKey }, signal).catch((error: unknown) => {
      if (error instanceof CulvertError && error.code === 'auth-key')
        this.options.isNotAt?.(address, publicKey)
      throw error
    })
    const { link } = wire
    const way: SignalWay = { send: (body) => link.send(signalPacket(body), 0) }
    wire.handTo({
      onPacket: (_, packet) => this.heard(way, link, packet),
      onClosed: () => this.ends.lost(way),
    })
    return { way, link }
  }

  private heard(way: SignalWay, link: Link, packet: Uint8Array): void {
    if (!isControl(packet)) return
    try {
      const control = parseControl(packet)
      if (control.type === 'signal') this.ends.receive(way, control.body)
      else answerControl(link, packet)
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
      this.options.counters.add('link-control-malformed')
    }
  }
}

/** The WebSocket of the relay that signals. */
function gatewayOf(address: LinkAddress): LinkAddress {
  return address.kind === 'webrtc' ? { ...address, kind: 'websocket' } : address
}
