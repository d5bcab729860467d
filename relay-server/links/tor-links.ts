import { type LinkAddress, parseLinkAddress } from '../../shared/link/link-address.ts'
import type { Wire, WireListener } from '../../shared/link/wire.ts'
import type { WireIdentity } from '../../shared/link/wire-session.ts'
import type { RelayConfig } from '../config.ts'
import type { Log } from '../log.ts'
import { TorDialler, TorListener } from './tor.ts'
import { TOR_GATEWAY_PORT } from './tor-constants.ts'
import { TorOnion } from './tor-onion.ts'

interface Endpoint {
  readonly host: string
  readonly port: number
}

export interface TorLinksOptions extends WireIdentity {
  readonly config: Pick<RelayConfig, 'state' | 'links'>
  readonly log: Log
  /** As of StreamWire. */
  readonly silenceMs?: number
  onWire(wire: Wire): void
  /**
   * Opens the gateway to what comes through the onion service, at a loopback address of its own; undefined if there is no
   * gateway.
   * @param name of the onion service, once it is known
   */
  openGateway?(listen: Endpoint, name: () => string | undefined): Promise<Endpoint> | undefined
}

/** All that a relay does over Tor, as the configuration's `links.tor` says: it dials, and may have an onion service. */
export class TorLinks implements WireListener {
  readonly kind = 'tor'
  readonly dialler: TorDialler
  private readonly options: TorLinksOptions
  /** Of a service that the operator made. */
  private readonly given: LinkAddress | undefined
  private readonly listener: TorListener | undefined
  private service: TorOnion | undefined
  private stopped = false

  constructor(options: TorLinksOptions) {
    this.options = options
    const { tor } = options.config.links
    this.given = tor.onion === undefined ? undefined : parseLinkAddress(`tor://${tor.onion}`)
    this.dialler = new TorDialler({ ...options, socks: endpointOr(tor.socks) })
    const hasService = this.given !== undefined || tor.control !== undefined
    this.listener = hasService
      ? new TorListener({
          ...options,
          listen: endpointOr(tor.listen),
          virtualPort: this.given?.at.port ?? tor.port,
          onion: () => this.onion,
          published: () => this.given !== undefined || this.service?.state === 'published',
        })
      : undefined
  }

  /** `<56>.onion`; undefined if there is no service, or before tor has named it. */
  get onion(): string | undefined {
    return this.given?.at.host ?? this.service?.onion
  }

  /** @throws CulvertError `link-port-busy`, `link-bind`; what tor does wrong is logged and tried again instead */
  async start(): Promise<void> {
    const { config, openGateway } = this.options
    const { tor } = config.links
    await this.listener?.start()
    if (!this.listener) return
    const door = tor.gateway
      ? await openGateway?.(endpointOr(tor.gatewayListen), () => this.onion)
      : undefined
    if (this.given || tor.control === undefined || this.stopped) return
    const { host } = endpointOr(tor.listen)
    this.service = new TorOnion({
      ...this.options,
      control: endpointOr(tor.control),
      password: tor.controlPassword,
      stateFolder: config.state,
      ports: [
        { virtual: tor.port, target: targetOf({ host, port: this.listener.port }) },
        ...(door ? [{ virtual: TOR_GATEWAY_PORT, target: targetOf(door) }] : []),
      ],
    })
    this.service.start()
  }

  addresses(): readonly LinkAddress[] {
    return this.listener?.addresses() ?? []
  }

  async stop(): Promise<void> {
    this.stopped = true
    await this.service?.stop()
    await this.listener?.stop()
  }
}

/** A configured `host:port`, IPv6 in brackets; without one, a free port of this machine. */
function endpointOr(text = '127.0.0.1:0'): Endpoint {
  const cut = text.lastIndexOf(':')
  return { host: text.slice(0, cut).replace(/^\[|\]$/g, ''), port: Number(text.slice(cut + 1)) }
}

function targetOf({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
