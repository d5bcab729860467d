import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { HOST } from './wires.fixture.ts'

/** Passes bytes on between a port of its own and another, blindly, until it is told to stand still. */
export class ByteProxy {
  private readonly server: Server
  private readonly sockets = new Set<Socket>()
  private frozen = false

  private constructor(toPort: number) {
    this.server = createServer((inner) => {
      const outer = connect(toPort, HOST)
      this.join(inner, outer)
      this.join(outer, inner)
    })
  }

  static async to(toPort: number): Promise<ByteProxy> {
    const proxy = new ByteProxy(toPort)
    await new Promise<void>((resolve) => proxy.server.listen(0, HOST, resolve))
    return proxy
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  /** Takes what comes and passes nothing on, ends neither: both sides seem to be there. */
  freeze(): void {
    this.frozen = true
  }

  /** Ends both sides as a crashed machine's router does. */
  cut(): void {
    for (const socket of this.sockets) socket.resetAndDestroy()
  }

  stop(): void {
    for (const socket of this.sockets) socket.destroy()
    this.server.close()
  }

  private join(from: Socket, to: Socket): void {
    this.sockets.add(from)
    from.on('data', (bytes) => {
      if (!this.frozen && !to.write(bytes)) from.pause()
    })
    to.on('drain', () => from.resume())
    from.on('end', () => this.frozen || to.end())
    from.on('error', () => {})
    from.on('close', () => {
      this.sockets.delete(from)
      if (!this.frozen) to.destroy()
    })
  }
}
