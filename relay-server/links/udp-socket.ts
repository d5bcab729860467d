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

/**
 * A bound UDP socket with buffers as large as the kernel grants.
 * @param port 0 for a free one of the kernel's choice
 * @throws CulvertError `udp-port-busy`, `udp-bind`
 */
export async function bindUdp(host: string, port: number): Promise<Socket> {
  const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', lookup: noLookup as never })
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.bind({ address: host, port, exclusive: true }, () => {
        socket.off('error', reject)
        resolve()
      })
    })
  } catch (cause) {
    socket.close()
    throw bindError(host, port, cause)
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

function bindError(host: string, port: number, cause: unknown): CulvertError {
  const code = (cause as NodeJS.ErrnoException).code
  if (code === 'EADDRINUSE') {
    const message = `UDP port ${port} of ${host} is in use by another program: stop it, or configure another port`
    return new CulvertError('udp-port-busy', message, { cause })
  }
  return new CulvertError('udp-bind', `UDP port ${port} of ${host} cannot be bound: ${code}`, { cause })
}
