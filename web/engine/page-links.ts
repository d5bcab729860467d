import { EntryNeighbours, type EntryNeighbourView } from '../../shared/client/entry-neighbours.ts'
import type { PrivateNetwork, PrivateNetworkOptions } from '../../shared/client/private-network.ts'
import { KeyPair, type PublicKey } from '../../shared/identity/keys.ts'
import type { Link } from '../../shared/link/link.ts'
import { isOnionName, readLinkAddress } from '../../shared/link/link-address.ts'
import type { Dialler } from '../../shared/link/wire.ts'
import { relayKey } from '../../shared/path/relay.ts'
import type { Clock } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import type { Random } from '../../shared/world/random.ts'
import type { OpenChannelPort } from '../link/channel-messages.ts'
import { Signallers } from '../link/signallers.ts'
import { WebRtcDialler } from '../link/webrtc-dialler.ts'
import { WebSocketDialler } from '../link/websocket-dialler.ts'
import type { PageBridge } from './page-bridge.ts'
import type { WayInView } from './protocol.ts'

export interface PageLinksOptions {
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  /** The network's name. */
  readonly network: string
  /** Whether all of it runs on this machine. */
  readonly lab: boolean
  /** The browser's constructor, where the global one is not to be used. */
  readonly webSocket: typeof WebSocket | undefined
  /** Makes data channels; there are no links by WebRTC without it. */
  readonly openChannel?: OpenChannelPort | undefined
  /** Through the pages of others, and others through this one. */
  readonly bridge?: PageBridge | undefined
}

/** A link with a relay that lets us in, as it is shown. */
export interface PageWay {
  readonly link: Link
  readonly view: WayInView
}

type ClientPart = Pick<PrivateNetworkOptions, 'openLink' | 'isStuck' | 'webrtc'>

/** The page's links to relays that let it in, by WebSocket and by WebRTC. */
export class PageLinks {
  private readonly options: PageLinksOptions
  private readonly neighbours: EntryNeighbours
  /** What relays know this page by: each another key, the same for all of its wires, and only on this visit. */
  private readonly keys = new Map<string, KeyPair>()
  private client: PrivateNetwork | undefined

  constructor(options: PageLinksOptions) {
    this.options = options
    const { clock, random, counters, network, webSocket, openChannel, bridge } = options
    const world = { clock, random, counters, network }
    const keyFor = (neighbour: PublicKey) => this.keyFor(neighbour)
    const diallers: Dialler[] = [new WebSocketDialler({ ...world, keyFor, webSocket })]
    const signallers = openChannel && this.signallers()
    if (signallers) diallers.push(new WebRtcDialler({ ...world, keyFor, openPort: openChannel, signallers }))
    if (bridge) diallers.push(bridge.dialler({ ...world, keyFor }))
    this.neighbours = new EntryNeighbours({
      clock,
      random,
      counters,
      diallers,
      addressesOf: (relay) =>
        this.client?.entryAddresses.of(relay) ?? [readLinkAddress(relay.url) ?? []].flat(),
      keyFor: (neighbour) => keyFor(neighbour).publicKey,
      inUse: (link) => this.client?.carriesCircuits(link) ?? false,
      changed: () => {
        this.client?.linksChanged()
        bridge?.linksChanged((relay) => this.neighbours.neighbour(relay))
      },
      ...(signallers && {
        onSignal: (neighbour, body) => signallers.receive(neighbour, body),
        onClosed: (neighbour) => signallers.lost(neighbour),
      }),
    })
  }

  /** What the client of the network is made with; then it is to be given to `attach`. */
  clientPart(): ClientPart {
    return {
      webrtc: this.options.openChannel !== undefined,
      isStuck: (link) => this.neighbours.isStuck(link),
      openLink: (relay, onPacket, onClosed) => this.neighbours.open(relay, onPacket, onClosed),
    }
  }

  attach(client: PrivateNetwork): void {
    this.client = client
    this.options.bridge?.attach(client)
  }

  /** The links that there are, for people. */
  views(): readonly PageWay[] {
    return this.neighbours.list().map((entry) => ({ link: entry.neighbour, view: this.view(entry) }))
  }

  private view({ relay, neighbour, state, address, kind }: EntryNeighbourView): WayInView {
    const { latencyMs, wires } = neighbour.health()
    return {
      name: this.client?.nameOf(relay.publicKey) ?? '',
      kind: kind === 'bridge' || kind === 'webrtc' ? kind : 'websocket',
      onion: isOnionName(address?.at.host ?? ''),
      introducedBy: this.client?.entryAddresses.introducerOf(address)?.name ?? '',
      state: state === 'redialling' ? 'reconnecting' : state === 'stuck' ? 'lost' : 'open',
      latencyMs,
      ageSeconds: Math.floor(Math.min(...wires.map(({ ageMs }) => ageMs), Number.MAX_SAFE_INTEGER) / 1_000),
    }
  }

  private signallers(): Signallers {
    const { clock, random, counters, network, webSocket, lab, bridge } = this.options
    // A wire that only introduces is another visitor to the relay: under the key of its link it would take that one's place.
    const keyFor = () => KeyPair.generate(random)
    return new Signallers({
      clock,
      random,
      counters,
      dialler: new WebSocketDialler({ clock, random, counters, network, webSocket, keyFor }),
      allowPrivate: lab,
      signallerAt: (gateway) => this.client?.entryAddresses.introducerAt(gateway),
      isNotAt: (gateway, publicKey) => this.client?.entryAddresses.isNotAt(gateway, publicKey),
      neighbour: (publicKey) => {
        const neighbour = this.neighbours.neighbour(publicKey)
        return neighbour?.status === 'open' ? neighbour : undefined
      },
      ...(bridge && { onCall: (session, neighbour) => bridge.called(session, neighbour) }),
    })
  }

  private keyFor(neighbour: PublicKey): KeyPair {
    const name = relayKey({ publicKey: neighbour })
    let key = this.keys.get(name)
    if (!key) {
      key = KeyPair.generate(this.options.random)
      this.keys.set(name, key)
    }
    return key
  }
}
