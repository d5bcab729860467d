import type { LookupFunction } from 'node:net'
import { WebSocket } from 'ws'
import type { IpAddress } from '../../shared/bytes/address.ts'
import { type ChannelBinding, NO_BINDING } from '../../shared/link/auth-binding.ts'
import { MAX_MESSAGE_BYTES } from '../../shared/link/constants.ts'
import { dialling, unreachable } from '../../shared/link/dialling.ts'
import { type LinkAddress, websocketUrlOf } from '../../shared/link/link-address.ts'
import type { Dialler, DialSignal, DialTarget, Wire } from '../../shared/link/wire.ts'
import type { WireIdentity } from '../../shared/link/wire-session.ts'
import type { Clock, Timer } from '../../shared/world/clock.ts'
import { HTTP_HEADER_BYTES } from '../gateway/constants.ts'
import { CONNECT_TIMEOUT_MS, WEBSOCKET_IDLE_MS } from './constants.ts'
import type { Destinations } from './destinations.ts'
import { tlsBinding } from './tls-binding.ts'
import { WebSocketWire } from './websocket-wire.ts'

export interface WebSocketDiallerOptions extends WireIdentity {
  readonly destinations: Destinations
  /** A silent neighbour is asked for a sign of life after this long, and given up after as long again. */
  readonly idleMs?: number
}

/**
 * Links of this relay to the gateways of others, over ws: or wss: (L-01). As over TCP, no certificate is looked at; over wss:
 * the authentication is tied to the TLS connection, which the other gateway must end itself.
 */
export class WebSocketDialler implements Dialler {
  readonly kind = 'websocket'
  private readonly options: WebSocketDiallerOptions

  constructor(options: WebSocketDiallerOptions) {
    this.options = options
  }

  canDial({ kind, at }: LinkAddress): boolean {
    return kind === 'websocket' && this.options.destinations.mayDial(at)
  }

  /** @throws CulvertError as of Dialler */
  async dial(target: DialTarget, signal?: DialSignal): Promise<Wire> {
    const { destinations, clock, idleMs = WEBSOCKET_IDLE_MS } = this.options
    const { address, publicKey } = target
    if (address.kind !== 'websocket') throw unreachable()
    const to = await destinations.resolve(address.at)
    return dialling({ clock, signal, timeoutMs: CONNECT_TIMEOUT_MS }, ({ onWire, onFailed, connected }) => {
      const socket = open(websocketUrlOf(address), to)
      let binding: ChannelBinding | undefined
      let wire: WebSocketWire | undefined
      const failed = (cause?: unknown) => onFailed(unreachable(cause))
      socket.on('error', failed)
      const ended = () => failed()
      socket.once('close', ended)
      socket.once('upgrade', (response) => {
        binding = address.tls ? tlsBinding(response.socket) : NO_BINDING
      })
      socket.once('open', () => {
        connected()
        if (!binding) {
          socket.terminate()
          return
        }
        socket.off('close', ended)
        const role = { address, expectedKey: publicKey, binding }
        wire = new WebSocketWire({ ...this.options, socket, peer: to, role, onWire, onFailed })
        watch(wire, socket, clock, idleMs)
      })
      return () => {
        if (wire) wire.stop('unneeded')
        else socket.terminate()
      }
    })
  }
}

/** Connects to `to`, whatever the name in `url` means by now. Follows no redirect, offers no compression. */
function open(url: string, to: IpAddress): WebSocket {
  const family = to.kind === 'ipv4' ? 4 : 6
  const lookup: LookupFunction = (_host, { all }, done) => {
    if (all) done(null, [{ address: to.host, family }])
    else done(null, to.host, family)
  }
  return new WebSocket(url, {
    lookup,
    followRedirects: false,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    autoPong: false,
    maxHeaderSize: HTTP_HEADER_BYTES,
    minVersion: 'TLSv1.3',
    rejectUnauthorized: false,
  })
}

/** As the gateway does at the other end: a neighbour that vanished without a word is found out. */
function watch(wire: WebSocketWire, socket: WebSocket, clock: Clock, idleMs: number): void {
  let timer: Timer | undefined
  const next = () => {
    timer = clock.after(idleMs, () => {
      wire.checkAlive()
      next()
    })
  }
  next()
  socket.once('close', () => timer?.cancel())
}
