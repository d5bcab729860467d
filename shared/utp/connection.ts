import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { type Random, uint16 } from '../world/random.ts'
import type { CongestionControl } from './congestion.ts'
import { LINGER_MS, MAX_SYN_RETRY_MS, STALL_SILENCES, SYN_RETRY_MS, type UtpSettings } from './constants.ts'
import type { UtpEnd, UtpEvents } from './events.ts'
import { UTP_TYPE, type UtpHeader } from './header.ts'
import { Held, type Holding } from './holding.ts'
import type { LargePackets } from './large-packets.ts'
import { Outgoing } from './outgoing.ts'
import { Receiver } from './receiver.ts'
import { Sender } from './sender.ts'
import { sequenceDelta, timestampDelta } from './sequence.ts'

const NEVER = Number.POSITIVE_INFINITY
/** A wait shorter than the clock's own rounding would never end. */
const LEAST_WAIT_MS = 0.01

export interface UtpConnectionOptions {
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  readonly settings: UtpSettings
  readonly congestion: CongestionControl
  /** If packets may be larger than `settings.maxPacketBytes` at times. */
  readonly large?: LargePackets | undefined
  /** Bounds what the connection takes up together with others. */
  readonly holding?: Holding | undefined
  readonly events: UtpEvents
  /** Takes a packet for sending; it is the taker's. */
  send(packet: Uint8Array): void
  /** The connection needs no more packets and will send none: its id is free. Called once. */
  released(): void
}

/**
 * - idle: made, neither connected nor accepted
 * - syn-sent: waits for the answer to its SYN
 * - open: at least one direction has not ended
 * - lingering: both directions have ended and the application knows; answers FINs that the far side sends again
 * - gone: nothing more happens
 */
export type UtpState = 'idle' | 'syn-sent' | 'open' | 'lingering' | 'gone'

/** One uTP connection (BEP 29): a reliable stream of bytes both ways over packets that may be lost, late, doubled. */
export class UtpConnection {
  private current: UtpState = 'idle'
  private readonly options: UtpConnectionOptions
  private readonly clock: Clock
  private readonly events: UtpEvents
  private readonly sender: Sender
  private readonly receiver: Receiver
  private readonly out: Outgoing
  private readonly held: Held | undefined
  /** Sequence number of the SYN that we accepted; -1 if we sent it. */
  private acceptedSyn = -1
  private wantsDrained = false
  private newestTimestamp = -1
  private heardAt = 0
  private synAt = 0
  private synWaitMs = SYN_RETRY_MS
  private startedAt = 0
  private endAt = NEVER
  private timer: Timer | undefined
  private timerAt = NEVER

  constructor(options: UtpConnectionOptions) {
    const { settings } = options
    this.options = options
    this.clock = options.clock
    this.events = options.events
    this.sender = new Sender(settings, options.congestion, this.sendData, options.large)
    const { holding, counters } = options
    const takesParts = options.large !== undefined
    const shared = holding && (() => holding.roomBytes)
    this.receiver = new Receiver(settings, counters, options.events, takesParts, shared)
    this.held = holding && new Held(holding, this.sender, this.receiver.window)
    this.out = new Outgoing(options.clock, settings.maxPacketBytes, this.receiver.window, options.send)
    this.heardAt = this.clock.now()
  }

  get state(): UtpState {
    return this.current
  }

  /** The connection id of the packets that we send, SYNs aside. */
  get outgoingId(): number {
    return this.out.sendId
  }

  /** Sends the SYN. @param id our receive id; id and id + 1 must be free with this peer */
  connect(id: number): void {
    this.out.receiveId = id
    this.out.sendId = (id + 1) & 0xffff
    this.out.ourFirst = (uint16(this.options.random) + 1) & 0xffff
    this.startedAt = this.clock.now()
    this.current = 'syn-sent'
    this.sendSyn(this.startedAt)
    this.schedule()
  }

  /** Becomes the far end of the SYN with this header, and answers it. */
  accept(syn: UtpHeader): void {
    this.out.sendId = syn.connectionId
    this.out.receiveId = (syn.connectionId + 1) & 0xffff
    this.acceptedSyn = syn.sequence
    this.out.theirFirst = (syn.sequence + 1) & 0xffff
    this.out.ourFirst = uint16(this.options.random)
    this.current = 'open'
    this.noteHeader(syn, this.clock.now())
    this.sendState()
    this.schedule()
  }

  write(chunk: Uint8Array): boolean {
    if (this.current === 'gone' || this.current === 'lingering' || this.sender.finishing) return true
    const now = this.clock.now()
    this.sender.write(chunk, now)
    if (this.current === 'open') this.sender.pump(now)
    this.schedule()
    const more = this.mayWrite(this.options.settings.sendBufferBytes - 1)
    if (!more) this.wantsDrained = true
    return more
  }

  end(): void {
    if (this.current === 'gone' || this.current === 'lingering') return
    this.sender.finish()
    this.held?.mayNotWrite()
    if (this.current === 'open') this.sender.pump(this.clock.now())
    this.schedule()
  }

  /** Ends both directions at once, telling the far side. */
  destroy(): void {
    if (this.current === 'gone' || this.current === 'lingering') return
    if (this.current !== 'idle') this.out.reset(this.sender.window.next)
    this.abandon()
  }

  /** As `destroy`, but says nothing to the far side. */
  abandon(): void {
    if (this.current === 'lingering') this.leave()
    if (this.current === 'gone') return
    this.leave()
    this.clock.after(0, () => this.events.closed(undefined))
  }

  /** There is room in the memory that it shares with others (Holding). */
  roomMade(): void {
    if (this.current === 'open') this.settle()
  }

  pause(): void {
    this.receiver.paused = true
  }

  resume(): void {
    const { receiver } = this
    if (!receiver.paused) return
    receiver.paused = false
    receiver.give()
    if (this.current !== 'open') return
    // A window that was nearly shut and is open again: the far side waits to hear of it.
    const { roomBytes, heldBytes } = receiver.window
    const half = (roomBytes + heldBytes) / 2
    const opens = this.out.advertised < half && roomBytes > half
    if (opens && !receiver.receivedAll) this.sendState()
    this.settle()
    this.schedule()
  }

  /** Takes in a packet of this connection. @param header its header, just read; payload is kept, so the packet is ours */
  receive(packet: Uint8Array, header: UtpHeader): void {
    if (this.current === 'idle' || this.current === 'gone') return
    const now = this.clock.now()
    if (header.type === UTP_TYPE.reset) {
      this.receivedReset()
      return
    }
    if (header.type === UTP_TYPE.syn) {
      if (header.sequence === this.acceptedSyn) this.sendState(0)
      return
    }
    const opening = this.current === 'syn-sent'
    if (opening && !this.receivedAnswer(header, now)) return
    const { window } = this.sender
    const upTo = window.base + sequenceDelta(header.acknowledged, this.out.ourFirst + window.base - 1)
    if (upTo > window.next) {
      this.options.counters.add('utp-ack-of-unsent')
      return
    }
    this.heardAt = now
    this.noteHeader(header, now)
    if (upTo >= window.base) this.sender.acknowledge(upTo, packet, header, now)
    let ackNow = false
    if (header.type === UTP_TYPE.data || header.type === UTP_TYPE.fin) {
      ackNow = this.receiver.receive(packet, header, this.out.theirFirst, now)
    }
    // From here on the application has its say, which may bring other packets into this header.
    if (opening) this.events.opened()
    this.receiver.give()
    if (this.state === 'gone') return
    if (this.isOpen) this.sender.pump(now)
    if (ackNow && this.receiver.acks.owing) this.sendState()
    this.settle()
    this.schedule()
  }

  /** @returns whether this opened the connection */
  private receivedAnswer(header: UtpHeader, now: number): boolean {
    if (header.type !== UTP_TYPE.state) {
      // Data ahead of the answer: that was lost, or is late. It comes again for another SYN.
      this.synWaitMs = Math.min(this.synWaitMs, now - this.synAt + SYN_RETRY_MS / 10)
      this.schedule()
      return false
    }
    if (header.acknowledged !== ((this.out.ourFirst - 1) & 0xffff)) return false
    // A STATE bears the number that the sender's next data will have (so libutp and libtorrent; BEP 29 reads otherwise).
    this.out.theirFirst = header.sequence
    this.current = 'open'
    return true
  }

  private receivedReset(): void {
    this.options.counters.add('utp-reset-received')
    if (this.current === 'open' && this.receiver.receivedAll && this.sender.onlyFinMissing) {
      // All was said both ways, and the far side has left; what we hold is still to be given.
      this.sender.assumeDone()
      this.settle()
      this.schedule()
    } else {
      this.fail('connection-reset')
    }
  }

  private noteHeader(header: UtpHeader, now: number): void {
    this.out.heard(header, now)
    // Packets that were overtaken tell of a window that is no more.
    if (this.newestTimestamp >= 0 && timestampDelta(header.timestamp, this.newestTimestamp) < 0) return
    this.newestTimestamp = header.timestamp
    this.sender.peerWindowBytes = header.windowBytes
  }

  /** Not a plain comparison, since the application's events may change the state at any time. */
  private get isOpen(): boolean {
    return this.current === 'open'
  }

  /** Tells the application of room, and ends the connection when both directions have. */
  private settle(): void {
    this.held?.tell()
    if (this.wantsDrained && this.mayWrite(this.options.settings.sendBufferBytes / 2)) {
      this.wantsDrained = false
      this.events.drained()
    }
    if (!this.isOpen || !this.receiver.endedGiven || !this.sender.done) return
    this.current = 'lingering'
    this.endAt = this.clock.now() + LINGER_MS
    this.letGo()
    this.events.closed(undefined)
  }

  /** Whether no more than that waits to be sent, and there is memory for what comes next. */
  private mayWrite(mostUnsent: number): boolean {
    if (this.sender.unsentBytes <= mostUnsent) return this.held?.mayWrite() ?? true
    this.held?.mayNotWrite()
    return false
  }

  private fail(reason: UtpEnd): void {
    const told = this.current === 'lingering'
    this.leave()
    if (!told) this.events.closed(reason)
  }

  private leave(): void {
    this.current = 'gone'
    this.timer?.cancel()
    this.timer = undefined
    this.receiver.clear()
    this.letGo()
    this.options.released()
  }

  /** Nothing that is held for sending is needed any more. */
  private letGo(): void {
    this.sender.buffer.clear()
    this.held?.clear()
  }

  private readonly onTimer = (): void => {
    this.timer = undefined
    this.timerAt = NEVER
    const now = this.clock.now()
    if (this.current === 'syn-sent') {
      this.retrySyn(now)
    } else if (this.current === 'lingering') {
      if (now >= this.endAt) this.leave()
    }
    if (this.current === 'open') this.runOpen(now)
    this.schedule()
  }

  private retrySyn(now: number): void {
    if (now >= this.startedAt + this.options.settings.connectTimeoutMs) {
      this.fail('timed-out')
    } else if (now >= this.synAt + this.synWaitMs) {
      this.synWaitMs = Math.min(2 * this.synWaitMs, MAX_SYN_RETRY_MS)
      this.sendSyn(now)
    }
  }

  private runOpen(now: number): void {
    const { sender } = this
    const { silenceTimeoutMs } = this.options.settings
    const owedSince = Math.max(this.heardAt, sender.window.empty ? now : sender.window.oldestSentAt)
    const stalled = sender.stalledMs(now) > STALL_SILENCES * silenceTimeoutMs
    if (stalled || now - owedSince > silenceTimeoutMs) {
      this.out.reset(this.sender.window.next)
      this.fail('timed-out')
      return
    }
    sender.due(now)
    sender.pump(now)
    if (now >= this.receiver.acks.dueAt) this.sendState()
    if (now >= this.keepAliveAt) this.sendState()
    this.settle()
  }

  /** Sees to it that the one timer fires no later than the next thing due. A timer that is early is left. */
  private schedule(): void {
    const due = this.dueAt
    if (due === NEVER || (this.timer !== undefined && this.timerAt <= due)) return
    this.timer?.cancel()
    this.timerAt = due
    const wait = due - this.clock.now()
    this.timer = this.clock.after(wait <= 0 ? 0 : Math.max(wait, LEAST_WAIT_MS), this.onTimer)
  }

  private get dueAt(): number {
    switch (this.current) {
      case 'syn-sent':
        return Math.min(this.synAt + this.synWaitMs, this.startedAt + this.options.settings.connectTimeoutMs)
      case 'open':
        return Math.min(this.sender.dueAt, this.receiver.acks.dueAt, this.keepAliveAt)
      case 'lingering':
        return this.endAt
      default:
        return NEVER
    }
  }

  private get keepAliveAt(): number {
    const { keepAliveMs } = this.options.settings
    const over = this.receiver.receivedAll && this.sender.done
    return keepAliveMs > 0 && !over ? this.out.spokeAt + keepAliveMs : NEVER
  }

  private readonly sendData = (index: number, fin: boolean, inParts: boolean): void => {
    // What was sent just before may have ended everything.
    if (this.current === 'gone') return
    // Data packets bear no selective ack: with a gap, the far side still needs to be told.
    if (!this.receiver.window.hasGap) this.receiver.acks.sent()
    if (inParts) this.out.dataInParts(this.sender, index)
    else this.out.data(this.sender, index, fin)
  }

  private sendSyn(now: number): void {
    this.synAt = now
    this.out.syn()
  }

  /** @param next index of our next data packet, as told to the far side */
  private sendState(next = this.sender.window.next): void {
    this.receiver.acks.sent()
    this.out.state(next)
  }
}
