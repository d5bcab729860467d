import type { Address } from '../../shared/bytes/address.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import type { PublicKey } from '../../shared/identity/keys.ts'
import { BINDINGS } from '../../shared/link/auth-binding.ts'
import { channelEnd, channelEndCode } from '../../shared/link/channel-end.ts'
import { closeReasonOf } from '../../shared/link/close-codes.ts'
import { MAX_AUTH_MESSAGE_BYTES } from '../../shared/link/constants.ts'
import type { LinkCloseReason } from '../../shared/link/link.ts'
import type { LinkAddress } from '../../shared/link/link-address.ts'
import type { MessagePipe } from '../../shared/link/queued-link.ts'
import { mediaIdOf, webrtcBinding } from '../../shared/link/session-description.ts'
import type { SignalEndReason, SignalEvents, SignalSession } from '../../shared/link/signalling.ts'
import type { Wire } from '../../shared/link/wire.ts'
import { type WireIdentity, WireSession } from '../../shared/link/wire-session.ts'
import type { Timer } from '../../shared/world/clock.ts'
import {
  CHANNEL_LABEL,
  CHANNEL_LOW_BYTES,
  WEBRTC_CLOSE_GRACE_MS,
  WEBRTC_CONNECT_MS,
} from './webrtc-constants.ts'

export interface WebRtcConnectionOptions extends WireIdentity {
  /** New, and of this connection alone. */
  readonly peer: RTCPeerConnection
  /** Whom this side calls; undefined of one that is called. */
  readonly target?: { readonly address: LinkAddress; readonly publicKey: PublicKey } | undefined
  readonly connectMs?: number
  /** A data channel is open and both keys are proved. */
  onWire(wire: Wire): void
  /** It came to nothing; once, and not after `onWire`. */
  onFailed(error: CulvertError): void
  /** Everything of it is closed; once, whatever became of it. */
  onEnded(): void
}

/** What is known of the other side's address: nothing that a link would need. */
const SOMEWHERE: Address = { kind: 'ipv4', host: '0.0.0.0', port: 0 }

/**
 * One WebRTC connection with one data channel, from its signalling to its end: descriptions and candidates, then link
 * authentication bound to both DTLS fingerprints (L-03), then a link.
 */
export class WebRtcConnection implements MessagePipe, SignalEvents {
  private readonly options: WebRtcConnectionOptions
  private readonly peer: RTCPeerConnection
  private readonly timer: Timer
  private signals: SignalSession | undefined
  private channel: RTCDataChannel | undefined
  private session: WireSession | undefined
  private localSdp = ''
  private remoteSdp = ''
  private answerTaken = false
  private readonly held: string[] = []
  private state: 'connecting' | 'open' | 'closing' | 'ended' = 'connecting'
  private graceTimer: Timer | undefined

  constructor(options: WebRtcConnectionOptions) {
    this.options = options
    const { clock, connectMs = WEBRTC_CONNECT_MS } = options
    this.peer = options.peer
    this.timer = clock.after(connectMs, () => this.fail('webrtc-timeout', 'no data channel in time'))
    this.peer.addEventListener('connectionstatechange', this.stateChanged)
    this.peer.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate) this.tell(candidate.candidate)
    })
    this.peer.addEventListener('datachannel', ({ channel }) => this.channelCame(channel))
  }

  /** Begins: the caller makes its offer. */
  signal(session: SignalSession): void {
    this.signals = session
    if (this.options.target) this.offer().catch((error) => this.failed(error))
  }

  onDescription(sdp: string): void {
    this.remoteSdp = sdp
    this.answered(sdp).catch((error) => this.failed(error))
  }

  onCandidate(candidate: string): void {
    if (this.state !== 'connecting') return
    void this.take(candidate)
  }

  onEnd(reason: SignalEndReason): void {
    if (reason !== 'signal-ended-there') this.fail(reason, 'the signalling came to nothing')
  }

  /** Ends it from this side, whatever it is at. Idempotent. */
  stop(reason: LinkCloseReason): void {
    if (this.session) this.session.close(reason)
    else this.fail('link-aborted', 'ended before there was a data channel')
  }

  /** Ends it without waiting for the other side. Idempotent. */
  cut(): void {
    if (this.state === 'ended') return
    if (this.state === 'connecting') this.fail('link-aborted', 'ended before there was a data channel')
    else this.destroy('lost')
  }

  send(message: Uint8Array): void {
    const { channel } = this
    if (channel?.readyState !== 'open') return
    // The library copies it.
    this.attempt(() => channel.send(message as Uint8Array<ArrayBuffer>))
  }

  bufferedBytes(): number {
    return this.attempt(() => this.channel?.bufferedAmount) ?? 0
  }

  /** Says why behind all that was sent. The other side ends the connection then, or it is cut off. */
  close(code: number): void {
    if (this.state !== 'open') return
    this.send(channelEnd(code))
    this.endIn(WEBRTC_CLOSE_GRACE_MS)
  }

  /** What is asked of an open channel; undefined where it throws: it is closed on the library's thread, and here not yet. */
  private attempt<T>(ask: () => T): T | undefined {
    if (this.state !== 'open') return undefined
    try {
      return ask()
    } catch {
      this.options.counters.add('webrtc-send-failed')
      // In a turn of its own: whoever asks is in the midst of something.
      this.endIn(0)
      return undefined
    }
  }

  private endIn(ms: number): void {
    if (this.state === 'open') this.state = 'closing'
    this.graceTimer ??= this.options.clock.after(ms, () => this.destroy('lost'))
  }

  /** One that the library cannot use (a name that nobody knows) is one candidate less. */
  private async take(candidate: string): Promise<void> {
    try {
      const sdpMid = mediaIdOf(this.remoteSdp)
      await this.peer.addIceCandidate({ candidate, sdpMid, sdpMLineIndex: 0 })
    } catch {
      this.options.counters.add('webrtc-candidate-refused')
    }
  }

  private async offer(): Promise<void> {
    this.useChannel(this.peer.createDataChannel(CHANNEL_LABEL))
    const { sdp } = await this.peer.createOffer()
    this.describe(sdp)
  }

  private async answered(sdp: string): Promise<void> {
    const type = this.options.target ? 'answer' : 'offer'
    await this.peer.setRemoteDescription({ type, sdp })
    if (type === 'offer') {
      this.describe((await this.peer.createAnswer()).sdp)
    } else {
      this.answerTaken = true
      for (const candidate of this.held.splice(0)) this.tell(candidate)
    }
  }

  private describe(sdp: string | undefined): void {
    if (this.state !== 'connecting' || sdp === undefined) return
    this.localSdp = sdp
    this.signals?.describe(sdp)
  }

  /**
   * A caller holds its candidates back until it has taken the answer. With them the other side would begin the DTLS handshake
   * while libdatachannel takes the answer in, which gives it the candidates first and the fingerprint after: a handshake that falls between
   * fails as one with a wrong certificate.
   */
  private tell(candidate: string): void {
    if (this.options.target && !this.answerTaken) this.held.push(candidate)
    else this.signals?.candidate(candidate)
  }

  /** The library keeps every channel that comes for as long as the connection lives, so one too many ends it. */
  private channelCame(channel: RTCDataChannel): void {
    if (this.state === 'ended') return
    if (!this.options.target && !this.channel && channel.label === CHANNEL_LABEL) {
      try {
        this.useChannel(channel)
      } catch (error) {
        this.failed(error)
      }
      return
    }
    this.options.counters.add('webrtc-channel-refused')
    if (this.state !== 'connecting') this.destroy('protocol')
    else this.fail('webrtc-refused', 'the neighbour opened a channel that belongs to no link')
  }

  private useChannel(channel: RTCDataChannel): void {
    this.channel = channel
    channel.binaryType = 'arraybuffer'
    channel.bufferedAmountLowThreshold = CHANNEL_LOW_BYTES
    channel.addEventListener('message', ({ data }: MessageEvent<unknown>) => this.received(data))
    channel.addEventListener('bufferedamountlow', () => this.session?.drained())
    channel.addEventListener('error', () => this.options.counters.add('webrtc-channel-error'))
    channel.addEventListener('close', () => this.destroy('lost'))
    if (channel.readyState === 'open') this.opened()
    else channel.addEventListener('open', () => this.opened())
  }

  private opened(): void {
    if (this.state !== 'connecting') return
    const { options, localSdp, remoteSdp } = this
    const { target } = options
    const value = target ? webrtcBinding(localSdp, remoteSdp) : webrtcBinding(remoteSdp, localSdp)
    const kind = BINDINGS.dtlsFingerprints
    this.state = 'open'
    this.timer.cancel()
    this.signals?.end()
    this.session = new WireSession({
      ...options,
      kind: 'webrtc',
      peer: SOMEWHERE,
      pipe: this,
      role: target
        ? { address: target.address, expectedKey: target.publicKey, binding: { kind, value } }
        : { bindingOf: (asked) => (asked === kind ? value : undefined) },
    })
  }

  private received(data: unknown): void {
    // What comes behind this side's own end is nothing to anybody; only the other side's end counts.
    if (this.state !== 'open' && this.state !== 'closing') return
    if (!(data instanceof ArrayBuffer)) {
      this.options.counters.add('webrtc-text-message')
      this.session?.close('protocol')
      return
    }
    const message = new Uint8Array(data)
    const code = channelEndCode(message)
    if (code !== undefined) this.destroy(closeReasonOf(code))
    else if (this.state === 'closing') return
    else if (!this.session?.authenticated && message.length > MAX_AUTH_MESSAGE_BYTES) {
      this.session?.close('protocol')
    } else this.session?.receive(message)
  }

  private readonly stateChanged = (): void => {
    const { connectionState } = this.peer
    if (connectionState !== 'failed' && connectionState !== 'closed') return
    if (this.state === 'connecting') this.fail('webrtc-unreachable', 'no path to the neighbour was found')
    else this.destroy('lost')
  }

  private failed(cause: unknown): void {
    this.fail('webrtc-refused', 'the WebRTC library does not take what was signalled', cause)
  }

  private fail(code: string, message: string, cause?: unknown): void {
    if (this.state !== 'connecting') return
    this.options.counters.add('webrtc-failed')
    this.destroy('failed')
    this.options.onFailed(new CulvertError(code, message, { cause }))
  }

  private destroy(reason: LinkCloseReason): void {
    if (this.state === 'ended') return
    this.state = 'ended'
    this.timer.cancel()
    this.graceTimer?.cancel()
    this.signals?.end()
    this.session?.closed(reason)
    try {
      this.peer.close()
    } catch {
      this.options.counters.add('webrtc-close-failed')
    }
    this.options.onEnded()
  }
}
