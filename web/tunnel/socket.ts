import { Duplex } from 'streamx'
import { concat } from '../../shared/bytes/bytes.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import type { ByteStream, ByteStreamEvents, StreamEnd } from '../../shared/stream/byte-stream.ts'

type Done = (error: Error | null) => void

/** A stream of the tunnel ended other than in order. `code` is the reason, e.g. `connection-refused`. */
export class SocketError extends CulvertError {}

/**
 * A connection that looks like Node's `net.Socket`, as far as WebTorrent looks: connect, data, drain, end, finish, error,
 * close. What opens the connection is handed in, so TCP and uTP share it.
 */
export class CircuitSocket extends Duplex {
  /** As asked for: the name or address of the far side. */
  readonly remoteAddress: string
  readonly remotePort: number
  readonly remoteFamily = 'IPv4'
  private readonly stream: ByteStream
  private blocked: Done | undefined
  private closed = false

  constructor(host: string, port: number, open: (events: ByteStreamEvents) => ByteStream) {
    super()
    this.remoteAddress = host
    this.remotePort = port
    this.stream = open({
      opened: () => {},
      data: (chunk) => {
        if (!this.push(chunk)) this.stream.pause()
      },
      drained: () => this.unblock(),
      ended: () => {
        this.push(null)
      },
      closed: (reason) => this.onClosed(reason),
    })
    // At once, before the far side has answered: WebTorrent's five seconds for connecting, too short for a circuit, then do
    // not apply. What it writes waits below (uTP sends nothing until its SYN is answered) and goes out with the answer.
    queueMicrotask(() => {
      if (!this.destroying) this.emit('connect')
    })
  }

  override _read(done: Done): void {
    this.stream.resume()
    done(null)
  }

  override _writev(batch: unknown[], done: Done): void {
    const chunks = batch.filter((chunk) => chunk instanceof Uint8Array)
    const [first] = chunks
    // A turn's requests are many and small: as one they fill packets.
    const whole = chunks.length === 1 && first ? first : concat(...chunks)
    if (this.stream.write(whole) || this.closed) done(null)
    else this.blocked = done
  }

  override _final(done: Done): void {
    this.stream.end()
    done(null)
  }

  override _predestroy(): void {
    this.unblock()
  }

  override _destroy(done: Done): void {
    if (!this.closed) this.stream.destroy()
    done(null)
  }

  /** Circuits send at once; there is no Nagle to switch off. */
  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  private unblock(): void {
    const done = this.blocked
    this.blocked = undefined
    done?.(null)
  }

  private onClosed(reason: StreamEnd | undefined): void {
    this.closed = true
    this.unblock()
    if (this.destroying) return
    if (reason === undefined) this.destroy()
    else this.destroy(new SocketError(reason, `the connection ended: ${reason}`))
  }
}
