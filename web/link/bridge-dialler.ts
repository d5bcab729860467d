import { toHex } from '../../shared/bytes/bytes.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import { BRIDGE_AGAIN_MS, BRIDGE_CONNECT_MS, BRIDGE_WAIT_MS } from '../../shared/link/bridge-limits.ts'
import { bridgeTermsOf } from '../../shared/link/bridge-terms.ts'
import { closeReasonOf } from '../../shared/link/close-codes.ts'
import { pacePacket } from '../../shared/link/control.ts'
import { aborted, type DialEnds, dialling } from '../../shared/link/dialling.ts'
import { Gathering } from '../../shared/link/gathering.ts'
import type { Link } from '../../shared/link/link.ts'
import { formatLinkAddress, type LinkAddress } from '../../shared/link/link-address.ts'
import { checkedDescription } from '../../shared/link/session-description.ts'
import type { Dialler, DialSignal, DialTarget, Wire } from '../../shared/link/wire.ts'
import { WireSession } from '../../shared/link/wire-session.ts'
import type { AskBridge, BridgeAnswer } from './bridge-ask.ts'
import type { ChannelSignal, OpenChannelPort } from './channel-messages.ts'
import { DataChannel } from './data-channel.ts'
import type { PageIdentity } from './websocket-dialler.ts'

/** How asking for a volunteer goes. */
export type BridgeProgress = 'asking' | 'connecting' | 'linked' | 'nobody' | 'busy' | 'failed'

export interface BridgeDiallerOptions extends PageIdentity {
  readonly openPort: OpenChannelPort
  /** The relay of the page's own site: volunteers lead there and nowhere else. */
  readonly entry: DialTarget
  /** Whether the visitor has agreed to it, on this visit. Nothing is asked before. */
  agreed(): boolean
  readonly ask: AskBridge
  /** `stun:host:port` of a relay, if one is known. */
  stun(): string | undefined
  /** Whether candidates of private and loopback addresses are of use: in a lab. */
  readonly allowPrivate: boolean
  onProgress(progress: BridgeProgress): void
}

/**
 * Opens a wire to the relay of the page's own site through another visitor's page, where no other way opens. That page passes
 * on messages that it cannot read; it cannot put itself in the relay's place either, whose key is known from the site.
 */
export class BridgeDialler implements Dialler {
  readonly kind = 'bridge'
  private readonly options: BridgeDiallerOptions
  private underWay: readonly DialEnds[] = []
  private askedMs = Number.NEGATIVE_INFINITY

  constructor(options: BridgeDiallerOptions) {
    this.options = {
      ...options,
      ask: (offer) => {
        this.askedMs = options.clock.now()
        return options.ask(offer)
      },
    }
  }

  /** The relay's WebSocket, which the volunteer opens in our place. */
  canDial(address: LinkAddress): boolean {
    const { agreed, entry } = this.options
    return agreed() && formatLinkAddress(address) === formatLinkAddress(entry.address)
  }

  /**
   * @throws CulvertError `bridge-nobody`, `bridge-limit`, `bridge-failed` (the site gives no answer that is of use),
   *   `link-unreachable` (no channel, or none in time), `link-full`, `link-aborted`; LinkAuthError as listed there
   */
  dial(target: DialTarget, signal?: DialSignal): Promise<Wire> {
    const { clock, entry } = this.options
    const isOurs = target.publicKey.equals(entry.publicKey) && this.canDial(target.address)
    if (!isOurs && !signal?.aborted) {
      return Promise.reject(new CulvertError('link-unreachable', 'no volunteer leads there'))
    }
    const limits = {
      clock,
      signal,
      timeoutMs: BRIDGE_CONNECT_MS,
      delayMs: this.waitMs,
      whom: 'the volunteer',
    }
    return dialling(limits, (ends) => {
      this.underWay = [...this.underWay.filter(({ isOver }) => !isOver), ends]
      const asking = new Asking(this.options, target, ends)
      asking.begin()
      return (why) => asking.release(why)
    })
  }

  /** The visitor does not agree any more: attempts end, whatever they are at. Wires that there are belong to others. */
  callOff(): void {
    for (const ends of this.underWay) ends.onFailed(aborted())
  }

  /** The other ways come first: nobody is troubled where one of them opens. And the site is not asked all the time. */
  private get waitMs(): number {
    return Math.max(BRIDGE_WAIT_MS, this.askedMs + BRIDGE_AGAIN_MS - this.options.clock.now())
  }
}

/** One attempt: an offer, its answer, a channel, the proof of keys, a wire. */
class Asking {
  private readonly options: BridgeDiallerOptions
  private readonly target: DialTarget
  private readonly ends: DialEnds
  private gathering: Gathering | undefined
  private channel: DataChannel | undefined
  private session: WireSession | undefined
  private link: Link | undefined
  /** As the volunteer said last. */
  private rate: number | undefined

  constructor(options: BridgeDiallerOptions, target: DialTarget, ends: DialEnds) {
    this.options = options
    this.target = target
    this.ends = ends
  }

  begin(): void {
    const { clock, openPort, stun, agreed, onProgress } = this.options
    if (!agreed()) throw aborted()
    onProgress('asking')
    this.gathering = new Gathering(clock, (offer) => void this.ask(offer))
    this.channel = new DataChannel({
      openPort,
      initiator: true,
      stun: stun(),
      onSignal: (ours) => this.gathered(ours),
      onOpen: () => this.authenticate(),
      onMessage: (message) => this.receive(message),
      onWritten: () => this.session?.drained(),
      onClosed: (code) => {
        this.session?.closed(code === undefined ? 'lost' : closeReasonOf(code))
        this.ends.onFailed(new CulvertError('link-unreachable', 'no data channel to the volunteer'))
      },
    })
  }

  private gathered(signal: ChannelSignal): void {
    if (signal.type === 'description') this.gathering?.describe(signal.sdp)
    else this.gathering?.candidate(signal.candidate)
  }

  private async ask(offer: string): Promise<void> {
    const { ask, onProgress } = this.options
    try {
      const answer = await ask(this.checked(offer))
      if (this.ends.isOver) return
      onProgress('connecting')
      this.channel?.signal({ type: 'description', sdp: this.answerOf(answer) })
    } catch (error) {
      if (!(error instanceof CulvertError)) throw error
      this.ends.onFailed(error)
    }
  }

  private answerOf({ sdp, publicKey }: BridgeAnswer): string {
    if (publicKey !== toHex(this.target.publicKey.bytes)) {
      throw new CulvertError('bridge-failed', 'the volunteer leads to another relay')
    }
    return this.checked(sdp)
  }

  private checked(sdp: string): string {
    return checkedDescription(sdp, this.options)
  }

  private receive(message: Uint8Array): void {
    const rate = bridgeTermsOf(message)
    if (rate === undefined) {
      this.session?.receive(message)
    } else {
      this.rate = rate
      this.keepPace()
    }
  }

  /** Both ends of the link keep to what the volunteer passes on: what is too much waits, or is dropped, at them. */
  private keepPace(): void {
    if (this.link === undefined || this.rate === undefined) return
    this.link.pace?.(this.rate)
    this.link.send(pacePacket(this.rate), 0)
  }

  private authenticate(): void {
    const { channel } = this
    if (!channel) return
    const { address, publicKey } = this.target
    this.session = new WireSession({
      ...this.options,
      keyPair: this.options.keyFor(publicKey),
      kind: 'bridge',
      peer: address.at,
      pipe: channel,
      role: { address, expectedKey: publicKey },
      onWire: (wire) => {
        this.options.onProgress('linked')
        this.link = wire.link
        this.keepPace()
        this.gathering?.stop()
        this.ends.onWire(wire)
      },
      onFailed: (error) => this.ends.onFailed(error),
    })
  }

  /** There is to be no wire. */
  release({ code }: CulvertError): void {
    this.gathering?.stop()
    if (code !== 'link-aborted') this.options.onProgress(progressOf(code))
    this.session?.close('failed')
    this.channel?.close()
  }
}

function progressOf(code: string): BridgeProgress {
  return code === 'bridge-nobody' ? 'nobody' : code === 'bridge-limit' ? 'busy' : 'failed'
}
