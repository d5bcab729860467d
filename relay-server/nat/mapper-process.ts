import { untilToldToStop } from '../life-cycle.ts'
import { MAP_MS, RENEW_MS, UNMAP_MS } from './constants.ts'
import { NatPmp, type PortMapper, Upnp } from './gateways.ts'
import type { MappedPort, MapperReport, MapperSettings, WantedPort } from './messages.ts'
import { defaultRouter } from './router.ts'

interface Mapped {
  readonly mapper: PortMapper
  readonly ports: readonly MappedPort[]
}

/**
 * `relay-server port-mapper <settings>`: asks the router at home to send ports here, renews that, and takes it back when it
 * is told to stop or its parent is gone. Ends when there is no router that does it. A process of its own, because it reads
 * whatever the local network answers: if that breaks it, the relay goes on.
 */
export async function runMapper(settings: MapperSettings): Promise<void> {
  const told = untilToldToStop()
  let mapped: Mapped | undefined
  for (let asked = false; !asked; ) {
    mapped = mapped ? await renewed(mapped) : undefined
    mapped ??= await Promise.race([mapWith(settings.ports), told.then(nothing), wait(MAP_MS).then(nothing)])
    if (!mapped) break
    process.send?.({ via: mapped.mapper.via, mapped: mapped.ports } satisfies MapperReport)
    asked = await Promise.race([told.then(() => true), wait(RENEW_MS).then(() => false)])
  }
  if (mapped) await Promise.race([unmap(mapped), wait(UNMAP_MS)])
  // Searches and timers of the library may be on their way still.
  process.exit(0)
}

/** NAT-PMP first: one datagram to the router alone, where UPnP asks the whole network. */
async function mapWith(ports: readonly WantedPort[]): Promise<Mapped | undefined> {
  const router = await defaultRouter()
  const natPmp = router === undefined ? undefined : await mapAll(new NatPmp(router), ports)
  if (natPmp) return natPmp
  for await (const upnp of Upnp.search()) {
    const mapped = await mapAll(upnp, ports)
    if (mapped) return mapped
  }
  return undefined
}

/** The first port is the one that matters; a router may refuse the others. */
async function mapAll(mapper: PortMapper, wanted: readonly WantedPort[]): Promise<Mapped | undefined> {
  const ports: MappedPort[] = []
  for (const each of wanted) {
    const mapped = await mapper.map(each).catch(() => undefined)
    if (mapped) ports.push(mapped)
    else if (ports.length === 0) return undefined
  }
  return { mapper, ports }
}

function renewed({ mapper, ports }: Mapped): Promise<Mapped | undefined> {
  return mapAll(
    mapper,
    ports.map(({ port, protocol }) => ({ port, protocol })),
  )
}

async function unmap({ mapper, ports }: Mapped): Promise<void> {
  for (const each of ports) await mapper.unmap(each).catch(() => undefined)
}

const nothing = () => undefined

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
