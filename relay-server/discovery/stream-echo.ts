import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { addressOf, type IpAddress } from '../../shared/bytes/address.ts'
import type { EchoConnection } from '../../shared/trust/exit-probe-stream.ts'

/** Connections at once, in all and of one host; those that have said nothing that is waited for give way, the oldest first. */
const MAX_CONNECTIONS = 256
const MAX_OF_HOST = 8
/** Who says nothing that is waited for is hung up on after this, milliseconds. */
const IDLE_MS = 15_000
/** What the kernel puts before an IPv4 address on a socket for both families. */
const MAPPED = '::ffff:'

export type AcceptStream = (from: IpAddress, connection: EchoConnection) => (bytes: Uint8Array) => void

/** The TCP listener of probes. It says nothing to anybody who does not say first what is waited for. */
export class StreamEcho {
  readonly port: number
  private readonly server: Server
  /** All, the oldest first; with what host each is from, and whether it has said what was waited for. */
  private readonly sockets = new Map<Socket, { readonly host: string; known: boolean }>()

  /**
   * @param port the UDP port's number, which whoever opens ports has thought of; another where it is taken
   * @returns undefined if there can be no listener
   */
  static async listen(host: string, port: number, accept: AcceptStream): Promise<StreamEcho | undefined> {
    return (await StreamEcho.at(host, port, accept)) ?? (await StreamEcho.at(host, 0, accept))
  }

  private static at(host: string, port: number, accept: AcceptStream): Promise<StreamEcho | undefined> {
    return new Promise((resolve) => {
      const server = createServer({ allowHalfOpen: false })
      server.once('error', () => resolve(undefined))
      server.listen({ host, port, exclusive: true }, () => {
        server.removeAllListeners('error')
        resolve(new StreamEcho(server, accept))
      })
    })
  }

  private constructor(server: Server, accept: AcceptStream) {
    this.server = server
    this.port = (server.address() as AddressInfo).port
    // A failing accept (no file descriptors left) ends that connection alone.
    server.on('error', () => undefined)
    server.on('connection', (socket) => this.connected(socket, accept))
  }

  stop(): Promise<void> {
    for (const socket of this.sockets.keys()) socket.destroy()
    return new Promise((resolve) => void this.server.close(() => resolve()))
  }

  private connected(socket: Socket, accept: AcceptStream): void {
    const host = socket.remoteAddress ?? ''
    const from = addressOf(
      host.startsWith(MAPPED) && host.includes('.') ? host.slice(MAPPED.length) : host,
      socket.remotePort ?? 0,
    )
    if (from.kind === 'domain') {
      socket.destroy()
      return
    }
    const visitor = { host: from.host, known: false }
    this.sockets.set(socket, visitor)
    this.makeRoom(from.host)
    socket.setTimeout(IDLE_MS, () => socket.destroy())
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.sockets.delete(socket))
    const take = accept(from, {
      send: (bytes) => {
        visitor.known = true
        socket.write(bytes)
      },
      close: () => socket.destroy(),
    })
    socket.on('data', (data: Buffer) => take(new Uint8Array(data)))
  }

  /** Whoever holds all places open would make honest exits look as if they carried no streams. */
  private makeRoom(host: string): void {
    const visitors = [...this.sockets]
    const ofHost = visitors.filter(([, visitor]) => visitor.host === host)
    const crowd = ofHost.length > MAX_OF_HOST ? ofHost : visitors.length > MAX_CONNECTIONS ? visitors : []
    const leaving = crowd.find(([, { known }]) => !known) ?? crowd[0]
    if (leaving === undefined) return
    this.sockets.delete(leaving[0])
    leaving[0].destroy()
  }
}
