import { join } from 'node:path'
import type { IpAddress } from '../../shared/bytes/address.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import type { Dht } from '../../shared/kademlia/api.ts'
import { Crawler, type CrawlFigures } from '../../shared/kademlia/crawler.ts'
import { Kademlia } from '../../shared/kademlia/kademlia.ts'
import { ExitPolicy } from '../../shared/onion/exit-policy.ts'
import type { Clock } from '../../shared/world/clock.ts'
import { Counters } from '../../shared/world/counters.ts'
import type { Random } from '../../shared/world/random.ts'
import type { RelayConfig } from '../config.ts'
import { resolveEndpoint } from '../endpoints.ts'
import { UdpLinks } from '../links/udp.ts'
import { CRAWL_ANSWER_MS, DHT_SOURCE } from './constants.ts'
import { loadNodes } from './dht-nodes-file.ts'
import { rounded, routersOf } from './settings.ts'

/**
 * Crawls the DHT once, by itself (D-10): with a socket of its own and as a read-only node (BEP 43), so that a relay that runs with the
 * same configuration is not disturbed, and nobody takes it for a node. Crawls the DHT of IPv4 where the socket is for both.
 * @param timeMs the most that the crawl takes; what it takes to find the first nodes comes on top
 * @throws CulvertError `crawl-nobody`
 */
export async function crawlOnce(
  config: RelayConfig,
  timeMs: number,
  world: { readonly clock: Clock; readonly random: Random },
): Promise<CrawlFigures> {
  const { clock, random } = world
  if (!config.discovery.dht.enabled) throw nobody('discovery.dht.enabled is false')
  const counters = new Counters()
  const policy = new ExitPolicy({ allowNetworks: config.lab ? ['127.0.0.0/8', '::1/128'] : [] })
  const udp: UdpLinks = await UdpLinks.bind(config.udp.host, 0, {
    clock,
    random,
    counters,
    onPacket: () => undefined,
    onDatagram: (from, datagram) => void dht.receive(from, datagram),
  })
  const [family = udp.address.kind] = udp.families
  const mayReach = (address: IpAddress) => udp.reaches(address) && policy.judge(address, 'udp') === 'allowed'
  const dht: Dht = new Kademlia({
    clock,
    random,
    counters,
    families: [family],
    readOnly: true,
    settings: { timeoutMs: CRAWL_ANSWER_MS },
    send: (address, datagram) => udp.sendTo(address, datagram),
    mayReach,
  })
  try {
    await enter(dht, config, family, clock)
    const crawler = new Crawler({ clock, random, dht, family, mayReach, settings: { timeMs } })
    return rounded(await new Promise<CrawlFigures>((done) => crawler.run(done)))
  } finally {
    dht.stop()
    await udp.close()
  }
}

/** Begins with the nodes that the relay has saved, its routers, and the relays that it begins with, and waits for the first node. */
async function enter(dht: Dht, config: RelayConfig, family: IpAddress['kind'], clock: Clock): Promise<void> {
  const resolved = async (endpoints: readonly string[]) =>
    (await Promise.all(endpoints.map((endpoint) => resolveEndpoint(endpoint, [family])))).flatMap(
      (address) => address ?? [],
    )
  dht.addNodes(await loadNodes(join(config.state, 'dht.nodes')))
  dht.addNodes(await resolved(config.bootstrap))
  dht.start(await resolved(routersOf(config)))
  const untilMs = clock.now() + DHT_SOURCE.firstNodesMs
  while (dht.nodes().length === 0) {
    if (clock.now() >= untilMs) throw nobody('no node of the DHT answered')
    await new Promise<void>((resolve) => clock.after(DHT_SOURCE.lookMs, resolve))
  }
}

function nobody(why: string): CulvertError {
  return new CulvertError('crawl-nobody', `nobody could be asked, for ${why}: see docs/discovery.md`)
}
