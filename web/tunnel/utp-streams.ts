import { type Address, formatAddress, type IpAddress } from '../../shared/bytes/address.ts'
import type { ByteStream, ByteStreamEvents } from '../../shared/stream/byte-stream.ts'
import { UtpConnection } from '../../shared/utp/connection.ts'
import { UTP_DEFAULTS, type UtpSettings } from '../../shared/utp/constants.ts'
import { UtpHeader } from '../../shared/utp/header.ts'
import { Ledbat } from '../../shared/utp/ledbat.ts'
import type { Clock } from '../../shared/world/clock.ts'
import { Counters } from '../../shared/world/counters.ts'
import { type Random, uint16 } from '../../shared/world/random.ts'
import { BrowserClock } from '../link/browser-clock.ts'
import { BrowserRandom } from '../link/browser-random.ts'
import { type DatagramUser, hubOf } from './datagram-hub.ts'
import { refusedStream } from './guard.ts'
import { UTP_CONNECT_TIMEOUT_MS, UTP_PACKET_BYTES, UTP_RECEIVE_BUFFER_BYTES } from './limits.ts'
import type { Tunnel, TunnelDatagrams } from './tunnel.ts'

const SETTINGS: UtpSettings = {
  ...UTP_DEFAULTS,
  maxPacketBytes: UTP_PACKET_BYTES,
  receiveBufferBytes: UTP_RECEIVE_BUFFER_BYTES,
  connectTimeoutMs: UTP_CONNECT_TIMEOUT_MS,
}

export interface UtpWorld {
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
}

/**
 * uTP connections to swarm peers, all over one UDP socket at the exit (BEP 29). With LEDBAT, as the swarm expects of us. The
 * socket is open while there are connections.
 */
export class UtpStreams implements DatagramUser {
  readonly takesAny = false
  private readonly tunnel: Tunnel
  private readonly world: UtpWorld
  private readonly connections = new Map<string, UtpConnection>()
  private readonly header = new UtpHeader()
  private socket: TunnelDatagrams | undefined

  constructor(tunnel: Tunnel, world: UtpWorld) {
    this.tunnel = tunnel
    this.world = world
  }

  /** @param destination an address, no name: answers are told apart by where they come from */
  open(destination: IpAddress, events: ByteStreamEvents): ByteStream {
    const peer = formatAddress(destination)
    const id = this.freeId(peer)
    this.socket ??= hubOf(this.tunnel).open(this)
    const { socket } = this
    const connection = new UtpConnection({
      ...this.world,
      settings: SETTINGS,
      congestion: new Ledbat(SETTINGS.maxPacketBytes),
      events,
      send: (packet) => socket.send(destination, packet),
      released: () => this.release(`${peer} ${id}`),
    })
    this.connections.set(`${peer} ${id}`, connection)
    connection.connect(id)
    return connection
  }

  /** The socket at the exit is another one now: peers answer the old one, if at all. Nobody is there to be told. */
  abandon(): void {
    for (const connection of [...this.connections.values()]) connection.abandon()
  }

  private release(key: string): void {
    this.connections.delete(key)
    if (this.connections.size > 0) return
    this.socket?.close()
    this.socket = undefined
  }

  claim(origin: IpAddress, packet: Uint8Array): boolean {
    const { header } = this
    if (!header.read(packet)) return false
    const connection = this.connections.get(`${formatAddress(origin)} ${header.connectionId}`)
    connection?.receive(packet, header)
    return connection !== undefined
  }

  private freeId(peer: string): number {
    for (;;) {
      const id = uint16(this.world.random)
      const next = (id + 1) & 0xffff
      if (!this.connections.has(`${peer} ${id}`) && !this.connections.has(`${peer} ${next}`)) return id
    }
  }
}

const streams = new WeakMap<Tunnel, UtpStreams>()

/** Opens a uTP connection to a swarm peer. Peers have addresses: one that is named is refused. */
export function openUtp(tunnel: Tunnel, destination: Address, events: ByteStreamEvents): ByteStream {
  if (destination.kind === 'domain') return refusedStream(events)
  let open = streams.get(tunnel)
  if (!open) {
    const world = { clock: new BrowserClock(), random: new BrowserRandom(), counters: new Counters() }
    open = new UtpStreams(tunnel, world)
    streams.set(tunnel, open)
  }
  return open.open(destination, events)
}

/** Ends the uTP connections over a circuit that serves no longer; without this, they would wait half a minute for an answer. */
export function abandonUtp(tunnel: Tunnel): void {
  streams.get(tunnel)?.abandon()
}
