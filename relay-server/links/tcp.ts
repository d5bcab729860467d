import { createServer, type Server, type Socket } from 'node:net'
import { connect, createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls'
import { addressOf, type IpAddress } from '../../shared/bytes/address.ts'
import { BucketsBySource } from '../../shared/ipv8/buckets-by-source.ts'
import { siteOf } from '../../shared/ipv8/network-of.ts'
import { TokenBucket } from '../../shared/ipv8/token-bucket.ts'
import { BINDINGS } from '../../shared/link/auth-binding.ts'
import { dialling, unreachable } from '../../shared/link/dialling.ts'
import type { LinkAddress } from '../../shared/link/link-address.ts'
import type { Dialler, DialSignal, DialTarget, Wire, WireListener } from '../../shared/link/wire.ts'
import type { WireIdentity } from '../../shared/link/wire-session.ts'
import type { Timer } from '../../shared/world/clock.ts'
import { isUnspecified } from '../endpoints.ts'
import { Admission, plainHost } from '../gateway/admission.ts'
import { listening } from '../listening.ts'
import type { Certificates } from './certificates.ts'
import { ACCEPT_TIMEOUT_MS, CONNECT_TIMEOUT_MS, TCP_LIMITS, TCP_RATE } from './constants.ts'
import type { Destinations } from './destinations.ts'
import { StreamWire } from './stream-wire.ts'
import { tlsBinding } from './tls-binding.ts'

/*
 * Links over TCP with TLS 1.3 (L-01, L-03). No certificate is looked at: the keys are proved by link authentication, whose
 * signatures are tied to this one TLS connection, so that nobody can sit between.
 */

export interface TcpDiallerOptions extends WireIdentity {
  readonly destinations: Destinations
  readonly silenceMs?: number
}

export class TcpDialler implements Dialler {
  readonly kind = 'tcp'
  private readonly options: TcpDiallerOptions

  constructor(options: TcpDiallerOptions) {
    this.options = options
  }

  canDial({ kind, at }: LinkAddress): boolean {
    return kind === 'tcp' && this.options.destinations.mayDial(at)
  }

  /** @throws CulvertError as of Dialler */
  async dial(target: DialTarget, signal?: DialSignal): Promise<Wire> {
    const { destinations, clock } = this.options
    const { address, publicKey } = target
    if (address.kind !== 'tcp') throw unreachable()
    const to = await destinations.resolve(address.at)
    return dialling({ clock, signal, timeoutMs: CONNECT_TIMEOUT_MS }, ({ onWire, onFailed, connected }) => {
      const socket = connect({
        host: to.host,
        port: to.port,
        minVersion: 'TLSv1.3',
        rejectUnauthorized: false,
      })
      let wire: StreamWire | undefined
      const failed = (cause?: unknown) => onFailed(unreachable(cause))
      socket.on('error', failed)
      const ended = () => failed()
      socket.once('close', ended)
      socket.once('secureConnect', () => {
        connected()
        const binding = tlsBinding(socket)
        if (!binding) {
          socket.destroy()
          return
        }
        socket.off('close', ended)
        const role = { address, expectedKey: publicKey, binding }
        wire = new StreamWire({ ...this.options, kind: 'tcp', socket, peer: to, role, onWire, onFailed })
      })
      return () => {
        if (wire) wire.stop('unneeded')
        else socket.destroy()
      }
    })
  }
}

export interface TcpListenerOptions extends WireIdentity {
  readonly host: string
  /** 0 for a free one. */
  readonly port: number
  /** Address or name at which others reach the port, if it is another than `host`. */
  readonly publicHost?: string | undefined
  readonly publicPort?: number | undefined
  readonly limits?: { readonly connections: number; readonly connectionsPerAddress: number }
  /** How often one IPv4 address or IPv6 /64 may connect. */
  readonly rate?: { readonly perSecond: number; readonly burst: number }
  readonly certificates: Certificates
  /** Whether others may be told of an address: never of a private one, outside a lab. */
  mayReach(address: IpAddress): boolean
  readonly silenceMs?: number
  onWire(wire: Wire): void
}

/** A connection that was let in. */
interface Accepted {
  readonly socket: Socket
  /** Ends it, if it is no wire when its time is over. */
  readonly timer: Timer
  wire: StreamWire | undefined
}

/** Counts `tcp-admitted`, `tcp-limit-…`, `tcp-timeout`, `tcp-handshake-failed`, `tcp-auth-…`, `tcp-accept-failed`. */
export class TcpListener implements WireListener {
  readonly kind = 'tcp'
  private readonly options: TcpListenerOptions
  private readonly admission: Admission
  private readonly rate: BucketsBySource
  private readonly server: Server
  /** Does not listen itself: gets the connections that are let in. */
  private readonly tls: TlsServer
  /** By the neighbour's address and port. */
  private readonly accepted = new Map<string, Accepted>()
  private bound: IpAddress | undefined
  private release: (() => void) | undefined
  private stopping: Promise<void> | undefined

  constructor(options: TcpListenerOptions) {
    this.options = options
    this.admission = new Admission(options.limits ?? TCP_LIMITS)
    const { perSecond, burst } = options.rate ?? TCP_RATE
    this.rate = new BucketsBySource(() => new TokenBucket(options.clock, perSecond, burst))
    this.server = createServer({ noDelay: true }, (socket) => this.admit(socket))
    this.tls = createTlsServer(options.certificates.context, (socket) => this.secured(socket))
    // Somebody who speaks no TLS 1.3, or gave up. The connection ends with its socket.
    this.tls.on('tlsClientError', (_error, socket) => {
      this.options.counters.add('tcp-handshake-failed')
      socket.destroy()
    })
  }

  /** Connections that have been let in. */
  get size(): number {
    return this.accepted.size
  }

  /** @throws CulvertError `link-port-busy`, `link-bind` */
  async start(): Promise<void> {
    const { host, port, certificates, counters } = this.options
    await listening(this.server, { host, port }, { busy: 'link-port-busy', bind: 'link-bind' })
    // Such as no descriptor left to accept with: a connection lost, which unheard would end the process.
    this.server.on('error', () => counters.add('tcp-accept-failed'))
    const address = this.server.address() as { address: string; port: number }
    this.bound = addressOf(address.address, address.port) as IpAddress
    this.release = certificates.keepFresh(this.tls)
  }

  addresses(): readonly LinkAddress[] {
    const { publicHost, publicPort, mayReach } = this.options
    const { bound } = this
    if (!bound) return []
    const port = publicPort ?? bound.port
    if (publicHost !== undefined) return [{ kind: 'tcp', at: addressOf(publicHost, port) }]
    return isUnspecified(bound) || !mayReach(bound) ? [] : [{ kind: 'tcp', at: { ...bound, port } }]
  }

  stop(): Promise<void> {
    this.stopping ??= new Promise((resolve) => {
      this.release?.()
      for (const { wire, socket } of this.accepted.values()) {
        if (wire) wire.stop('shutdown')
        else socket.destroy()
      }
      if (this.server.listening) this.server.close(() => resolve())
      else resolve()
    })
    return this.stopping
  }

  private admit(socket: Socket): void {
    const { clock, counters } = this.options
    const host = plainHost(socket.remoteAddress ?? '')
    const verdict = this.judge(host)
    if (verdict !== 'admitted') {
      counters.add(`tcp-${verdict}`)
      socket.destroy()
      return
    }
    counters.add('tcp-admitted')
    const name = nameOf(socket)
    const timer = clock.after(ACCEPT_TIMEOUT_MS, () => {
      counters.add('tcp-timeout')
      socket.destroy()
    })
    this.accepted.set(name, { socket, timer, wire: undefined })
    socket.on('error', () => socket.destroy())
    socket.once('close', () => {
      timer.cancel()
      this.accepted.delete(name)
      this.admission.leave(host)
    })
    this.tls.emit('connection', socket)
  }

  /** A handshake costs some signatures: who connects over and over is held back before the first. */
  private judge(host: string): ReturnType<Admission['enter']> | 'limit-rate' | 'stopping' {
    if (this.stopping) return 'stopping'
    const from = addressOf(host, 0)
    if (from.kind === 'domain' || !this.rate.take(siteOf(from))) return 'limit-rate'
    return this.admission.enter(host)
  }

  private secured(socket: TLSSocket): void {
    const accepted = this.accepted.get(nameOf(socket))
    const binding = tlsBinding(socket)
    if (!accepted || !binding || this.stopping) {
      socket.on('error', () => {})
      socket.destroy()
      return
    }
    accepted.wire = new StreamWire({
      ...this.options,
      kind: 'tcp',
      socket,
      peer: addressOf(plainHost(socket.remoteAddress ?? ''), socket.remotePort ?? 0),
      // Both ends see this TLS: who does not tie his signature to it has nothing to do here.
      role: { bindingOf: (kind) => (kind === BINDINGS.tlsExporter ? binding.value : undefined) },
      prefix: 'tcp',
      authTimeoutMs: ACCEPT_TIMEOUT_MS,
      onWire: (wire) => {
        accepted.timer.cancel()
        this.options.onWire(wire)
      },
      onFailed: () => {},
    })
  }
}

function nameOf(socket: Socket): string {
  return `${socket.remoteAddress}/${socket.remotePort}`
}
