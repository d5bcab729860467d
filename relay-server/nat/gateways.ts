import type { EventEmitter } from 'node:events'
import { type Gateway, type MapPortOptions, pmpNat, upnpNat } from '@achingbrain/nat-port-mapper'
import { CulvertError } from '../../shared/bytes/error.ts'
import {
  LEASE_SECONDS,
  NAT_PMP_ANSWER_MS,
  NAT_PMP_TRIES,
  UNMAP_MS,
  UPNP_ANSWER_MS,
  UPNP_SEARCH_AGAIN_MS,
  UPNP_SEARCH_MS,
} from './constants.ts'
import type { MappedPort, MappingProtocol, WantedPort } from './messages.ts'
import { localAddressTowards } from './router.ts'

/** A router that maps ports, in one of the two protocols. Every call ends within seconds; it throws what the router does wrong. */
export interface PortMapper {
  readonly via: MappingProtocol
  map(wanted: WantedPort): Promise<MappedPort>
  unmap(mapped: MappedPort): Promise<void>
}

const DESCRIPTION = 'culvert'

/** NAT-PMP (RFC 6886) at the router of this address. */
export class NatPmp implements PortMapper {
  readonly via = 'nat-pmp'
  private readonly router: string

  constructor(router: string) {
    this.router = router
  }

  map(wanted: WantedPort): Promise<MappedPort> {
    return this.ask(async (gateway) => {
      // The library writes its milliseconds where seconds belong.
      const lease: MapPortOptions = { protocol: wanted.protocol, ttl: LEASE_SECONDS, autoRefresh: false }
      const local = await localAddressTowards(this.router)
      return mappedPort(wanted, await gateway.map(wanted.port, local, { ...lease, signal: answerSoon() }))
    })
  }

  unmap({ port, protocol }: MappedPort): Promise<void> {
    const options: MapPortOptions = { protocol, autoRefresh: false }
    return this.ask((gateway) => gateway.unmap(port, { ...options, signal: answerSoon() }))
  }

  /** The library asks once and is stuck then: each try is made by a new one. */
  private async ask<T>(question: (gateway: Gateway) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      const gateway = pmpNat(this.router)
      const failure = failureOf(gateway as unknown as EventEmitter)
      try {
        return await Promise.race([question(gateway), failure])
      } catch (error) {
        if (tries === NAT_PMP_TRIES) throw error
      } finally {
        await gateway.stop().catch(() => undefined)
      }
    }
  }
}

const answerSoon = () => AbortSignal.timeout(NAT_PMP_ANSWER_MS)

function failureOf(emitter: EventEmitter): Promise<never> {
  const failure = new Promise<never>((_, reject) => emitter.on('error', reject))
  // Nobody may be waiting when it comes.
  failure.catch(() => undefined)
  return failure
}

/** What the library keeps of a UPnP gateway, which its own `unmap` does not know how to use. */
interface UpnpGateway extends Gateway {
  readonly gateway: {
    run(service: string, action: string, args: [string, string | number][], options: object): Promise<unknown>
  }
}

const WAN_IP_CONNECTION = 'urn:schemas-upnp-org:service:WANIPConnection:2'

/** UPnP Internet Gateway Device 2. */
export class Upnp implements PortMapper {
  readonly via = 'upnp'
  private readonly gateway: Gateway

  constructor(gateway: Gateway) {
    this.gateway = gateway
  }

  /** Those on the local network, as they answer within a few seconds. */
  static async *search(): AsyncGenerator<Upnp> {
    const gateways = upnpNat().findGateways({
      signal: AbortSignal.timeout(UPNP_SEARCH_MS),
      searchInterval: UPNP_SEARCH_AGAIN_MS,
    })
    for await (const gateway of gateways) {
      if (gateway.family === 'IPv4') yield new Upnp(gateway)
    }
  }

  async map(wanted: WantedPort): Promise<MappedPort> {
    const mapping = await this.gateway.map(wanted.port, await localAddressTowards(this.gateway.host), {
      protocol: wanted.protocol,
      description: DESCRIPTION,
      ttl: LEASE_SECONDS * 1_000,
      autoRefresh: false,
      signal: AbortSignal.timeout(UPNP_ANSWER_MS),
    })
    return mappedPort(wanted, mapping)
  }

  /** The library's own names no protocol, which routers refuse. */
  async unmap({ externalPort, protocol }: MappedPort): Promise<void> {
    await (this.gateway as UpnpGateway).gateway.run(
      WAN_IP_CONNECTION,
      'DeletePortMapping',
      [
        ['NewRemoteHost', ''],
        ['NewExternalPort', externalPort],
        ['NewProtocol', protocol.toUpperCase()],
      ],
      { signal: AbortSignal.timeout(UNMAP_MS) },
    )
  }
}

function mappedPort(
  wanted: WantedPort,
  { externalHost, externalPort }: { externalHost: string; externalPort: number },
): MappedPort {
  if (typeof externalHost !== 'string' || !Number.isInteger(externalPort)) {
    throw new CulvertError('port-mapping-answer', 'the router answered with no address or port')
  }
  return { ...wanted, externalHost, externalPort }
}
