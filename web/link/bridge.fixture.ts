import type { SignalSession } from '../../shared/link/signalling.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { Counters } from '../../shared/world/counters.ts'
import type { BridgeSocketEvents } from './bridge-socket.ts'
import type { ChannelCommand, ChannelReport, ChannelRequest } from './channel-messages.ts'

export function world() {
  return { clock: new VirtualClock(), counters: new Counters(), random: new SeededRandom(11) }
}

/** The main thread's end of one data channel, played by a test. Nothing waits for an event loop. */
export class PlayedChannel {
  readonly request: ChannelRequest
  readonly commands: ChannelCommand[] = []
  /** Whether messages count as written as soon as they are sent. */
  writes = true
  closed = false
  private onReport: (event: { data: ChannelReport }) => void = () => {}
  readonly port: MessagePort

  constructor(request: ChannelRequest) {
    this.request = request
    const channel = this
    this.port = {
      set onmessage(listener: (event: { data: ChannelReport }) => void) {
        channel.onReport = listener
      },
      postMessage: (command: ChannelCommand) => this.heard(command),
      close: () => {
        this.closed = true
      },
    } as unknown as MessagePort
  }

  /** Messages that were sent over the channel. */
  get sent(): Uint8Array[] {
    return this.commands.flatMap((each) => (each instanceof ArrayBuffer ? [new Uint8Array(each)] : []))
  }

  report(report: ChannelReport): void {
    this.onReport({ data: report })
  }

  /** A message of the far end. */
  message(bytes: Uint8Array): void {
    this.report(bytes.slice().buffer as ArrayBuffer)
  }

  private heard(command: ChannelCommand): void {
    this.commands.push(command)
    if (command instanceof ArrayBuffer && this.writes) {
      this.report({ type: 'written', bytes: command.byteLength })
    }
  }
}

/** A WebSocket to the relay, played by a test. */
export class PlayedSocket {
  readonly events: BridgeSocketEvents
  readonly sent: Uint8Array[] = []
  buffered = 0
  closedWith: number | undefined

  constructor(events: BridgeSocketEvents) {
    this.events = events
  }

  send(message: Uint8Array): void {
    this.sent.push(message)
  }

  bufferedBytes(): number {
    return this.buffered
  }

  close(code: number): void {
    this.closedWith = code
  }
}

/** A call of the relay, played by a test. */
export class PlayedSession implements SignalSession {
  readonly initiated = false
  readonly peer = new Uint8Array(20)
  open = true
  readonly described: string[] = []
  readonly candidates: string[] = []

  describe(sdp: string): void {
    this.described.push(sdp)
  }

  candidate(candidate: string): void {
    this.candidates.push(candidate)
  }

  end(): void {
    this.open = false
  }
}

export const CANDIDATE = 'candidate:1 1 UDP 2130706431 127.0.0.1 4000 typ host'
