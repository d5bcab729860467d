import { EventEmitter } from 'node:events'
import { addressOf } from '../../shared/bytes/address.ts'
import { currentTunnel } from './current-tunnel.ts'
import { CircuitSocket } from './socket.ts'

/** In place of Node's `net`: TCP connections leave at the exit of a circuit (requirement C-07). */

export interface ConnectOptions {
  readonly host: string
  readonly port: number | string
}

export function connect(options: ConnectOptions): CircuitSocket {
  const { host } = options
  const port = Number(options.port)
  return new CircuitSocket(host, port, (events) => currentTunnel().connect(addressOf(host, port), events))
}

export const createConnection = connect

/**
 * A server that nobody reaches: an exit takes no connections for a circuit. It exists because WebTorrent wants to tell
 * trackers a port; a random one, so that two torrents cannot be tied together by it.
 */
export class Server extends EventEmitter {
  private port = 0

  listen(port: number, listening?: () => void): this {
    this.port = port || randomPort()
    queueMicrotask(() => {
      this.emit('listening')
      listening?.()
    })
    return this
  }

  address(): { address: string; family: string; port: number } {
    return { address: '0.0.0.0', family: 'IPv4', port: this.port }
  }

  close(closed?: () => void): this {
    queueMicrotask(() => {
      this.emit('close')
      closed?.()
    })
    return this
  }
}

export function createServer(): Server {
  return new Server()
}

/** 4, 6, or 0 for a name. */
export function isIP(host: string): 0 | 4 | 6 {
  const { kind } = addressOf(host, 0)
  if (kind === 'domain' || host.startsWith('[')) return 0
  return kind === 'ipv4' ? 4 : 6
}

export const isIPv4 = (host: string) => isIP(host) === 4
export const isIPv6 = (host: string) => isIP(host) === 6

/** A port of the dynamic range, 49152 to 65534 (RFC 6335 §6). */
export function randomPort(): number {
  const [random = 0] = crypto.getRandomValues(new Uint16Array(1))
  return 49_152 + (random % 16_383)
}

export default { connect, createConnection, createServer, Server, isIP, isIPv4, isIPv6 }
