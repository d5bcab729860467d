import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Clock } from '../../shared/world/clock.ts'
import type { Certificates } from '../links/certificates.ts'
import { CLOSE_GRACE_MS, HTTP_HEADER_BYTES, HTTP_REQUEST_MS } from './constants.ts'

/**
 * A port where requests come in. What comes in at the onion service's is known by that alone: its streams come from this
 * machine, whoever is at their other end, and may claim any Host.
 */
export interface Door {
  readonly server: Server | TlsServer
  /** All that came in and is open, whatever it has become: the server knows neither WebSockets nor TLS handshakes any more. */
  readonly sockets: ReadonlySet<Socket>
  /** Set where everything comes through an onion service: its name, once it is known. */
  readonly onion?: () => string | undefined
}

/** With certificates, of https. Both kinds are the same to everything above. */
export function doorOf(certificates?: Certificates, onion?: () => string | undefined): Door {
  const server = serverOf(certificates)
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return { server, sockets, ...(onion ? { onion } : {}) }
}

function serverOf(certificates: Certificates | undefined): Server | TlsServer {
  const limits = {
    maxHeaderSize: HTTP_HEADER_BYTES,
    headersTimeout: HTTP_REQUEST_MS,
    requestTimeout: HTTP_REQUEST_MS,
  }
  if (!certificates) return createServer(limits)
  const server = createTlsServer({ ...limits, ...certificates.context, handshakeTimeout: HTTP_REQUEST_MS })
  // A neighbour that speaks no TLS, or gives up: unheard, his socket would stay half open.
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  server.on('close', certificates.keepFresh(server))
  return server
}

/** Takes no more, and gives what is under way a moment to end: then all of it is cut off. */
export function shut({ server, sockets }: Door, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    if (!server.listening) {
      resolve()
      return
    }
    const cutOff = clock.after(CLOSE_GRACE_MS, () => {
      for (const socket of sockets) socket.destroy()
    })
    server.close(() => {
      cutOff.cancel()
      resolve()
    })
    server.closeIdleConnections()
  })
}

/** Whether a request that came through the onion service names it: anything else is none of its business. */
export function isForOnion(request: IncomingMessage, onion: string | undefined): boolean {
  const [host = ''] = (request.headers.host ?? '').toLowerCase().split(':', 1)
  return onion !== undefined && host === onion
}
