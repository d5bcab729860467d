import { createSocket, type RemoteInfo, type Socket, type SocketOptions } from 'node:dgram'
import { type Address, addressOf, type IpAddress } from '../../shared/bytes/address.ts'
import { MAX_DATAGRAM_BYTES } from '../../shared/onion/constants.ts'
import type { ExitCircuit } from '../../shared/onion/exit-port.ts'
import type { Counters } from '../../shared/world/counters.ts'
import type { Allowance } from './allowance.ts'
import { MAX_WAITING_DATAGRAMS } from './constants.ts'
import { type Destinations, RefusedError } from './destinations.ts'

export interface UdpExitOptions {
  readonly destinations: Destinations
  readonly counters: Counters
  /** One for each socket, shared with the TCP connections. */
  readonly sockets: Allowance
  /** Whether a datagram's content may pass, in either direction (IPV8-WIRE, exits). */
  readonly mayPass: (data: Uint8Array) => boolean
  /** Whether the circuit has a place at the exit, or gets one now: asked for each datagram that may leave. */
  readonly takePlace: () => boolean
  /** Where datagrams come from; the system chooses where left out. */
  readonly localIpv4?: string | undefined
  readonly localIpv6?: string | undefined
}

type Family = IpAddress['kind']

/**
 * The datagrams of one circuit: an IPv4 and an IPv6 socket of its own, each opened when first needed. What waits for a
 * name is bounded; what does not pass is dropped and counted, as UDP may.
 */
export class UdpExit {
  private readonly options: UdpExitOptions
  private readonly circuit: ExitCircuit
  private readonly sockets = new Map<Family, BoundSocket>()
  private resolving = 0
  private lastOrigin: IpAddress | undefined
  private lastOriginText = ''
  private closed = false

  constructor(options: UdpExitOptions, circuit: ExitCircuit) {
    this.options = options
    this.circuit = circuit
  }

  send(destination: Address, data: Uint8Array): void {
    if (this.closed) return
    const { mayPass, destinations, takePlace, counters } = this.options
    if (!mayPass(data)) {
      counters.add('exit-udp-content-refused')
    } else if (!destinations.allows(destination, 'udp')) {
      counters.add('exit-destination-refused')
    } else if (takePlace()) {
      if (destination.kind === 'domain') this.sendToName(destination, data)
      else this.sendTo(destination, data)
    }
  }

  close(): void {
    this.closed = true
    for (const socket of this.sockets.values()) socket.close()
    this.sockets.clear()
  }

  private sendToName(destination: Address, data: Uint8Array): void {
    if (this.resolving >= MAX_WAITING_DATAGRAMS) {
      this.options.counters.add('exit-udp-queue-full')
      return
    }
    this.resolving++
    const copy = data.slice()
    this.options.destinations
      .choose(destination, 'udp')
      .then(
        (address) => this.sendTo(address, copy),
        () => this.options.counters.add('exit-udp-unresolved'),
      )
      .finally(() => this.resolving--)
  }

  private sendTo(address: IpAddress, data: Uint8Array): void {
    if (this.closed) return
    this.socketFor(address.kind)?.send(address, data)
  }

  private socketFor(family: Family): BoundSocket | undefined {
    const existing = this.sockets.get(family)
    if (existing) return existing
    const { sockets, counters, localIpv4, localIpv6 } = this.options
    if (!sockets.take()) return undefined
    const local = family === 'ipv4' ? localIpv4 : localIpv6
    const socket = new BoundSocket(family, local, counters, {
      received: (data, from) => this.received(data, from),
      ended: () => sockets.giveBack(),
    })
    this.sockets.set(family, socket)
    return socket
  }

  private received(data: Uint8Array, from: RemoteInfo): void {
    if (this.closed) return
    const { counters, destinations, mayPass } = this.options
    const origin = this.originOf(from)
    if (origin === undefined) return
    if (data.length > MAX_DATAGRAM_BYTES) counters.add('exit-udp-datagram-too-large')
    else if (!mayPass(data)) counters.add('exit-udp-content-refused')
    else if (!destinations.allows(origin, 'udp')) counters.add('exit-udp-origin-refused')
    else this.circuit.sendDatagram(origin, data)
  }

  /** The same object for the same sender while it keeps sending: its wire form and the policy's word are remembered by it. */
  private originOf(from: RemoteInfo): IpAddress | undefined {
    if (this.lastOrigin?.port === from.port && this.lastOriginText === from.address) return this.lastOrigin
    const origin = addressOf(from.address, from.port)
    if (origin.kind === 'domain') return undefined
    this.lastOrigin = origin
    this.lastOriginText = from.address
    return origin
  }
}

/** In place of a look-up for each datagram: what comes here is an address that the policy has judged. */
const asGiven: NonNullable<SocketOptions['lookup']> = (host, _options, done) => {
  const { kind } = addressOf(host, 0)
  if (kind === 'domain') done(new RefusedError('destination-refused', 'not an address'), '', 0)
  else done(null, host, kind === 'ipv4' ? 4 : 6)
}

/** A UDP socket of one family. Where the machine lacks the family or the address, it drops and counts. */
class BoundSocket {
  private readonly socket: Socket
  private readonly counters: Counters
  private readonly ended: () => void
  /** With an address that needs no look-up, dgram binds at once: nothing ever waits for it. */
  private state: 'unbound' | 'bound' | 'closed' = 'unbound'

  constructor(
    family: Family,
    local: string | undefined,
    counters: Counters,
    events: { received(data: Uint8Array, from: RemoteInfo): void; ended(): void },
  ) {
    this.counters = counters
    this.ended = events.ended
    this.socket = createSocket(
      family === 'ipv4'
        ? { type: 'udp4', lookup: asGiven }
        : { type: 'udp6', ipv6Only: true, lookup: asGiven },
    )
    this.socket.on('message', ({ buffer, byteOffset, length }, from) =>
      events.received(new Uint8Array(buffer, byteOffset, length), from),
    )
    this.socket.once('listening', () => {
      this.state = 'bound'
    })
    this.socket.on('error', () => counters.add('exit-udp-socket-failed'))
    this.socket.bind({ port: 0, exclusive: true, ...(local ? { address: local } : {}) })
  }

  send(address: IpAddress, data: Uint8Array): void {
    if (this.state !== 'bound') {
      this.counters.add('exit-udp-no-socket')
      return
    }
    this.socket.send(data, address.port, address.host, (error) => {
      this.counters.add(error ? 'exit-udp-send-failed' : 'exit-udp-sent')
    })
  }

  close(): void {
    if (this.state === 'closed') return
    this.state = 'closed'
    this.socket.close(this.ended)
  }
}
