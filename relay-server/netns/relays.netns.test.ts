import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { RelayConfigInput } from '../config.ts'
import { type Namespace, Topology } from './namespaces.ts'
import { hostBehindNat } from './nat.ts'
import { type NetnsRelay, RelayFolder } from './relays.fixture.ts'

const topology = new Topology()
const folder = new RelayFolder()
const KINDS = ['full-cone', 'address-restricted', 'symmetric'] as const
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
  const hosts = KINDS.map((kind, i) => hostBehindNat(topology, outside, kind, i, `9.${10 + i}.0.1/8`))
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
    ['public', { nat: 'open', relayOnly: false }],
    ['full-cone', { nat: expect.stringMatching(/cone|open|unknown/), relayOnly: false }],
    ['address-restricted', { nat: expect.stringMatching(/cone|unknown/), relayOnly: false }],
    ['symmetric', { nat: 'likely-symmetric', relayOnly: true }],
  ])('%s: meets the others, and says what it is behind', async (kind, nat) => {
    const relay = relays[['public', ...KINDS].indexOf(kind)] as TestRelay
    const expected = { state: 'joined', peers: 3, ...nat }
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
