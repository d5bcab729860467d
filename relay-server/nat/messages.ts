import { addressOf } from '../../shared/bytes/address.ts'

/** What relay and mapper process say to each other; see port-mapping.ts. */
export interface WantedPort {
  readonly port: number
  readonly protocol: 'udp' | 'tcp'
}

export interface MappedPort extends WantedPort {
  /** The router's own address, IPv4: as it says itself, so perhaps a private one. */
  readonly externalHost: string
  readonly externalPort: number
}

export type MappingProtocol = 'nat-pmp' | 'upnp'

/** Handed to the mapper as its one argument, in JSON. */
export interface MapperSettings {
  readonly ports: readonly WantedPort[]
}

/** Sent by the mapper when ports were mapped, or mapped otherwise than before. */
export interface MapperReport {
  readonly via: MappingProtocol
  readonly mapped: readonly MappedPort[]
}

const isPort = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65_535

/** UDP, the gateway's, and that of TCP links. */
const MOST_PORTS = 3

/** Checks a report: what routers say came through the mapper. Undefined unless all of it is as it should be. */
export function readReport(value: unknown): MapperReport | undefined {
  const { via, mapped } = (value ?? {}) as { via?: unknown; mapped?: unknown }
  if ((via !== 'nat-pmp' && via !== 'upnp') || !Array.isArray(mapped) || mapped.length > MOST_PORTS)
    return undefined
  const ports: MappedPort[] = []
  for (const each of mapped as Partial<Record<keyof MappedPort, unknown>>[]) {
    const { port, protocol, externalHost, externalPort } = each ?? {}
    if (!isPort(port) || !isPort(externalPort) || typeof externalHost !== 'string') return undefined
    if (protocol !== 'udp' && protocol !== 'tcp') return undefined
    const { kind, host } = addressOf(externalHost, 0)
    if (kind !== 'ipv4') return undefined
    ports.push({ port, protocol, externalHost: host, externalPort })
  }
  return { via, mapped: ports }
}
