import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Directory } from '../../shared/directory/directory.ts'
import { DirectoryExchange } from '../../shared/directory/exchange.ts'
import { DISCOVERY_METHODS, type DiscoveryMethod } from '../../shared/discovery/constants.ts'
import type { RunResult } from '../../shared/discovery/source.ts'
import { KeyPair } from '../../shared/identity/keys.ts'
import type { Link } from '../../shared/link/link.ts'
import { ExitPolicy } from '../../shared/onion/exit-policy.ts'
import type { Clock } from '../../shared/world/clock.ts'
import { Counters } from '../../shared/world/counters.ts'
import type { Random } from '../../shared/world/random.ts'
import { type RelayRow, relayRows } from '../admin/relay-rows.ts'
import type { RelayConfig } from '../config.ts'
import { UdpLinks } from '../links/udp.ts'
import type { Log } from '../log.ts'
import { loadNativeCrypto } from '../native-crypto.ts'
import { RelayDiscovery } from './relay-discovery.ts'
import { RelayTrust } from './verifier.ts'

export interface DiscoverResult {
  /** In the order of the methods asked for; without those that are not configured. */
  readonly runs: readonly RunResult[]
  readonly relays: readonly RelayRow[]
}

/**
 * Looks for relays once, by itself: with a socket, a key and a memory of its own, so that a relay that runs with the same
 * configuration is not disturbed. Announces nothing but, to trackers, that somebody looks.
 */
export async function discoverOnce(
  config: RelayConfig,
  methods: readonly DiscoveryMethod[],
  world: { readonly clock: Clock; readonly random: Random; readonly log: Log },
): Promise<DiscoverResult> {
  const state = await mkdtemp(join(tmpdir(), 'culvert-discover-'))
  // The nodes of the DHT that a relay has met are worth a look here too.
  await copyFile(join(config.state, 'dht.nodes'), join(state, 'dht.nodes')).catch(() => undefined)
  try {
    // Whoever looks wants to see what there is to it, whatever the relay does.
    return await discover({ ...config, state, trust: { ...config.trust, verify: true } }, methods, world)
  } finally {
    await rm(state, { recursive: true, force: true })
  }
}

async function discover(
  config: RelayConfig,
  methods: readonly DiscoveryMethod[],
  world: { readonly clock: Clock; readonly random: Random; readonly log: Log },
): Promise<DiscoverResult> {
  const { clock, random, log } = world
  const counters = new Counters()
  const around = { config, keyPair: KeyPair.generate(random), clock, random, counters, log }
  const allowNetworks = config.lab ? ['127.0.0.0/8', '::1/128'] : []
  const policy = new ExitPolicy({ allowNetworks })
  const mayReach = (address: Parameters<typeof policy.judge>[0]) => policy.judge(address, 'udp') === 'allowed'
  const udp: UdpLinks = await UdpLinks.bind(config.udp.host, 0, {
    clock,
    random,
    counters,
    onPacket: (link: Link, packet) =>
      void (trust.proofs.receive(link, packet) || exchange.receive(link, packet)),
    onDatagram: (from, datagram) => discovery.receive(from, datagram),
  })
  const trust = new RelayTrust({
    ...around,
    allowNetworks,
    isOwn: () => undefined,
    linkTo: (address) => (mayReach(address) ? udp.linkTo(address) : undefined),
    onResult: (result) => discovery.verified(result),
  })
  const directory = new Directory({ network: config.network, clock, counters })
  const exchange = new DirectoryExchange({ directory, own: () => undefined, clock, random, counters })
  const discovery = new RelayDiscovery({
    ...around,
    aead: await loadNativeCrypto(log),
    directory,
    exchange,
    trust,
    udp,
    mayReach,
    isOwn: () => false,
    publicAddresses: () => undefined,
    own: () => undefined,
    onBootstrap: () => undefined,
  })
  try {
    await discovery.start(false)
    if (methods.includes('dht')) await discovery.untilDhtKnown()
    // Whoever is to exchange with known relays needs to know some: it comes last.
    if (methods.includes('exchange') && !methods.includes('bootstrap')) await discovery.runNow('bootstrap')
    const first = methods.filter((method) => method !== 'exchange')
    const ended = await Promise.all(first.map((method) => discovery.runNow(method)))
    if (methods.includes('exchange')) ended.push(await discovery.runNow('exchange'))
    const runs = ended.flatMap((run) => run ?? [])
    return {
      runs: methods.flatMap((method) => runs.filter((run) => run.method === method)),
      relays: relayRows(directory, trust.book),
    }
  } finally {
    exchange.stop()
    await discovery.stop()
    await udp.close()
  }
}

/** The methods that a word of the command line stands for; none if it is no such word. */
export function methodsOf(word: string): readonly DiscoveryMethod[] {
  return DISCOVERY_METHODS.filter((method) => word === 'all' || word === method)
}
