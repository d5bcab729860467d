import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { connect, isIP, type Socket } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import { datagram, FRAME, frame, parseDatagram, parseFrame } from './bridge-frames.ts'

/**
 * Stands in for circuits where only the engine is tested: a WebSocket that opens real TCP and UDP sockets on this machine.
 * It notes the destinations asked for, as an exit's log would.
 */
export class BridgeServer {
  readonly destinations: string[] = []
  private readonly server: WebSocketServer

  constructor(server: WebSocketServer) {
    this.server = server
    server.on('connection', (page) => this.serve(page))
  }

  static async listen(): Promise<BridgeServer> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
    await new Promise((resolve) => server.once('listening', resolve))
    return new BridgeServer(server)
  }

  get port(): number {
    const address = this.server.address()
    return typeof address === 'object' && address ? address.port : 0
  }

  close(): void {
    for (const page of this.server.clients) page.terminate()
    this.server.close()
  }

  private serve(page: WebSocket): void {
    const streams = new Map<number, Socket>()
    const sockets = new Map<number, UdpSocket>()
    const send = (kind: number, id: number, payload?: Uint8Array) => page.send(frame(kind, id, payload))
    page.on('close', () => {
      for (const stream of streams.values()) stream.destroy()
      for (const socket of sockets.values()) socket.close()
    })
    page.on('message', (bytes: Buffer) => {
      const { kind, id, payload } = parseFrame(bytes)
      const stream = streams.get(id)
      const socket = sockets.get(id)
      if (kind === FRAME.open) streams.set(id, this.openTcp(id, payload, send))
      else if (kind === FRAME.data) stream?.write(payload)
      else if (kind === FRAME.end) stream?.end()
      else if (kind === FRAME.closed) stream?.destroy()
      else if (kind === FRAME.pause) stream?.pause()
      else if (kind === FRAME.resume) stream?.resume()
      else if (kind === FRAME.udpOpen) sockets.set(id, this.openUdp(id, send))
      else if (kind === FRAME.udp) this.sendUdp(socket, payload)
      else if (kind === FRAME.udpClose) {
        socket?.close()
        sockets.delete(id)
      }
    })
  }

  private openTcp(id: number, where: Uint8Array, send: Send): Socket {
    const { host, port } = parseDatagram(where)
    this.destinations.push(`tcp ${host}:${port}`)
    const stream = connect({ host: resolved(host), port, allowHalfOpen: true })
    stream.setNoDelay(true)
    stream.on('connect', () => send(FRAME.opened, id))
    stream.on('data', (data) => send(FRAME.data, id, data))
    stream.on('end', () => send(FRAME.end, id))
    stream.on('error', () => {})
    stream.on('close', (failed) => send(FRAME.closed, id, new Uint8Array([failed ? 1 : 0])))
    return stream
  }

  private openUdp(id: number, send: Send): UdpSocket {
    const socket = createSocket('udp4')
    socket.on('message', (data, { address, port }) => send(FRAME.udp, id, datagram(address, port, data)))
    socket.on('error', () => {})
    socket.bind(0, '127.0.0.1')
    return socket
  }

  private sendUdp(socket: UdpSocket | undefined, payload: Uint8Array): void {
    const { host, port, data } = parseDatagram(payload)
    this.destinations.push(`udp ${host}:${port}`)
    socket?.send(data, port, resolved(host))
  }
}

/** Names are resolved here, as at an exit: all of them to this machine. */
function resolved(host: string): string {
  return isIP(host) ? host : '127.0.0.1'
}

type Send = (kind: number, id: number, payload?: Uint8Array) => void
