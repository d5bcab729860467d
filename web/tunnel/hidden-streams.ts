import { addressOf, formatAddress, type IpAddress } from '../../shared/bytes/address.ts'
import type { HiddenPeer } from '../../shared/hidden/hidden-peer.ts'
import type { ByteStream, ByteStreamEvents } from '../../shared/stream/byte-stream.ts'
import { CircuitControl } from '../../shared/utp/circuit-control.ts'
import { UTP_DEFAULTS, type UtpSettings } from '../../shared/utp/constants.ts'
import { UtpEndpoint } from '../../shared/utp/endpoint.ts'
import { PathDelay } from '../../shared/utp/path-delay.ts'
import { refusedStream } from './guard.ts'
import {
  HIDDEN_CONNECT_TIMEOUT_MS,
  HIDDEN_CONNECTIONS,
  UTP_PACKET_BYTES,
  UTP_RECEIVE_BUFFER_BYTES,
} from './limits.ts'
import { CircuitSocket } from './socket.ts'
import type { UtpWorld } from './utp-streams.ts'

const SETTINGS: UtpSettings = {
  ...UTP_DEFAULTS,
  maxPacketBytes: UTP_PACKET_BYTES,
  receiveBufferBytes: UTP_RECEIVE_BUFFER_BYTES,
  connectTimeoutMs: HIDDEN_CONNECT_TIMEOUT_MS,
}

/** What of an end-to-end circuit is used here. */
export type HiddenPath = Pick<HiddenPeer, 'address' | 'send'>

/**
 * uTP to the peers of a hidden swarm, each at the end of a circuit of its own: from us to them, and from them to us. No exit is
 * on the way. They are known by their virtual addresses.
 */
export class HiddenStreams {
  /** Takes connections that peers open; without it they are refused. */
  onConnection: ((socket: CircuitSocket) => void) | undefined
  private readonly world: UtpWorld
  private readonly endpoints = new Map<string, UtpEndpoint>()

  constructor(world: UtpWorld) {
    this.world = world
  }

  /** Whether a host is one of theirs. */
  knows(host: string): boolean {
    for (const key of this.endpoints.keys()) if (key.startsWith(`${host}:`)) return true
    return false
  }

  add(peer: HiddenPath): void {
    const path = new PathDelay()
    this.endpoints.set(
      formatAddress(peer.address),
      new UtpEndpoint({
        ...this.world,
        settings: () => SETTINGS,
        congestion: ({ maxPacketBytes }) => new CircuitControl(maxPacketBytes, path),
        send: (_, packet) => peer.send(packet),
        incoming: (request) => {
          const accept = this.onConnection
          if (!accept) {
            request.refuse()
            return
          }
          const { host, port } = peer.address
          accept(new CircuitSocket(host, port, (events) => request.accept(events) ?? refusedStream(events)))
        },
        maxConnections: HIDDEN_CONNECTIONS,
      }),
    )
  }

  /** The circuit has ended, and with it what ran over it. */
  remove(peer: HiddenPath): void {
    const key = formatAddress(peer.address)
    this.endpoints.get(key)?.abandon()
    this.endpoints.delete(key)
  }

  receive(peer: HiddenPath, data: Uint8Array): void {
    this.endpoints.get(formatAddress(peer.address))?.receive(peer.address, data)
  }

  open(address: IpAddress, events: ByteStreamEvents): ByteStream {
    const endpoint = this.endpoints.get(formatAddress(address))
    return endpoint?.connect(address, events)?.connection ?? refusedStream(events)
  }

  connect(host: string, port: number): CircuitSocket {
    const address = addressOf(host, port)
    return new CircuitSocket(host, port, (events) =>
      address.kind === 'domain' ? refusedStream(events) : this.open(address, events),
    )
  }
}

// On globalThis, as the tunnel is (current-tunnel.ts).
const key = Symbol.for('culvert.hidden-streams')
const shelf = globalThis as { [key]?: HiddenStreams }

/** Sets where connections to and from hidden peers go; undefined when there is no hidden swarm. */
export function setHiddenStreams(streams: HiddenStreams | undefined): void {
  if (streams) shelf[key] = streams
  else delete shelf[key]
}

export function currentHiddenStreams(): HiddenStreams | undefined {
  return shelf[key]
}
