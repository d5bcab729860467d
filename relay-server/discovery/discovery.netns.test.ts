import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { relayInfoHash } from '../../shared/directory/constants.ts'
import type { DiscoveryMethod } from '../../shared/discovery/constants.ts'
import type { RelayConfigInput } from '../config.ts'
import { type Namespace, Topology } from '../netns/namespaces.ts'
import { RelayFolder, statusOf } from '../netns/relays.fixture.ts'
import { OPENTRACKER_PORT, opentrackerCommand, opentrackerFolder } from './opentracker.fixture.ts'
import type { DiscoveryStatus } from './relay-discovery.ts'

const NETWORK = 'test'
const PORT = 6421
const ROUTER = fileURLToPath(new URL('netns-router.ts', import.meta.url))
const [FIRST, SECOND, THIRD] = ['9.1.0.1', '9.2.0.1', '9.3.0.1'] as const

/** What one test switches on; all else is off. */
type Ways = NonNullable<RelayConfigInput['discovery']>
const NOTHING: Ways = {
  dht: { enabled: false, defaultRouters: false },
  trackers: [],
  exchange: false,
  bootstrap: false,
}

/** Of one test: processes start slowly on a busy machine, and the minute counts from when they run. */
const TEST_MS = 180_000

let topology = new Topology()
const folders: RelayFolder[] = []
const paths: string[] = []
afterEach(() => {
  topology.close()
  topology = new Topology()
  for (const folder of folders.splice(0)) folder.remove()
  for (const path of paths.splice(0)) rmSync(path, { recursive: true, force: true })
})
afterAll(() => topology.close())

/** Hosts on one Ethernet, by address; each sees nothing of the others but what is sent to it. */
function hostsAt(...addresses: readonly string[]): Namespace[] {
  const outside = topology.segment('outside')
  return addresses.map((address) => {
    const host = topology.namespace('host')
    outside.attach(host, `${address}/8`)
    return host
  })
}

async function startRelay(host: Namespace, address: string, ways: Ways, bootstrap: readonly string[] = []) {
  const folder = new RelayFolder()
  folders.push(folder)
  await folder.start(host, {
    network: NETWORK,
    bootstrap: [...bootstrap],
    bootstrapDefaults: false,
    udp: { host: address, port: PORT, portMapping: false },
    gateway: { enabled: true },
    exchangeSeconds: 5,
    discovery: { ...NOTHING, ...ways },
  })
}

const status = (host: Namespace): DiscoveryStatus => statusOf({ host }).discovery
const overlayOf = (host: Namespace) => statusOf({ host }).state

/** Waits, a minute at most, until all of them have had so many others prove themselves. */
async function untilProven(hosts: readonly Namespace[], relays: number): Promise<void> {
  await vi.waitUntil(() => hosts.every((host) => status(host).relaysProven >= relays), {
    timeout: 60_000,
    interval: 500,
  })
}

const foundBy = (host: Namespace, method: DiscoveryMethod) => status(host).methods[method].relays

describe('two relays that share nothing but one way to find each other (D-01, D-02, D-03, D-04, D-05)', {
  timeout: TEST_MS,
}, () => {
  it('a DHT router: find and prove each other within a minute', async () => {
    const [first, second, third] = hostsAt(FIRST, SECOND, THIRD) as [Namespace, Namespace, Namespace]
    const router = third.spawn(process.execPath, '--import', 'tsx', ROUTER, THIRD)
    const [{ address }] = (await once(router, 'message')) as [{ address: string }]
    const ways: Ways = { dht: { defaultRouters: false, routers: [address] } }
    await Promise.all([startRelay(first, FIRST, ways), startRelay(second, SECOND, ways)])
    await untilProven([first, second], 1)
    expect(foundBy(first, 'dht') + foundBy(second, 'dht')).toBeGreaterThan(0)
    expect(status(first).relaysProven).toBe(1)
    expect(status(first).dht?.nodes.ipv4).toBeGreaterThan(0)
    // Who found each other in one way are each other's neighbours in the overlay.
    await vi.waitUntil(() => overlayOf(first) === 'joined' && overlayOf(second) === 'joined', {
      timeout: 60_000,
      interval: 500,
    })
  })

  it('a tracker: likewise', async () => {
    const [first, second, third] = hostsAt(FIRST, SECOND, THIRD) as [Namespace, Namespace, Namespace]
    const folder = await opentrackerFolder([relayInfoHash(NETWORK)])
    paths.push(folder)
    third.spawn(...opentrackerCommand(THIRD, folder))
    const url = `udp://${THIRD}:${OPENTRACKER_PORT}/announce`
    const ways: Ways = { trackers: [url] }
    await Promise.all([startRelay(first, FIRST, ways), startRelay(second, SECOND, ways)])
    await untilProven([first, second], 1)
    expect(foundBy(first, 'tracker') + foundBy(second, 'tracker')).toBeGreaterThan(0)
    expect(status(second)).toMatchObject({ relaysProven: 1, dhtNodesKnown: 0, trackerAnnounces: 1 })
  })

  it('a peer that knows both: likewise, through the exchange', async () => {
    const [first, second, third] = hostsAt(FIRST, SECOND, THIRD) as [Namespace, Namespace, Namespace]
    const ways: Ways = { exchange: true }
    await Promise.all([startRelay(first, FIRST, ways), startRelay(second, SECOND, ways)])
    await startRelay(third, THIRD, { bootstrap: true }, [`${FIRST}:${PORT}`, `${SECOND}:${PORT}`])
    await untilProven([first, second], 2)
    expect(foundBy(first, 'exchange')).toBe(2)
    expect(status(first).peerExchanges).toBeGreaterThan(0)
  })

  it('a bootstrap node: likewise', async () => {
    const [first, second, third] = hostsAt(FIRST, SECOND, THIRD) as [Namespace, Namespace, Namespace]
    await startRelay(third, THIRD, {})
    const ways: Ways = { bootstrap: true }
    const node = [`${THIRD}:${PORT}`]
    await Promise.all([startRelay(first, FIRST, ways, node), startRelay(second, SECOND, ways, node)])
    await untilProven([first, second, third], 2)
    expect(foundBy(first, 'bootstrap') + foundBy(second, 'bootstrap')).toBeGreaterThan(0)
  })
})
