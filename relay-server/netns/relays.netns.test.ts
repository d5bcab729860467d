import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { IpAddress } from '../../shared/bytes/address.ts'
import { toHex } from '../../shared/bytes/bytes.ts'
import type { RelayConfigInput } from '../config.ts'
import { type Namespace, Topology } from './namespaces.ts'
import { type HostBehindNat, hostBehindNat } from './nat.ts'
import { COMMUNITY } from './peers-community.ts'
import { type NetnsRelay, RelayFolder, statusOf } from './relays.fixture.ts'
import { type Place, Remote } from './remote.ts'

const topology = new Topology()
const folder = new RelayFolder()
/** Of the relays. With them are four peers in the open, and one behind a port-restricted NAT. */
const KINDS = ['public', 'port-restricted', 'symmetric']
const PORT = 6421
const PUBLIC_HOST = '9.1.0.1'

let relays: NetnsRelay[] = []

function start(host: Namespace, udpHost: string, config: RelayConfigInput = {}): Promise<NetnsRelay> {
  return folder.start(host, {
    bootstrap: [`${PUBLIC_HOST}:${PORT}`],
    community: toHex(COMMUNITY),
    bootstrapDefaults: false,
    udp: { host: udpHost, port: PORT, portMapping: false },
    gateway: { enabled: true },
    ...config,
  })
}

beforeAll(async () => {
  const outside = topology.segment('outside')
  const publicHost = (host: string) => {
    const namespace = topology.namespace('public')
    outside.attach(namespace, `${host}/8`)
    return { namespace, host, port: PORT }
  }
  const [restricted, symmetric, other] = (['port-restricted', 'symmetric', 'port-restricted'] as const).map(
    (kind, i) => hostBehindNat(topology, outside, kind, i, `9.${10 + i}.0.1/8`),
  ) as [HostBehindNat, HostBehindNat, HostBehindNat]
  const places: Place[] = ['9.2.0.1', '9.3.0.1', '9.4.0.1', '9.5.0.1'].map(publicHost)
  places.push({ namespace: other.host, host: other.lan, port: PORT })
  const remote = new Remote(topology, 'peers.ts', places)
  const ipv4 = (host: string): IpAddress => ({ kind: 'ipv4', host, port: PORT })
  const peers = places.map(({ host }, i) =>
    remote.call('start', i, { name: host, lan: ipv4(host), bootstrap: ipv4(PUBLIC_HOST) }),
  )
  relays = await Promise.all([
    start(publicHost(PUBLIC_HOST).namespace, PUBLIC_HOST, { bootstrap: [] }),
    start(restricted.host, '0.0.0.0'),
    start(symmetric.host, '0.0.0.0'),
  ])
  await Promise.all(peers)
})

afterAll(() => {
  topology.close()
  folder.remove()
})

describe('relays behind NATs, as processes of their own (N-06, N-08, N-10, N-13)', () => {
  it.each([
    ['public', { nat: 'open', relayOnly: false, peers: 7 }],
    ['port-restricted', { nat: 'cone', relayOnly: false, peers: 6 }],
    ['symmetric', { nat: 'likely-symmetric', relayOnly: true, peers: 5 }],
  ])('%s: meets whom it can, and says what it is behind', async (kind, expected) => {
    const relay = relays[KINDS.indexOf(kind)] as NetnsRelay
    await vi.waitFor(() => expect(statusOf(relay)).toMatchObject({ state: 'joined', ...expected }), {
      timeout: 40_000,
      interval: 1_000,
    })
  })

  it('symmetric: warns its operator, and names no address', async () => {
    const logs = () => relays.map((relay) => relay.log())
    // What a process has written takes its time to get here.
    await vi.waitFor(
      () =>
        expect(logs().map((log) => log.includes('looks like a symmetric NAT'))).toEqual([false, false, true]),
      { timeout: 20_000 },
    )
    for (const log of logs()) expect(log).not.toMatch(/\d+\.\d+\.\d+\.\d+/)
  })
})
