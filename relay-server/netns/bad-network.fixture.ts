import type { BuildReport, DownloadReport, HopSpec } from './bad-network-client.ts'
import { BAD, type BadConditions, BadWires, type PacketCounts } from './bad-wires.ts'
import { type Namespace, Topology } from './namespaces.ts'
import { type NetnsRelay, RelayFolder } from './relays.fixture.ts'
import { Remote } from './remote.ts'

const HOSTS = ['9.1.0.1', '9.2.0.1', '9.3.0.1'] as const
const CLIENT = '9.100.0.1'
/** The exit reaches the server over a good wire: what lies behind an exit is not ours. */
const [EXIT_SIDE, SERVER] = ['8.1.0.1', '8.2.0.1'] as const
const SERVER_PORT = 8000
const UDP_PORT = 6421
const HTTP_PORT = 8080
/** Requirement C-03. */
const BUILD_LIMIT_MS = 15_000

/** A client's link to the entry, for one circuit at a time. */
export interface ClientLink {
  /** Builds a circuit of three hops; it serves until `discard`. */
  build(): Promise<BuildReport>
  /** Over the circuit, from a server behind the exit. Ends when the circuit does. */
  download(bytes: number): Promise<DownloadReport>
  /** Of the circuit: `ready`, or why it closed. */
  state(): Promise<string>
  discard(): Promise<void>
}

/** A client, three relays (processes of their own), the last an exit; every way between two of the four a bad wire. */
export class BadNetwork {
  private readonly topology: Topology
  private readonly folder: RelayFolder
  private readonly wires: BadWires
  private readonly client: Remote
  private readonly path: readonly HopSpec[]

  static async open(conditions: BadConditions = BAD): Promise<BadNetwork> {
    const topology = new Topology()
    const folder = new RelayFolder()
    try {
      return await build(topology, folder, conditions)
    } catch (error) {
      topology.close()
      folder.remove()
      throw error
    }
  }

  constructor(
    topology: Topology,
    folder: RelayFolder,
    wires: BadWires,
    client: Remote,
    path: readonly HopSpec[],
  ) {
    this.topology = topology
    this.folder = folder
    this.wires = wires
    this.client = client
    this.path = path
  }

  /** A link of its own to the entry. */
  async connect(how: 'websocket' | 'udp'): Promise<ClientLink> {
    const [host] = HOSTS
    const index = await (how === 'udp'
      ? this.client.call<number>('connectByUdp', host, UDP_PORT)
      : this.client.call<number>(
          'connectByWebSocket',
          `ws://${host}:${HTTP_PORT}/relay`,
          this.path[0]?.publicKey,
        ))
    return {
      build: () => this.client.call('build', index, this.path, BUILD_LIMIT_MS),
      download: (bytes) => this.client.call('download', index, SERVER, SERVER_PORT, bytes),
      state: () => this.client.call('state', index),
      discard: () => this.client.call('discard', index),
    }
  }

  packets(): Promise<PacketCounts> {
    return this.wires.counts()
  }

  close(): void {
    this.topology.close()
    this.folder.remove()
  }
}

async function build(
  topology: Topology,
  folder: RelayFolder,
  conditions: BadConditions,
): Promise<BadNetwork> {
  const hosts = new Map<string, Namespace>(
    [CLIENT, ...HOSTS].map((host) => [host, topology.namespace('host')]),
  )
  const [clientHost, entryHost, , exitHost] = [...hosts.values()] as [
    Namespace,
    Namespace,
    Namespace,
    Namespace,
  ]
  const server = topology.namespace('server')
  topology.wire(exitHost, `${EXIT_SIDE}/8`, server, `${SERVER}/8`)
  const wires = await BadWires.open(topology, conditions, hosts)
  const relays = await Promise.all(
    HOSTS.map((host, i) =>
      folder.start(hosts.get(host) ?? entryHost, {
        bootstrap: i === 0 ? [] : [`${HOSTS[0]}:${UDP_PORT}`],
        bootstrapDefaults: false,
        udp: { host, port: UDP_PORT, portMapping: false },
        gateway: { enabled: i === 0, host, port: HTTP_PORT },
        exit: { enabled: i === 2, localIpv4: EXIT_SIDE },
      }),
    ),
  )
  const place = { namespace: server, host: SERVER, port: SERVER_PORT, kind: 'tcp' } as const
  const client = new Remote(topology, 'bad-network-client.ts', [place], clientHost)
  const path = relays.map(({ ready }, i) => hopOf(ready, HOSTS[i] ?? ''))
  await client.call('serve')
  return new BadNetwork(topology, folder, wires, client, path)
}

const hopOf = ({ publicKey }: NetnsRelay['ready'], host: string): HopSpec => ({
  publicKey,
  host,
  port: UDP_PORT,
})
