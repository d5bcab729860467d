import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer } from 'node:net'
import { type Address, addressOf, type IpAddress } from '../../shared/bytes/address.ts'
import { ExitPolicy } from '../../shared/onion/exit-policy.ts'
import type { ExitCircuit, StreamResetReason } from '../../shared/onion/exit-port.ts'
import type { ByteStreamEvents, StreamEnd } from '../../shared/stream/byte-stream.ts'
import { Counters } from '../../shared/world/counters.ts'
import { NodeClock } from '../node-clock.ts'
import { Allowance } from './allowance.ts'
import { Destinations } from './destinations.ts'
import { type NameServer, Resolver } from './resolver.ts'

/** The names that there are in the tests. */
export function testNames(): NameServer {
  const names: Record<string, string[]> = {
    'loop.names.net': ['127.0.0.1'],
    'mixed.names.net': ['10.0.0.1', '127.0.0.1'],
    'private.names.net': ['10.0.0.1'],
    'mapped.names.net': ['::ffff:10.0.0.1'],
  }
  const ofKind = (name: string, kind: string) =>
    (names[name] ?? [])
      .filter((address) => addressOf(address, 0).kind === kind)
      .map((address) => ({ address, ttl: 60 }))
  const never = new Promise<never>(() => undefined)
  return {
    ipv4: async (name) => (name === 'never.names.net' ? never : ofKind(name, 'ipv4')),
    ipv6: async (name) => ofKind(name, 'ipv6'),
  }
}

export function testExit(allowNetworks: string[], maxSockets = 100) {
  const counters = new Counters()
  const clock = new NodeClock()
  const resolver = new Resolver({ clock, counters, server: testNames() })
  const destinations = new Destinations(new ExitPolicy({ allowNetworks }), resolver, counters)
  const sockets = new Allowance(maxSockets, 'exit-sockets-full', counters)
  return { counters, clock, resolver, destinations, sockets }
}

/** Resolves when `predicate` holds; looks again whenever something happened. */
export class Happenings {
  private waiting: { predicate: () => boolean; resolve: () => void }[] = []

  note(): void {
    this.waiting = this.waiting.filter(({ predicate, resolve }) => {
      if (!predicate()) return true
      resolve()
      return false
    })
  }

  until(predicate: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push({ predicate, resolve })
      this.note()
    })
  }
}

/** What a stream said, in order. */
export class Recorder extends Happenings implements ByteStreamEvents {
  readonly said: string[] = []
  readonly chunks: Uint8Array[] = []
  bytes = 0
  end: StreamEnd | 'orderly' | undefined

  opened(): void {
    this.say('opened')
  }
  data(chunk: Uint8Array): void {
    this.chunks.push(chunk)
    this.bytes += chunk.length
    this.note()
  }
  drained(): void {
    this.say('drained')
  }
  ended(): void {
    this.say('ended')
  }
  closed(reason: StreamEnd | undefined): void {
    this.end = reason ?? 'orderly'
    this.say('closed')
  }
  text(): string {
    return Buffer.concat(this.chunks).toString()
  }
  private say(word: string): void {
    this.said.push(word)
    this.note()
  }
}

/** A TCP server on 127.0.0.1. */
export async function listen(
  onConnection: (socket: Socket) => void,
): Promise<{ server: Server; address: IpAddress; stop(): Promise<void> }> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    onConnection(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    server,
    address: addressOf('127.0.0.1', (server.address() as AddressInfo).port) as IpAddress,
    stop: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

/** An owner's end of a circuit, as a table. */
export class TestCircuit extends Happenings implements ExitCircuit {
  alive = true
  readonly source: unknown
  streamMessageBytes = 1371
  readonly datagrams: { origin: IpAddress; data: Uint8Array }[] = []
  readonly packets: { destination: Address; packet: Uint8Array }[] = []
  readonly resets: { destination: Address; connectionId: number; reason: StreamResetReason }[] = []

  constructor(source: unknown = {}) {
    super()
    this.source = source
  }

  sendDatagram(origin: IpAddress, data: Uint8Array): void {
    this.datagrams.push({ origin, data: Uint8Array.from(data) })
    this.note()
  }
  sendStream(destination: Address, packet: Uint8Array): void {
    this.packets.push({ destination, packet: Uint8Array.from(packet) })
    this.note()
  }
  sendStreamReset(destination: Address, connectionId: number, reason: StreamResetReason): void {
    this.resets.push({ destination, connectionId, reason })
    this.note()
  }
}
