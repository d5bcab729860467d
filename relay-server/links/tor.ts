import { createServer, type Server, type Socket } from 'node:net'
import { NO_ADDRESS } from '../../shared/bytes/address.ts'
import { BINDINGS } from '../../shared/link/auth-binding.ts'
import { aborted } from '../../shared/link/dialling.ts'
import type { LinkAddress } from '../../shared/link/link-address.ts'
import type { Dialler, DialSignal, DialTarget, Wire, WireListener } from '../../shared/link/wire.ts'
import type { WireIdentity } from '../../shared/link/wire-session.ts'
import { listening } from '../listening.ts'
import type { Log } from '../log.ts'
import { StreamWire } from './stream-wire.ts'
import { TOR_STREAMS, TOR_UNPROVEN_STREAMS } from './tor-constants.ts'
import { TorError } from './tor-error.ts'
import { isolationOf, openTorStream } from './tor-socks.ts'

/** What a link's authentication is bound to over Tor, which has proved the name to whoever dialled it. */
export function onionBinding(onion: string): Uint8Array {
  return new Uint8Array(Buffer.from(onion, 'latin1'))
}

export interface TorDiallerOptions extends WireIdentity {
  /** Tor's SOCKS port. */
  readonly socks: { readonly host: string; readonly port: number }
  readonly log: Log
  /** For tor to reach the onion service. */
  readonly timeoutMs?: number
  /** As of StreamWire. */
  readonly silenceMs?: number
}

/**
 * Opens links to relays at their onion addresses, through tor's SOCKS port. Nothing but onion addresses goes there, and each
 * neighbour has circuits of its own.
 */
export class TorDialler implements Dialler {
  readonly kind = 'tor'
  private readonly options: TorDiallerOptions
  private readonly secret: Uint8Array
  /** So that one trouble with tor itself is told once, not at each try. */
  private told: string | undefined

  constructor(options: TorDiallerOptions) {
    this.options = options
    this.secret = options.random.bytes(32)
  }

  canDial(address: LinkAddress): boolean {
    return address.kind === 'tor'
  }

  /** @throws CulvertError `link-aborted`; TorError `tor-not-onion`, `tor-socks-…`, `tor-onion-…`; LinkAuthError */
  async dial({ address, publicKey }: DialTarget, signal?: DialSignal): Promise<Wire> {
    if (!this.canDial(address))
      throw new TorError('tor-not-onion', 'only onion services are reached through tor')
    const isolation = isolationOf(this.secret, publicKey.bytes)
    const { host, port } = address.at
    const socket = await this.heard(openTorStream(host, port, { ...this.options, isolation }, signal))
    return new Promise((resolve, reject) => {
      const abort = () => wire.stop('unneeded')
      const settled = () => signal?.removeEventListener('abort', abort)
      const wire = new StreamWire({
        ...this.options,
        socket,
        kind: this.kind,
        peer: address.at,
        role: {
          address,
          expectedKey: publicKey,
          binding: { kind: BINDINGS.onion, value: onionBinding(host) },
        },
        onWire: (made) => {
          settled()
          resolve(made)
        },
        onFailed: (error) => {
          settled()
          reject(signal?.aborted ? aborted() : error)
        },
      })
      signal?.addEventListener('abort', abort)
    })
  }

  private async heard(stream: Promise<Socket>): Promise<Socket> {
    const { counters, log } = this.options
    try {
      const socket = await stream
      if (this.told !== undefined) log.info('tor is back: links over Tor can be opened again')
      this.told = undefined
      return socket
    } catch (error) {
      if (error instanceof TorError) {
        counters.add(error.code)
        if (error.code.startsWith('tor-socks-') && this.told !== error.code) {
          log.error(`${error.message}; the relay goes on without links over Tor, and tries again`)
          this.told = error.code
        }
      }
      throw error
    }
  }
}

export interface TorListenerOptions extends WireIdentity {
  /** Where the onion service's streams come in: a loopback address, with port 0 for any free one. */
  readonly listen: { readonly host: string; readonly port: number }
  /** The port of the onion service that leads here. */
  readonly virtualPort: number
  /** `<56>.onion`, as soon as it is known: links are bound to it. */
  onion(): string | undefined
  /** Whether it can be found, so that the address is worth telling. */
  published(): boolean
  /** As of StreamWire. */
  readonly silenceMs?: number
  onWire(wire: Wire): void
}

/** Takes links that come through the relay's onion service. */
export class TorListener implements WireListener {
  readonly kind = 'tor'
  private readonly options: TorListenerOptions
  private readonly server: Server
  private readonly wires = new Set<StreamWire>()
  private unproven = 0
  private stopping: Promise<void> | undefined

  constructor(options: TorListenerOptions) {
    this.options = options
    this.server = createServer((socket) => this.take(socket))
    this.server.maxConnections = TOR_STREAMS
  }

  /** What it listens on; port 0 before `start`. */
  get port(): number {
    const address = this.server.address()
    return typeof address === 'object' && address ? address.port : 0
  }

  /** @throws CulvertError `link-port-busy`, `link-bind` */
  async start(): Promise<void> {
    const { listen, counters } = this.options
    const errors = { busy: 'link-port-busy', bind: 'link-bind', key: 'links.tor.listen' }
    await listening(this.server, listen, errors)
    this.server.on('error', () => counters.add('tor-accept-failed'))
  }

  addresses(): readonly LinkAddress[] {
    const { virtualPort, published, onion } = this.options
    const host = onion()
    return host !== undefined && published()
      ? [{ kind: 'tor', at: { kind: 'domain', host, port: virtualPort } }]
      : []
  }

  stop(): Promise<void> {
    this.stopping ??= new Promise((resolve) => {
      for (const wire of this.wires) wire.stop('shutdown')
      if (this.server.listening) this.server.close(() => resolve())
      else resolve()
    })
    return this.stopping
  }

  private take(socket: Socket): void {
    const { counters, onWire, onion } = this.options
    if (this.stopping || this.unproven >= TOR_UNPROVEN_STREAMS) {
      counters.add('tor-streams-full')
      socket.on('error', () => socket.destroy())
      socket.destroy()
      return
    }
    this.unproven++
    const wire = new StreamWire({
      ...this.options,
      socket,
      kind: this.kind,
      // Whoever comes through Tor has none that could be seen.
      peer: NO_ADDRESS,
      role: { bindingOf: (kind) => (kind === BINDINGS.onion ? nameBytes(onion()) : undefined) },
      onWire: (made) => {
        this.unproven--
        onWire(made)
      },
      onFailed: () => {
        this.unproven--
      },
      onEnded: () => {
        this.wires.delete(wire)
      },
    })
    this.wires.add(wire)
  }
}

function nameBytes(onion: string | undefined): Uint8Array | undefined {
  return onion === undefined ? undefined : onionBinding(onion)
}
