import { toHex } from '../../shared/bytes/bytes.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import { KeyPair, type PublicKey } from '../../shared/identity/keys.ts'
import { type LinkAddress, parseLinkAddress } from '../../shared/link/link-address.ts'
import type { Wire } from '../../shared/link/wire.ts'
import { Counters } from '../../shared/world/counters.ts'
import { NodeClock } from '../node-clock.ts'
import { NodeRandom } from '../node-random.ts'
import { WebRtcLinks, type WebRtcLinksOptions } from './webrtc.ts'
import { loadWebRtc, type WebRtcLibrary } from './webrtc-library.ts'
import { RelaySignalling, type SignalWay } from './webrtc-signalling.ts'

const clock = new NodeClock()
const random = new NodeRandom()
export const SIGNALLER = 'ws://127.0.0.1:9/relay'
export const SIGNALLER_ADDRESS: LinkAddress = parseLinkAddress(`webrtc+${SIGNALLER}`)

/** One end of a link in memory, as a neighbour that carries nothing but signalling. */
class MemoryWay implements SignalWay {
  readonly publicKey: PublicKey
  /** What the far end does with what is sent here. */
  arrives: (body: Uint8Array) => void = () => {}

  constructor(publicKey: PublicKey) {
    this.publicKey = publicKey
  }

  sendSignal(body: Uint8Array): void {
    setImmediate(() => this.arrives(body))
  }
}

export interface WebRtcNode {
  readonly links: WebRtcLinks
  readonly keyPair: KeyPair
  readonly counters: Counters
  /** Of those who called. */
  readonly wires: Wire[]
  /** Channels that this node made, in their order. */
  readonly channels: RTCDataChannel[]
  /** Its connections, in their order. */
  readonly peers: RTCPeerConnection[]
  readonly log: string[]
}

/** Nodes with WebRTC links on loopback, signalled by one relay that does nothing else. */
export class WebRtcTown {
  readonly signallerCounters = new Counters()
  private readonly nodes: WebRtcNode[] = []
  private readonly ways = new Map<string, MemoryWay>()
  private readonly signaller = new RelaySignalling({
    clock,
    random,
    counters: this.signallerCounters,
    ownMid: new Uint8Array(20),
    forward: true,
    allowPrivate: true,
    openNeighbour: (mid) => this.ways.get(toHex(mid)),
    isRelay: () => true,
  })

  async node(options: Partial<WebRtcLinksOptions> = {}): Promise<WebRtcNode> {
    const keyPair = KeyPair.generate(random)
    const [counters, wires, log] = [new Counters(), [] as Wire[], [] as string[]]
    const channels: RTCDataChannel[] = []
    const peers: RTCPeerConnection[] = []
    const up = new MemoryWay(keyPair.publicKey)
    const down = new MemoryWay(keyPair.publicKey)
    const links = new WebRtcLinks({
      keyPair,
      network: 'test',
      clock,
      random,
      counters,
      log: { error: (line) => log.push(line), info: (line) => log.push(line), debug: () => {} },
      forward: false,
      allowPrivate: true,
      bindAddress: '127.0.0.1',
      stunServers: () => [],
      openNeighbour: () => undefined,
      isRelay: () => true,
      signallerAt: () => up,
      signallers: () => [SIGNALLER],
      onWire: (wire) => wires.push(wire),
      load: async () => recording(await loadWebRtc(), channels, peers),
      ...options,
    })
    up.arrives = (body) => this.signaller.receive(down, body)
    down.arrives = (body) => links.signalling.receive(up, body)
    this.ways.set(toHex(keyPair.publicKey.mid), down)
    await links.start()
    const node = { links, keyPair, counters, wires, channels, peers, log }
    this.nodes.push(node)
    return node
  }

  /** What a node is told by the signaller passes `change` first. */
  tamper(node: WebRtcNode, change: (body: Uint8Array) => Uint8Array | undefined): void {
    const down = this.ways.get(toHex(node.keyPair.publicKey.mid))
    if (!down) throw new CulvertError('test', 'no such node')
    const { arrives } = down
    down.arrives = (body) => {
      const changed = change(body)
      if (changed) arrives(changed)
    }
  }

  /** The signaller has no link to this node any more. */
  forget(node: WebRtcNode): void {
    this.ways.delete(toHex(node.keyPair.publicKey.mid))
  }

  dial(from: WebRtcNode, to: WebRtcNode): Promise<Wire> {
    return from.links.dial({ address: SIGNALLER_ADDRESS, publicKey: to.keyPair.publicKey })
  }

  /** A pair of wires between two nodes, both with their owners. */
  async pair(from: WebRtcNode, to: WebRtcNode): Promise<[Wire, Wire]> {
    const before = to.wires.length
    const wire = await this.dial(from, to)
    await until(() => to.wires.length > before)
    return [wire, to.wires[before] as Wire]
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map(({ links }) => links.stop()))
  }
}

function recording(
  library: WebRtcLibrary,
  channels: RTCDataChannel[],
  peers: RTCPeerConnection[],
): WebRtcLibrary {
  return {
    ...library,
    connect: (options) => {
      const peer = library.connect(options)
      peers.push(peer)
      const create = peer.createDataChannel.bind(peer)
      peer.createDataChannel = (label, init) => {
        const channel = create(label, init)
        channels.push(channel)
        return channel
      }
      return peer
    },
  }
}

/** Waits for what happens outside of this thread. */
export async function until(predicate: () => boolean): Promise<void> {
  const deadline = clock.now() + 30_000
  while (!predicate()) {
    if (clock.now() > deadline) throw new CulvertError('test', 'never came to be')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
