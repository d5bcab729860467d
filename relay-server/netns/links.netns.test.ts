import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { RelayConfigInput } from '../config.ts'
import type { LinksClientResult, LinksClientTask } from './links-client.ts'
import { type Namespace, type Segment, Topology } from './namespaces.ts'
import { RelayFolder, statusOf } from './relays.fixture.ts'

const CLIENT = fileURLToPath(new URL('./links-client.ts', import.meta.url))
const ECHO = { host: '9.40.0.1', port: 7000 }
/** Of the relays, in the order of the circuit, for each kind of link. */
const HOSTS = {
  tcp: ['9.11.0.1', '9.12.0.1', '9.13.0.1'],
  websocket: ['9.21.0.1', '9.22.0.1', '9.23.0.1'],
} as const
type Kind = keyof typeof HOSTS

/** As a network that lets nothing but TCP through. */
const NO_UDP = `
table inet only_tcp {
  chain in { type filter hook input priority 0; iifname "lo" accept; meta l4proto udp drop; }
  chain out { type filter hook output priority 0; oifname "lo" accept; meta l4proto udp drop; }
}`

const topology = new Topology()
const folder = new RelayFolder()
let outside: Segment
let home: Namespace

function place(name: string, address: string): Namespace {
  const namespace = topology.namespace(name)
  outside.attach(namespace, `${address}/8`)
  return namespace
}

function start(kind: Kind, host: string, next: { key: string; host: string } | undefined) {
  const namespace = place('relay', host)
  namespace.nft(NO_UDP)
  const at = (address: string) => (kind === 'tcp' ? `tcp://${address}:6667` : `ws://${address}:8080/relay`)
  const config: RelayConfigInput = {
    bootstrapDefaults: false,
    udp: { host, port: 6421, portMapping: false },
    gateway: { enabled: true, host: '0.0.0.0', publicUrl: `ws://${host}:8080/relay` },
    exit: { enabled: next === undefined },
    links: {
      webrtc: { enabled: false },
      tcp: { enabled: kind === 'tcp' },
      websocket: { enabled: kind === 'websocket' },
      firstRing: next ? [{ key: next.key, addresses: [at(next.host)] }] : [],
    },
  }
  return folder.start(namespace, config)
}

beforeAll(() => {
  outside = topology.segment('outside')
  home = place('home', '9.50.0.1')
  const program = `require('node:net').createServer((socket) => socket.pipe(socket)).listen(${ECHO.port}, '${ECHO.host}')`
  place('echo', ECHO.host).spawn(process.execPath, '--eval', program)
})

afterAll(() => {
  topology.close()
  folder.remove()
})

describe('relays in networks where UDP is dropped, as processes of their own (L-01)', () => {
  it.each(['tcp', 'websocket'] as const)(
    'carry circuits of three hops and streams by %s alone',
    async (kind) => {
      const [entry, middle, exit] = HOSTS[kind]
      const third = await start(kind, exit, undefined)
      const second = await start(kind, middle, { key: third.ready.publicKey, host: exit })
      const first = await start(kind, entry, { key: second.ready.publicKey, host: middle })
      await vi.waitFor(
        () => {
          // One each at the ends, two in the middle: one of them alone would be the entry's.
          const wires = [first, second, third].map((relay) => statusOf(relay).links.kinds[kind]?.wires ?? 0)
          expect(Math.min(wires[0] ?? 0, wires[2] ?? 0, (wires[1] ?? 0) - 1)).toBeGreaterThan(0)
        },
        { timeout: 90_000, interval: 1_000 },
      )
      const task: LinksClientTask = {
        url: `ws://${entry}:8080/relay`,
        path: [first, second, third].map(({ ready }) => ready.publicKey),
        echo: ECHO,
        bytes: 300_000,
      }
      const said = home.run(process.execPath, '--import', 'tsx', CLIENT, JSON.stringify(task))
      expect(JSON.parse(said) as LinksClientResult).toEqual({ circuit: 'ready', whole: true })
      for (const relay of [first, second, third]) {
        const { counters, links } = statusOf(relay)
        expect(counters['udp-received'] ?? 0).toBe(0)
        expect(Object.keys(links.kinds)).toEqual([kind])
        expect(relay.log()).not.toMatch(/\d+\.\d+\.\d+\.\d+/)
      }
    },
    // Seven programs are started, one after the other.
    180_000,
  )
})
