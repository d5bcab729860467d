import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { toHex } from '../../shared/bytes/bytes.ts'
import type { RelayConfigInput } from '../config.ts'
import { type Namespace, Topology } from './namespaces.ts'
import { hostBehindNat } from './nat.ts'
import { COMMUNITY } from './peers-community.ts'
import { type NetnsRelay, RelayFolder, statusOf } from './relays.fixture.ts'

const topology = new Topology()
const folder = new RelayFolder()
const PORT = 6421
const PUBLIC_HOST = '9.1.0.1'
const SIGNALLER = `ws://${PUBLIC_HOST}:8080/relay`

let relays: NetnsRelay[] = []
let signaller: NetnsRelay

function start(host: Namespace, udpHost: string, config: RelayConfigInput): Promise<NetnsRelay> {
  return folder.start(host, {
    bootstrap: [`${PUBLIC_HOST}:${PORT}`],
    community: toHex(COMMUNITY),
    bootstrapDefaults: false,
    udp: { host: udpHost, port: PORT, portMapping: false },
    gateway: { enabled: true },
    trust: { verify: false },
    ...config,
  })
}

beforeAll(async () => {
  const outside = topology.segment('outside')
  const middle = topology.namespace('public')
  outside.attach(middle, `${PUBLIC_HOST}/8`)
  // A first dial that a busy machine lets fail is not the last within the test.
  const dials = { retrySeconds: 1, tries: 100 }
  const links = { udp: { enabled: false }, tcp: { enabled: false }, ...dials }
  signaller = await start(middle, PUBLIC_HOST, {
    bootstrap: [],
    gateway: { enabled: true, host: '0.0.0.0', port: 8080, publicUrl: SIGNALLER },
    links,
  })
  const ring = { firstRing: [{ key: signaller.ready.publicKey, addresses: [SIGNALLER] }] }
  const behind = ['9.10.0.1', '9.11.0.1'].map((wan, i) =>
    hostBehindNat(topology, outside, 'port-restricted', i, `${wan}/8`),
  )
  relays = await Promise.all(
    behind.map(({ host }) => start(host, '0.0.0.0', { links: { ...links, ...ring } })),
  )
})

afterAll(() => {
  topology.close()
  folder.remove()
})

const neighbours = (relay: NetnsRelay) => statusOf(relay).links.neighbours

describe('relays behind NATs that only WebRTC joins (L-01, L-06)', { timeout: 180_000 }, () => {
  it('meet through a relay that signals for both and tells them their addresses', async () => {
    for (const relay of relays) {
      await vi.waitFor(
        () => {
          const open = neighbours(relay).filter(({ status }) => status === 'open')
          expect(open.flatMap(({ kinds }) => kinds).sort()).toEqual(['webrtc', 'websocket'])
        },
        { timeout: 80_000, interval: 1_000 },
      )
    }
    const [wire] = neighbours(relays[0] as NetnsRelay).flatMap(({ wires }) =>
      wires.filter(({ kind }) => kind === 'webrtc'),
    )
    // Both DTLS fingerprints.
    expect(wire?.binding).toBe(2)
    expect(statusOf(signaller).counters).toMatchObject({ 'stun-answered': expect.any(Number) })
    for (const relay of [signaller, ...relays]) expect(relay.log()).not.toMatch(/\d+\.\d+\.\d+\.\d+/)
  })
})
