import { type Address, formatAddress, type IpAddress } from '../../shared/bytes/address.ts'
import type { ByteStream, ByteStreamEvents } from '../../shared/stream/byte-stream.ts'
import type { Tunnel, TunnelDatagrams } from './tunnel.ts'

/** A stream whose far side is the test. */
export class FakeStream implements ByteStream {
  readonly destination: string
  readonly events: ByteStreamEvents
  readonly written: Uint8Array[] = []
  log: string[] = []
  /** What `write` answers. */
  room = true

  constructor(destination: Address, events: ByteStreamEvents) {
    this.destination = formatAddress(destination)
    this.events = events
  }

  get text(): string {
    return Buffer.concat(this.written).toString('latin1')
  }

  /** The far side says this. */
  say(text: string): void {
    this.events.data(new Uint8Array(Buffer.from(text, 'latin1')))
  }

  write(chunk: Uint8Array): boolean {
    this.written.push(chunk)
    return this.room
  }

  end(): void {
    this.log.push('end')
  }

  destroy(): void {
    this.log.push('destroy')
  }

  pause(): void {
    this.log.push('pause')
  }

  resume(): void {
    this.log.push('resume')
  }
}

export interface FakeDatagrams extends TunnelDatagrams {
  readonly sent: { readonly to: string; readonly data: Uint8Array }[]
  readonly receive: (origin: IpAddress, data: Uint8Array) => void
  closed: boolean
}

/** A tunnel that goes nowhere and remembers all. */
export class FakeTunnel implements Tunnel {
  readonly streams: FakeStream[] = []
  readonly sockets: FakeDatagrams[] = []
  /** What was asked for by `httpRequest`, as `destination request`. */
  readonly httpRequests: string[] = []
  /** What an exit without streams gets for an answer, if it asks at all. */
  answerHttp: () => string | undefined = () => undefined
  /** Called with every stream that is opened. */
  onStream: (stream: FakeStream) => void = () => {}

  connect = (destination: Address, events: ByteStreamEvents): FakeStream => {
    const stream = new FakeStream(destination, events)
    this.streams.push(stream)
    queueMicrotask(() => this.onStream(stream))
    return stream
  }

  datagrams(receive: (origin: IpAddress, data: Uint8Array) => void): FakeDatagrams {
    const socket: FakeDatagrams = {
      sent: [],
      receive,
      closed: false,
      send: (to, data) => void socket.sent.push({ to: formatAddress(to), data }),
      close: () => {
        socket.closed = true
      },
    }
    this.sockets.push(socket)
    return socket
  }

  async httpRequest(destination: Address, request: Uint8Array): Promise<Uint8Array | undefined> {
    this.httpRequests.push(`${formatAddress(destination)} ${Buffer.from(request).toString('latin1')}`)
    const answer = this.answerHttp()
    return answer === undefined ? undefined : new Uint8Array(Buffer.from(answer, 'latin1'))
  }
}

export const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
