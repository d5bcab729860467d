import { EventEmitter } from 'node:events'
import { addressOf } from '../../shared/bytes/address.ts'
import { isVirtualHost } from '../../shared/hidden/hidden-peer.ts'
import { currentTunnel } from './current-tunnel.ts'
import { currentHiddenStreams } from './hidden-streams.ts'
import { UTP_HEAD_START_MS } from './limits.ts'
import { RacingStream } from './race.ts'
import { CircuitSocket } from './socket.ts'
import { openUtp } from './utp-streams.ts'

/**
 * In place of WebTorrent's uTP binding (requirement W-04). WebTorrent would try uTP four times, half a minute, before it
 * tries TCP; here one connection tries TCP first, uTP 1.5 s later, and stays with the first that opens and over which the peer
 * says something. A hidden peer is reached by uTP through its own circuit, and by nothing else.
 */
export function connect(port: number, host: string): CircuitSocket {
  const hidden = isVirtualHost(host) ? currentHiddenStreams() : undefined
  if (hidden) return hidden.connect(host, port)
  const destination = addressOf(host, port)
  const tunnel = currentTunnel()
  return new CircuitSocket(
    host,
    port,
    (events) =>
      new RacingStream(
        (tcp) => tunnel.connect(destination, tcp),
        (utp) => openUtp(tunnel, destination, utp),
        UTP_HEAD_START_MS,
        events,
      ),
  )
}

/** A server through which WebTorrent makes its connections, and which none but hidden peers reach (see net.ts). */
export class Server extends EventEmitter {
  listen(_port: number): void {
    const hidden = currentHiddenStreams()
    if (hidden) hidden.onConnection = (socket) => this.emit('connection', socket)
    queueMicrotask(() => this.emit('listening'))
  }

  readonly connect = connect

  setSendBufferSize(): void {}

  setRecvBufferSize(): void {}

  /** Nothing to wait for. The callback is WebTorrent's for the TCP server as well, which calls it. */
  close(): void {}
}

export function createServer(): Server {
  return new Server()
}

export default { connect, createServer }
