import { type Address, formatAddress } from '../bytes/address.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { type Random, uint16 } from '../world/random.ts'
import type { CongestionControl } from './congestion.ts'
import { UtpConnection } from './connection.ts'
import { UTP_HEADER_BYTES, type UtpSettings } from './constants.ts'
import type { UtpEvents } from './events.ts'
import { newPacket, UTP_TYPE, UtpHeader } from './header.ts'
import type { Holding } from './holding.ts'
import type { LargePackets } from './large-packets.ts'
import { microseconds } from './sequence.ts'

export interface UtpEndpointOptions {
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  settings(peer: Address): UtpSettings
  congestion(settings: UtpSettings): CongestionControl
  /** If packets may be larger than the settings say at times: known to all connections together. */
  readonly large?: LargePackets
  /** Takes a packet for sending; it is the taker's. */
  send(to: Address, packet: Uint8Array): void
  /** Somebody wants to connect. Without this, all are refused. */
  readonly incoming?: (request: UtpRequest) => void
  /** Connections and undecided requests, lingering ones included; more are refused and counted. */
  readonly maxConnections: number
}

type Decide = (events: UtpEvents | undefined, tell: boolean, holding?: Holding) => UtpConnection | undefined

/** A SYN that waits for a decision, now or later; SYNs that are sent again meanwhile are swallowed. */
export class UtpRequest {
  readonly from: Address
  /** As in the SYN. */
  readonly connectionId: number
  /** The latest copy. */
  syn: Uint8Array
  private readonly decide: Decide

  constructor(from: Address, connectionId: number, syn: Uint8Array, decide: Decide) {
    this.from = from
    this.connectionId = connectionId
    this.syn = syn
    this.decide = decide
  }

  /** Answers the SYN. @returns undefined if the request was decided before */
  accept(events: UtpEvents, holding?: Holding): UtpConnection | undefined {
    return this.decide(events, true, holding)
  }

  /** Says no with a RESET. */
  refuse(): void {
    this.decide(undefined, true)
  }

  /** Forgets the request without a word. */
  drop(): void {
    this.decide(undefined, false)
  }
}

/** All uTP connections of one place: finds for each packet the connection it belongs to, by address and connection id. */
export class UtpEndpoint {
  private readonly options: UtpEndpointOptions
  /** By peer and the id that its packets bear. */
  private readonly table = new Map<string, UtpConnection | UtpRequest>()
  private readonly header = new UtpHeader()

  constructor(options: UtpEndpointOptions) {
    this.options = options
  }

  /** Connections and requests, lingering ones included. */
  get size(): number {
    return this.table.size
  }

  /** Undefined if there are too many connections. @returns the connection and the id by which `find` knows it */
  connect(to: Address, events: UtpEvents): { connection: UtpConnection; id: number } | undefined {
    if (this.table.size >= this.options.maxConnections) {
      this.options.counters.add('utp-too-many-connections')
      return undefined
    }
    let id = uint16(this.options.random)
    while (this.table.has(keyOf(to, id)) || this.table.has(keyOf(to, id + 1))) id = (id + 1) & 0xffff
    const connection = this.add(to, id, events)
    connection.connect(id)
    return { connection, id }
  }

  /** The connection to a peer whose packets bear `id`. */
  find(peer: Address, id: number): UtpConnection | undefined {
    const found = this.table.get(keyOf(peer, id))
    return found instanceof UtpConnection ? found : undefined
  }

  /**
   * Takes in a packet, of which it keeps the payload.
   * @returns false if this is no uTP packet
   */
  receive(from: Address, packet: Uint8Array): boolean {
    const { header, options } = this
    if (!header.read(packet)) {
      options.counters.add('utp-malformed')
      return false
    }
    if (header.type === UTP_TYPE.syn) {
      this.receiveSyn(from, packet)
      return true
    }
    const found = this.table.get(keyOf(from, header.connectionId))
    if (found instanceof UtpConnection) {
      found.receive(packet, header)
    } else if (header.type === UTP_TYPE.reset) {
      this.receiveForeignReset(from, packet)
    } else if (found === undefined) {
      options.counters.add('utp-unknown-connection')
      this.sendReset(from, header.connectionId, header.sequence)
    }
    return true
  }

  /** Ends all connections without a word to the far sides. */
  abandon(): void {
    for (const each of [...this.table.values()]) {
      if (each instanceof UtpConnection) each.abandon()
      else each.drop()
    }
  }

  private receiveSyn(from: Address, packet: Uint8Array): void {
    const { header, options, table } = this
    const { connectionId } = header
    const key = keyOf(from, connectionId + 1)
    const found = table.get(key)
    if (found instanceof UtpConnection) {
      found.receive(packet, header)
      return
    }
    if (found !== undefined) {
      found.syn = packet
      return
    }
    if (options.incoming === undefined || table.size >= options.maxConnections) {
      options.counters.add(options.incoming === undefined ? 'utp-syn-refused' : 'utp-too-many-connections')
      this.sendReset(from, connectionId, header.sequence)
      return
    }
    const request = new UtpRequest(from, connectionId, packet, (events, tell, holding) => {
      if (table.get(key) !== request) return undefined
      table.delete(key)
      const syn = new UtpHeader()
      syn.read(request.syn)
      if (events === undefined) {
        if (tell) this.sendReset(from, connectionId, syn.sequence)
        return undefined
      }
      const connection = this.add(from, (connectionId + 1) & 0xffff, events, holding)
      connection.accept(syn)
      return connection
    })
    table.set(key, request)
    options.incoming(request)
  }

  /** Some answer packets of a connection they do not know with a RESET that bears the packet's own id: our outgoing one. */
  private receiveForeignReset(from: Address, packet: Uint8Array): void {
    const { connectionId } = this.header
    for (const id of [connectionId - 1, connectionId + 1]) {
      const found = this.table.get(keyOf(from, id))
      if (found instanceof UtpConnection && found.outgoingId === connectionId) {
        found.receive(packet, this.header)
        return
      }
    }
  }

  private sendReset(to: Address, id: number, acknowledged: number): void {
    const { options } = this
    const now = microseconds(options.clock.now())
    options.send(to, newPacket(UTP_TYPE.reset, id, now, 0, 0, uint16(options.random), acknowledged, 0))
  }

  private add(peer: Address, id: number, events: UtpEvents, holding?: Holding): UtpConnection {
    const { options, table } = this
    const settings = options.settings(peer)
    const key = keyOf(peer, id)
    const connection = new UtpConnection({
      clock: options.clock,
      random: options.random,
      counters: options.counters,
      settings,
      congestion: options.congestion(settings),
      large: options.large,
      holding,
      events,
      send: (packet) => options.send(peer, packet),
      released: () => {
        table.delete(key)
      },
    })
    table.set(key, connection)
    return connection
  }
}

function keyOf(peer: Address, id: number): string {
  return `${formatAddress(peer)} ${id & 0xffff}`
}

/** Whether a datagram may be uTP at all, told by its first bytes; cheap enough to sort a socket's datagrams by. */
export function looksLikeUtp(packet: Uint8Array): boolean {
  const first = packet[0] ?? 0
  return packet.length >= UTP_HEADER_BYTES && (first & 15) === 1 && first >>> 4 <= UTP_TYPE.syn
}
