import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { RelayConfigInput } from '../config.ts'
import { type Namespace, Topology } from './namespaces.ts'
import { hostBehindNat } from './nat.ts'
import { type NetnsRelay, RelayFolder } from './relays.fixture.ts'

const topology = new Topology()
const folder = new RelayFolder()
const PORT = 6421
const GATEWAY = 'http://127.0.0.1:8080'
const PUBLIC_HOST = '9.1.0.1'

interface TestRelay extends NetnsRelay {
  readonly host: Namespace
}
interface Status {
  readonly state: string
  readonly nat: string
  readonly relayOnly: boolean
  readonly peers: number
}
let relays: TestRelay[] = []

async function start(host: Namespace, udpHost: string, config: RelayConfigInput = {}): Promise<TestRelay> {
  const relay = await folder.start(host, {
    bootstrap: [`${PUBLIC_HOST}:${PORT}`],
    bootstrapDefaults: false,
    udp: { host: udpHost, port: PORT, portMapping: false },
    gateway: { enabled: true },
    ...config,
  })
  return { ...relay, host }
}

beforeAll(async () => {
  const outside = topology.segment('outside')
  const open = topology.namespace('public')
  outside.attach(open, `${PUBLIC_HOST}/8`)
  const kinds = ['full-cone', 'port-restricted', 'symmetric'] as const
  const hosts = kinds.map((kind, i) => hostBehindNat(topology, outside, kind, i, `9.${10 + i}.0.1/8`))
  relays = await Promise.all([
    start(open, PUBLIC_HOST, { bootstrap: [] }),
    ...hosts.map(({ host }) => start(host, '0.0.0.0')),
  ])
})

afterAll(() => {
  topology.close()
  folder.remove()
})

/** Asked within the relay's namespace: it tells nobody else. */
function status({ host }: TestRelay): Status {
  const program = `fetch('${GATEWAY}/status.json').then((response) => response.text()).then(console.log)`
  return JSON.parse(host.run(process.execPath, '--eval', program)) as Status
}

describe('relays behind NATs, as processes of their own (N-06, N-08, N-10, N-13)', () => {
  it.each([
    ['public', { state: 'joined', nat: 'open', relayOnly: false, peers: 3 }],
    ['full-cone', { state: 'joined', nat: 'cone', relayOnly: false, peers: 3 }],
    ['port-restricted', { state: 'joined', nat: 'cone', relayOnly: false, peers: 2 }],
    ['symmetric', { state: 'joined', nat: 'likely-symmetric', relayOnly: true, peers: 2 }],
  ])('%s: meets whom it can, and says what it is behind', async (kind, expected) => {
    const relay = relays[['public', 'full-cone', 'port-restricted', 'symmetric'].indexOf(kind)] as TestRelay
    await vi.waitFor(() => expect(status(relay)).toMatchObject(expected), {
      timeout: 40_000,
      interval: 1_000,
    })
  })

  it('symmetric: warns its operator, and names no address', () => {
    const logs = relays.map((relay) => relay.log())
    expect(logs.map((log) => log.includes('looks like a symmetric NAT'))).toEqual([false, false, false, true])
    for (const log of logs) expect(log).not.toMatch(/\d+\.\d+\.\d+\.\d+/)
  })
})
