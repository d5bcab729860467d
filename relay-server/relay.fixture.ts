import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { type Address, addressOf, type IpAddress } from '../shared/bytes/address.ts'
import { fromHex } from '../shared/bytes/bytes.ts'
import { nobleAead } from '../shared/crypto/noble-aead.ts'
import { KeyPair, type PublicKey } from '../shared/identity/keys.ts'
import { prefixOf } from '../shared/ipv8/packet.ts'
import { LinkAuthInitiator } from '../shared/link/auth.ts'
import type { Link } from '../shared/link/link.ts'
import { QueuedLink } from '../shared/link/queued-link.ts'
import { Circuit } from '../shared/onion/circuit.ts'
import type { CircuitEvents } from '../shared/onion/circuit-options.ts'
import type { StreamResetReason } from '../shared/onion/exit-port.ts'
import type { PathHop } from '../shared/onion/hop.ts'
import { Counters } from '../shared/world/counters.ts'
import { parseConfig, type RelayConfigInput } from './config.ts'
import { Happenings } from './exit/exit.fixture.ts'
import type { Log } from './log.ts'
import { NodeClock } from './node-clock.ts'
import { NodeRandom } from './node-random.ts'
import { Relay } from './relay.ts'

export const clock = new NodeClock()
export const random = new NodeRandom()

const folders: string[] = []
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** A folder for what one relay remembers, gone with this process. */
function stateFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'culvert-relay-'))
  folders.push(folder)
  return folder
}

export interface TestRelay {
  readonly relay: Relay
  readonly keyPair: KeyPair
  readonly counters: Counters
  /** Lines up to level `info`. */
  readonly logged: string[]
  readonly debugged: string[]
  /** Of relays that it has a link with. */
  readonly messages: { readonly from: PublicKey; readonly body: Uint8Array }[]
  readonly hop: PathHop
}

/** Starts a relay on an address of its own of this machine; with a free port for everything. */
export async function startRelay(host: string, config: RelayConfigInput = {}): Promise<TestRelay> {
  const keyPair = KeyPair.generate(random)
  const counters = new Counters()
  const logged: string[] = []
  const write = (message: string) => logged.push(message)
  const debugged: string[] = []
  const messages: TestRelay['messages'] = []
  const log: Log = { error: write, info: write, debug: (message) => debugged.push(message) }
  const relay = new Relay({
    config: parseConfig(
      JSON.stringify({
        lab: true,
        // Whatever else a test asks for: nothing beyond this machine.
        bootstrapDefaults: false,
        discovery: { dht: { defaultRouters: false } },
        network: 'test',
        udp: { host, port: 0 },
        links: { tcp: { port: 0 } },
        exchangeSeconds: 0.5,
        networkPrefixBits: 32,
        state: stateFolder(),
        ...config,
      }),
      'test',
    ),
    keyPair,
    clock,
    random,
    counters,
    log,
    onMessage: (from, body) => messages.push({ from, body }),
  })
  await relay.start()
  const address = addressOf(host, Number(relay.udpAddress.split(':').at(-1))) as IpAddress
  return {
    relay,
    keyPair,
    counters,
    logged,
    debugged,
    messages,
    hop: { publicKey: keyPair.publicKey, address, name: host },
  }
}

export const COMMUNITY = fromHex('a3591a6bd89bbaca0974062a1287afcfbc6fd6bc')

/** The owner of one circuit at a time over one link, and what came back through it. */
export class TestOwner extends Happenings implements CircuitEvents {
  readonly prefix = prefixOf(COMMUNITY)
  readonly counters = new Counters()
  readonly datagrams: { origin: Address; data: string }[] = []
  onStream: (destination: Address, packet: Uint8Array) => void = () => undefined
  onReset: (destination: Address, connectionId: number, reason: StreamResetReason) => void = () => undefined
  closedFor: string | undefined
  circuit: Circuit | undefined

  readonly onPacket = (_link: Link, packet: Uint8Array): void => this.circuit?.receive(packet)

  /** Builds a circuit; ends when it is ready. */
  async build(link: Link, path: readonly PathHop[]): Promise<Circuit> {
    this.closedFor = undefined
    const circuit = new Circuit({
      keyPair: KeyPair.generate(random),
      path,
      link,
      prefix: this.prefix,
      clock,
      random,
      aead: nobleAead,
      counters: this.counters,
      events: this,
    })
    this.circuit = circuit
    circuit.start()
    await this.until(() => circuit.state === 'ready' || this.closedFor !== undefined)
    return circuit
  }

  changed(): void {
    this.note()
  }
  ready(): void {
    this.note()
  }
  datagram(_circuit: Circuit, origin: Address, data: Uint8Array): void {
    this.datagrams.push({ origin, data: Buffer.from(data).toString() })
    this.note()
  }
  stream(_circuit: Circuit, destination: Address, packet: Uint8Array): void {
    this.onStream(destination, packet)
    this.note()
  }
  streamReset(_circuit: Circuit, to: Address, connectionId: number, reason: StreamResetReason): void {
    this.onReset(to, connectionId, reason)
    this.note()
  }
  closed(_circuit: Circuit, reason: string): void {
    this.closedFor = reason
    this.note()
  }
}

/** A page's end of a link to a gateway: what web/link does in a browser, without its care. */
export function openPageLink(url: string, relayKey: PublicKey, owner: TestOwner): Promise<Link> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url)
    const send = (message: Uint8Array) => socket.send(message)
    let link: QueuedLink | undefined
    const auth = new LinkAuthInitiator({
      keyPair: KeyPair.generate(random),
      expectedKey: relayKey,
      network: 'test',
      clock,
      random,
      send,
      onFailed: reject,
      onDone() {
        link = new QueuedLink({
          kind: 'websocket',
          address: relayAddress,
          clock,
          counters: owner.counters,
          pipe: {
            send,
            bufferedBytes: () => socket.bufferedAmount,
            close: (code, reason) => socket.close(code, reason),
          },
          onPacket: owner.onPacket,
        })
        resolve(link)
      },
    })
    const { hostname, port } = new URL(url)
    const relayAddress = addressOf(hostname, Number(port))
    socket.on('open', () => auth.start())
    socket.on('error', reject)
    socket.on('message', (data: Buffer) => {
      const message = new Uint8Array(data.buffer, data.byteOffset, data.length)
      if (link) link.receive(message)
      else auth.receive(message)
    })
    socket.on('close', () => link?.closed('lost'))
  })
}
