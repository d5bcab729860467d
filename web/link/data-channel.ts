import { channelEnd, channelEndCode } from '../../shared/link/channel-end.ts'
import type { MessagePipe } from '../../shared/link/queued-link.ts'
import type {
  ChannelCommand,
  ChannelReport,
  ChannelRequest,
  ChannelSignal,
  OpenChannelPort,
} from './channel-messages.ts'

export interface DataChannelOptions extends ChannelRequest {
  readonly openPort: OpenChannelPort
  /** To be brought to the far end. */
  onSignal(signal: ChannelSignal): void
  onOpen(): void
  /** One message, which belongs to the receiver; never before `onOpen`. */
  onMessage(message: Uint8Array): void
  /** There is room again below `bufferedBytes`. */
  onWritten?(): void
  /**
   * Once, unless this end has closed. Also of a channel that never opened.
   * @param code the far end's close code, if it gave one
   */
  onClosed(code: number | undefined): void
}

/**
 * The worker's end of a WebRTC data channel (ordered, reliable) that lives on the main thread. A pipe of messages for
 * `QueuedLink`, once it is open.
 */
export class DataChannel implements MessagePipe {
  private readonly options: DataChannelOptions
  private readonly port: MessagePort
  private state: 'opening' | 'open' | 'closed' = 'opening'
  private buffered = 0

  constructor(options: DataChannelOptions) {
    this.options = options
    const { openPort, initiator, stun } = options
    this.port = openPort({ initiator, stun })
    this.port.onmessage = ({ data }: MessageEvent<ChannelReport>) => this.receive(data)
  }

  get open(): boolean {
    return this.state === 'open'
  }

  /** Takes a signal that came from the far end. */
  signal(signal: ChannelSignal): void {
    this.tell(signal)
  }

  send(message: Uint8Array): void {
    if (this.state !== 'open') return
    // A message of its own memory goes to the main thread without a copy.
    const { buffer, byteLength } = message
    const whole = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength
    const bytes = whole ? buffer : message.slice().buffer
    this.buffered += byteLength
    this.port.postMessage(bytes, [bytes])
  }

  bufferedBytes(): number {
    return this.buffered
  }

  /** Data channels have no close codes: it goes as a last message (channel-end.ts). Idempotent. */
  close(code?: number): void {
    if (this.state === 'closed') return
    if (code !== undefined) this.send(channelEnd(code))
    this.tell({ type: 'close' })
    this.end()
  }

  private receive(report: ChannelReport): void {
    if (this.state === 'closed') return
    if (report instanceof ArrayBuffer) {
      this.heard(new Uint8Array(report))
    } else if (report.type === 'description' || report.type === 'candidate') {
      this.options.onSignal(report)
    } else if (report.type === 'open') {
      this.state = 'open'
      this.options.onOpen()
    } else if (report.type === 'written') {
      this.buffered -= report.bytes
      this.options.onWritten?.()
    } else {
      this.closed(undefined)
    }
  }

  private heard(message: Uint8Array): void {
    const code = channelEndCode(message)
    if (code === undefined) {
      this.options.onMessage(message)
      return
    }
    this.tell({ type: 'close' })
    this.closed(code)
  }

  private closed(code: number | undefined): void {
    this.end()
    this.options.onClosed(code)
  }

  private end(): void {
    this.state = 'closed'
    this.port.close()
  }

  private tell(command: ChannelCommand): void {
    if (this.state !== 'closed') this.port.postMessage(command)
  }
}
