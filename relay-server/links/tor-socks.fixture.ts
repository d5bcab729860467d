import { connect, createServer, type Server, type Socket } from 'node:net'

/** What a SOCKS client asked for. */
export interface Asked {
  readonly user: string
  readonly host: string
  readonly port: number
}

/** Reply codes of SOCKS5, RFC 1928 §6. */
export const SOCKS_REPLY = { granted: 0, hostUnreachable: 4, refused: 5 } as const

/**
 * A SOCKS5 port that is not tor's: it takes user names (RFC 1929), and leads every name to one port of this machine.
 * Enough for one client that says one thing at a time.
 */
export class FakeSocksPort {
  readonly asked: Asked[] = []
  /** Streams that lead through, as the service sees them. */
  readonly through: Socket[] = []
  /** Where everything leads. */
  target = 0
  reply: number = SOCKS_REPLY.granted
  port = 0
  private readonly server: Server
  private readonly sockets = new Set<Socket>()

  constructor() {
    this.server = createServer((socket) => this.greet(socket))
  }

  async start(port = 0): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(port, '127.0.0.1', resolve))
    const address = this.server.address()
    this.port = typeof address === 'object' && address ? address.port : 0
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    if (this.server.listening) await new Promise((resolve) => this.server.close(resolve))
  }

  private greet(socket: Socket): void {
    this.keep(socket)
    socket.once('data', () => {
      socket.write(Uint8Array.of(5, 2))
      socket.once('data', (login: Buffer) => {
        const user = login.subarray(2, 2 + (login[1] ?? 0)).toString('latin1')
        socket.write(Uint8Array.of(1, 0))
        socket.once('data', (request: Buffer) => this.answer(socket, user, request))
      })
    })
  }

  private answer(socket: Socket, user: string, request: Buffer): void {
    const end = 5 + (request[4] ?? 0)
    this.asked.push({
      user,
      host: request.subarray(5, end).toString('latin1'),
      port: request.readUInt16BE(end),
    })
    const says = () => socket.write(Uint8Array.of(5, this.reply, 0, 1, 0, 0, 0, 0, 0, 0))
    if (this.reply !== SOCKS_REPLY.granted) {
      says()
      return
    }
    const onward = connect({ host: '127.0.0.1', port: this.target })
    this.keep(onward)
    this.through.push(onward)
    onward.once('connect', () => {
      says()
      socket.pipe(onward).pipe(socket)
    })
    socket.once('close', () => onward.destroy())
    onward.once('close', () => socket.destroy())
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.sockets.delete(socket))
  }
}
