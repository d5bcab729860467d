import { CodecError } from '../../shared/bytes/error.ts'
import type { Shaper } from '../../shared/link/bandwidth.ts'
import { PASSAGE_IDLE_MS, PASSAGE_OPEN_MS } from '../../shared/link/bridge-limits.ts'
import { bridgeTerms } from '../../shared/link/bridge-terms.ts'
import { closeCodeOf, closeReasonOf } from '../../shared/link/close-codes.ts'
import type { LinkCloseReason } from '../../shared/link/link.ts'
import type { MessagePipe } from '../../shared/link/queued-link.ts'
import type { SignalEvents, SignalSession } from '../../shared/link/signalling.ts'
import type { Clock, Timer } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import { BridgeLane } from './bridge-lane.ts'
import { BridgePace } from './bridge-pace.ts'
import type { OpenBridgeSocket } from './bridge-socket.ts'
import type { ChannelSignal, OpenChannelPort } from './channel-messages.ts'
import { DataChannel } from './data-channel.ts'

export interface BridgePassageOptions {
  readonly clock: Clock
  /** `bridge-passage-…` */
  readonly counters: Counters
  readonly openPort: OpenChannelPort
  readonly openSocket: OpenBridgeSocket
  readonly stun: string | undefined
  /** Towards the relay and back, shared by all passages. */
  readonly shapers: { readonly up: Shaper; readonly down: Shaper }
  /** What this passage may be told of the rate, bytes per second. */
  share(): number
  /** There is a data channel with the other page. */
  opened(): void
  passed(bytes: number): void
  /** Once, whoever ended it. */
  onEnd(): void
}

/**
 * One other page on its way through this one: a data channel with it, a WebSocket to this page's own relay, and whole messages
 * between the two, which are sealed for their ends. It ends when either side does.
 */
export class BridgePassage implements SignalEvents {
  private readonly options: BridgePassageOptions
  private readonly session: SignalSession
  private readonly channel: DataChannel
  private readonly up: BridgeLane
  private readonly down: BridgeLane
  private socket: MessagePipe | undefined
  private pace: BridgePace | undefined
  private limit: Timer
  private described = false
  private readonly early: string[] = []
  private heardMs = 0
  private isOver = false

  constructor(options: BridgePassageOptions, session: SignalSession) {
    this.options = options
    this.session = session
    const { openPort, stun, clock, shapers } = options
    this.channel = new DataChannel({
      openPort,
      initiator: false,
      stun,
      onSignal: (signal) => this.signalled(signal),
      onOpen: () => this.opened(),
      onMessage: (message) => {
        this.alive()
        this.up.push(message)
      },
      onClosed: (code) => this.end(code === undefined ? 'lost' : closeReasonOf(code)),
    })
    const lane = (shaper: Shaper, pipe: MessagePipe) =>
      new BridgeLane({
        shaper,
        pipe,
        passed: options.passed,
        onOver: () => {
          options.counters.add('bridge-passage-full')
          this.end('lost')
        },
      })
    this.up = lane(shapers.up, {
      send: (message) => this.socket?.send(message),
      bufferedBytes: () => this.socket?.bufferedBytes() ?? 0,
      close: () => {},
    })
    this.down = lane(shapers.down, this.channel)
    this.limit = clock.after(PASSAGE_OPEN_MS, () => this.end('failed'))
  }

  /** Ends both sides. Idempotent. */
  end(reason: LinkCloseReason): void {
    if (this.isOver) return
    this.isOver = true
    this.limit.cancel()
    this.pace?.stop()
    this.up.end()
    this.down.end()
    this.session.end()
    const code = closeCodeOf(reason)
    this.channel.close(code)
    this.socket?.close(code, reason)
    this.options.onEnd()
  }

  onDescription(sdp: string): void {
    this.channel.signal({ type: 'description', sdp })
  }

  onCandidate(candidate: string): void {
    this.channel.signal({ type: 'candidate', candidate })
  }

  /** The relay has what it needs, or gives up; then no channel will open. */
  onEnd(): void {}

  /** What the browser makes of a stranger's offer may be none of the descriptions that are known. */
  private signalled(signal: ChannelSignal): void {
    try {
      this.answer(signal)
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
      this.options.counters.add('bridge-passage-malformed')
      this.end('failed')
    }
  }

  private answer(signal: ChannelSignal): void {
    if (signal.type === 'candidate') {
      if (this.described) this.session.candidate(signal.candidate)
      else this.early.push(signal.candidate)
    } else if (!this.described) {
      this.described = true
      this.session.describe(signal.sdp)
      for (const candidate of this.early) this.session.candidate(candidate)
    }
  }

  private opened(): void {
    const { clock, counters, openSocket, share } = this.options
    counters.add('bridge-passage-opened')
    this.options.opened()
    this.down.open()
    this.pace = new BridgePace({
      clock,
      share,
      waiting: () => Math.max(this.up.waitingBytes, this.down.waitingBytes),
      tell: (rate) => this.channel.send(bridgeTerms(rate)),
    })
    this.socket = openSocket({
      onOpen: () => {
        this.limit.cancel()
        this.alive()
        this.look()
        this.up.open()
      },
      onMessage: (message) => {
        this.alive()
        this.down.push(message)
      },
      onClosed: (code) => this.end(closeReasonOf(code)),
    })
  }

  private alive(): void {
    this.heardMs = this.options.clock.now()
  }

  /** Nothing has come for a while, and the place is for somebody else. */
  private readonly look = (): void => {
    const idleMs = this.options.clock.now() - this.heardMs
    if (idleMs >= PASSAGE_IDLE_MS) this.end('unneeded')
    else this.limit = this.options.clock.after(PASSAGE_IDLE_MS - idleMs, this.look)
  }
}
