import { createSocket, type Socket } from 'node:dgram'
import { CulvertError } from '../../shared/bytes/error.ts'
import { UDP_SOCKET_BYTES } from './constants.ts'

/**
 * Hosts handed to the socket are addresses already. Without this, node:dgram asks its resolver about each packet's address
 * anew, which costs more than the packet.
 */
function noLookup(
  host: string,
  _family: unknown,
  done: (error: Error | null, address: string, family: number) => void,
): void {
  done(null, host, host.includes(':') ? 6 : 4)
}

/** Ports from `from` to `to`, both included. */
export interface PortRange {
  readonly from: number
  readonly to: number
}

/**
 * A bound UDP socket with buffers as large as the kernel grants. Bound to `::` it is for IPv4 and IPv6; where there is no
 * IPv6, for IPv4.
 * @param port 0 for one of `range`, or without a range a random free one (N-01)
 * @param range if `port` is busy, the next free one of these
 * @throws CulvertError `udp-port-busy`, `udp-bind`
 */
export async function bindUdp(host: string, port: number, range?: PortRange): Promise<Socket> {
  for (const each of portsToTry(port, range)) {
    try {
      return await bindPort(host, each)
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      if (host === '::' && code === 'EAFNOSUPPORT') return bindUdp('0.0.0.0', port, range)
      if (code !== 'EADDRINUSE') throw bindError(host, each, cause)
    }
  }
  throw busyError(host, port, range)
}

/** The port asked for; then those of the range above it, and around again from its start. */
function portsToTry(port: number, range: PortRange | undefined): number[] {
  if (!range) return [port]
  const all = Array.from({ length: range.to - range.from + 1 }, (_, i) => range.from + i)
  if (port === 0) return all
  return [port, ...all.filter((each) => each > port), ...all.filter((each) => each < port)]
}

async function bindPort(host: string, port: number): Promise<Socket> {
  const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', lookup: noLookup as never })
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.bind({ address: host, port, exclusive: true }, () => {
        socket.off('error', reject)
        resolve()
      })
    })
  } catch (error) {
    socket.close()
    throw error
  }
  askFor(socket, 'setRecvBufferSize')
  askFor(socket, 'setSendBufferSize')
  return socket
}

/** Linux grants less than was asked in silence; other systems refuse, so ask for less. */
function askFor(socket: Socket, setSize: 'setRecvBufferSize' | 'setSendBufferSize'): void {
  for (let bytes = UDP_SOCKET_BYTES; bytes >= 65_536; bytes /= 2) {
    try {
      socket[setSize](bytes)
      return
    } catch {
      // Too much for this system's limit.
    }
  }
}

function busyError(host: string, port: number, range: PortRange | undefined): CulvertError {
  const ports = range && `every UDP port from ${range.from} to ${range.to} of ${host} is`
  const alone = `UDP port ${port} of ${host} is`
  const what =
    ports && port !== 0 && (port < range.from || port > range.to)
      ? `${alone}, and ${ports}`
      : (ports ?? alone)
  return new CulvertError(
    'udp-port-busy',
    `${what} in use by another program: stop it, or configure another port`,
  )
}

function bindError(host: string, port: number, cause: unknown): CulvertError {
  const { code } = cause as NodeJS.ErrnoException
  return new CulvertError('udp-bind', `UDP port ${port} of ${host} cannot be bound: ${code}`, { cause })
}
