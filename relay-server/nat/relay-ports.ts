import {
  type Address,
  addressOf,
  type IpAddress,
  isNoAddress,
  parseIpv4,
} from '../../shared/bytes/address.ts'
import { ExitPolicy } from '../../shared/onion/exit-policy.ts'
import type { Clock, Timer } from '../../shared/world/clock.ts'
import type { RelayConfig } from '../config.ts'
import { isLoopback } from '../endpoints.ts'
import type { Log } from '../log.ts'
import { NETWORK_CHECK_MS } from './constants.ts'
import type { WantedPort } from './messages.ts'
import { PortMapping, type PortMappingOptions, type PortMappingState } from './port-mapping.ts'

export interface RelayPortsOptions {
  readonly config: RelayConfig
  readonly clock: Clock
  readonly log: Log
  /** The UDP socket's address on the local network; asked again from time to time, for the network may come late or change. */
  lan(): IpAddress
  /** The gateway's, if it listens. */
  readonly gateway: Address | undefined
  /** Where the UDP socket, and the port of TCP links, can be reached from outside; undefined while it is not known. */
  onMapped(udp: IpAddress | undefined, linkTcp: IpAddress | undefined): void
  readonly startMapper?: PortMappingOptions['startMapper']
}

const NAMES = { 'nat-pmp': 'NAT-PMP', upnp: 'UPnP' } as const

/**
 * The mapping of a relay's ports, where one makes sense: at home, behind a router. On another network it is made anew, once the
 * one before has been taken back: some routers would take both back together.
 */
export class RelayPorts {
  private readonly options: RelayPortsOptions
  private mapping: PortMapping | undefined
  private current: PortMappingState = 'off'
  /** The network that was looked at last, by this machine's address in it. */
  private host: string | undefined
  private check: Timer | undefined
  private stopped = false

  constructor(options: RelayPortsOptions) {
    this.options = options
  }

  get state(): PortMappingState {
    return this.current
  }

  start(): void {
    this.check = this.options.clock.after(NETWORK_CHECK_MS, () => this.start())
    const { host } = this.options.lan()
    if (host === this.host) return
    this.host = host
    if (!this.mapping) {
      this.map()
      return
    }
    this.current = 'asking'
    this.options.onMapped(undefined, undefined)
    void this.mapping.stop().then(() => this.map())
  }

  stop(): Promise<void> {
    this.stopped = true
    this.check?.cancel()
    return this.mapping?.stop() ?? Promise.resolve()
  }

  private map(): void {
    if (this.stopped) return
    const { clock, startMapper, config, gateway } = this.options
    const lan = this.options.lan()
    const ports = portsToMap(config, lan, gateway)
    this.current = ports.length === 0 ? 'off' : 'asking'
    this.mapping = undefined
    if (ports.length === 0) return
    this.mapping = new PortMapping({
      ports,
      clock,
      onChange: (state, mapped) => {
        this.current = state
        const of = (protocol: WantedPort['protocol'], port: number) => {
          const found = mapped.find((each) => each.protocol === protocol && each.port === port)
          return found && (addressOf(found.externalHost, found.externalPort) as IpAddress)
        }
        this.changed(state, of('udp', lan.port), of('tcp', config.links.tcp.port))
      },
      ...(startMapper ? { startMapper } : {}),
    })
    this.mapping.start()
  }

  private changed(state: PortMappingState, udp: IpAddress | undefined, tcp: IpAddress | undefined): void {
    const { log, onMapped } = this.options
    const isPublic = udp !== undefined && new ExitPolicy().judge(udp, 'udp') === 'allowed'
    if (isPublic) onMapped(udp, tcp?.host === udp.host ? tcp : undefined)
    else onMapped(undefined, undefined)
    if (state === 'none') {
      log.info('no router here maps ports: peers reach this relay as far as its NAT allows')
    } else if (state === 'nat-pmp' || state === 'upnp') {
      const beyond = isPublic ? '' : ', but is behind another router itself'
      log.info(`the router sends this relay's port here (${NAMES[state]})${beyond}`)
    }
  }
}

/** None in a lab, on loopback, with an address that the operator gave, or without a private IPv4 address to map to. */
function portsToMap(config: RelayConfig, lan: IpAddress, gateway: Address | undefined): WantedPort[] {
  const { portMapping, publicHost } = config.udp
  if (!portMapping || config.lab || publicHost !== undefined || isLoopback(lan) || !isBehindRouter(lan))
    return []
  const tcp = gateway && !isLoopback(gateway) && gateway.kind === 'ipv4' ? [gateway.port] : []
  if (listensForLinks(config)) tcp.push(config.links.tcp.port)
  return [{ port: lan.port, protocol: 'udp' }, ...tcp.map((port) => ({ port, protocol: 'tcp' as const }))]
}

/** Whether TCP links come in over IPv4, at a port that is known beforehand, and nobody has said where they do from outside. */
function listensForLinks({ links }: RelayConfig): boolean {
  const { enabled, host, port, publicHost } = links.tcp
  const at = host === undefined ? undefined : addressOf(host, port)
  return enabled && port !== 0 && publicHost === undefined && (!at || (at.kind === 'ipv4' && !isLoopback(at)))
}

/** Private (RFC 1918), or a provider's NAT (RFC 6598). */
function isBehindRouter(lan: IpAddress): boolean {
  const [a = 0, b = 0] = (lan.kind === 'ipv4' && !isNoAddress(lan) && parseIpv4(lan.host)) || []
  if (a === 172) return b >= 16 && b <= 31
  return a === 10 || (a === 192 && b === 168) || (a === 100 && b >= 64 && b <= 127)
}
