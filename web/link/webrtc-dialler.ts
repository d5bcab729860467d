import { CulvertError } from '../../shared/bytes/error.ts'
import { BINDINGS } from '../../shared/link/auth-binding.ts'
import { closeReasonOf } from '../../shared/link/close-codes.ts'
import { type DialEnds, dialling } from '../../shared/link/dialling.ts'
import type { LinkAddress } from '../../shared/link/link-address.ts'
import { webrtcBinding } from '../../shared/link/session-description.ts'
import type { Dialler, DialSignal, DialTarget, Wire } from '../../shared/link/wire.ts'
import { WireSession } from '../../shared/link/wire-session.ts'
import type { ChannelSignal, OpenChannelPort } from './channel-messages.ts'
import { DataChannel } from './data-channel.ts'
import type { SignalCall, Signallers } from './signallers.ts'
import type { PageIdentity } from './websocket-dialler.ts'

/** Signals there and back, a path, and DTLS: on a slow network that takes longer than a WebSocket does. */
const CONNECT_TIMEOUT_MS = 20_000

export interface WebRtcDiallerOptions extends PageIdentity {
  readonly openPort: OpenChannelPort
  readonly signallers: Signallers
}

/**
 * Opens wires to relays by WebRTC data channel: relays that have no port that the page could reach, introduced by one that
 * has. Whoever introduces them sees offer and answer but cannot put himself between: the proof of keys is tied to both
 * DTLS fingerprints.
 */
export class WebRtcDialler implements Dialler {
  readonly kind = 'webrtc'
  private readonly options: WebRtcDiallerOptions

  constructor(options: WebRtcDiallerOptions) {
    this.options = options
  }

  canDial(address: LinkAddress): boolean {
    return address.kind === 'webrtc' && this.options.signallers.knows(address)
  }

  /**
   * @throws CulvertError `link-unreachable` (nobody signals, the relay does not want to, or no channel within 20 s),
   *   `link-full`, `link-aborted`; LinkAuthError as listed there
   */
  dial(target: DialTarget, signal?: DialSignal): Promise<Wire> {
    const { clock } = this.options
    return dialling({ clock, signal, timeoutMs: CONNECT_TIMEOUT_MS }, (ends) => {
      const calling = new Calling(this.options, target, ends)
      calling.begin(signal).catch((error: CulvertError) => ends.onFailed(error))
      return () => calling.release()
    })
  }
}

/** One attempt: signals to and fro, then a channel, then the proof of keys, then a wire. */
class Calling {
  private readonly options: WebRtcDiallerOptions
  private readonly target: DialTarget
  private readonly ends: DialEnds
  private call: SignalCall | undefined
  private channel: DataChannel | undefined
  private session: WireSession | undefined
  private offer: string | undefined
  private answer: string | undefined
  private readonly early: string[] = []

  constructor(options: WebRtcDiallerOptions, target: DialTarget, ends: DialEnds) {
    this.options = options
    this.target = target
    this.ends = ends
  }

  async begin(signal: DialSignal | undefined): Promise<void> {
    const { ends } = this
    const { address, publicKey } = this.target
    const events = {
      onDescription: (sdp: string) => {
        this.answer = sdp
        this.channel?.signal({ type: 'description', sdp })
      },
      onCandidate: (candidate: string) => this.channel?.signal({ type: 'candidate', candidate }),
      onEnd: (reason: string) => {
        // The relay says so too when its end of the channel is open, maybe before ours is.
        if (!this.session && reason !== 'signal-ended-there')
          ends.onFailed(new CulvertError('link-unreachable', `the call has ended: ${reason}`))
      },
    }
    const call = await this.options.signallers.call(address, publicKey, events, signal)
    if (ends.isOver) {
      call.end()
      return
    }
    this.call = call
    this.channel = new DataChannel({
      openPort: this.options.openPort,
      initiator: true,
      stun: call.stun,
      onSignal: (ours) => this.attempt(() => this.signalled(call, ours)),
      onOpen: () => this.attempt(() => this.authenticate()),
      onMessage: (message) => this.session?.receive(message),
      onWritten: () => this.session?.drained(),
      onClosed: (code) => {
        this.session?.closed(code === undefined ? 'lost' : closeReasonOf(code))
        ends.onFailed(new CulvertError('link-unreachable', 'no data channel to the relay'))
      },
    })
  }

  private signalled({ session }: SignalCall, signal: ChannelSignal): void {
    if (signal.type === 'candidate') {
      // The offer goes first; browsers give it first, but do not say so.
      if (this.offer === undefined) this.early.push(signal.candidate)
      else session.candidate(signal.candidate)
    } else if (this.offer === undefined) {
      this.offer = signal.sdp
      session.describe(signal.sdp)
      for (const candidate of this.early) session.candidate(candidate)
    }
  }

  private authenticate(): void {
    const { channel, offer, answer } = this
    if (!channel || offer === undefined || answer === undefined) return
    const { address, publicKey } = this.target
    this.session = new WireSession({
      ...this.options,
      keyPair: this.options.keyFor(publicKey),
      kind: 'webrtc',
      peer: address.at,
      pipe: channel,
      role: {
        address,
        expectedKey: publicKey,
        binding: { kind: BINDINGS.dtlsFingerprints, value: webrtcBinding(offer, answer) },
      },
      onWire: (wire) => {
        this.call?.end()
        this.ends.onWire(wire)
      },
      onFailed: (error) => this.ends.onFailed(error),
    })
  }

  /** What the browser makes is looked at like what strangers send: a description of it may be none of those we know. */
  private attempt(step: () => void): void {
    try {
      step()
    } catch (error) {
      if (!(error instanceof CulvertError)) throw error
      this.ends.onFailed(error)
    }
  }

  /** There is to be no wire. */
  release(): void {
    this.call?.end()
    this.session?.close('failed')
    this.channel?.close()
  }
}
