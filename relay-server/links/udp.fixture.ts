import type { Socket } from 'node:dgram'
import { EventEmitter } from 'node:events'
import { Bandwidth } from '../../shared/link/bandwidth.ts'
import type { LinkCloseReason } from '../../shared/link/link.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { Counters } from '../../shared/world/counters.ts'
import { UdpLinks } from './udp.ts'

const HOST = '127.0.0.1'

/** A socket that takes what it is given and says how full it is. */
class FakeSocket extends EventEmitter {
  pendingBytes = 0
  failing = false
  readonly sent: { length: number; port: number }[] = []

  address() {
    return { address: HOST, port: 4_000, family: 'IPv4' }
  }

  getSendQueueSize(): number {
    return this.pendingBytes
  }

  send(
    packet: Uint8Array,
    port: number,
    _host: string,
    done: (error: Error | null, bytes: number) => void,
  ): void {
    this.sent.push({ length: packet.length, port })
    done(this.failing ? new Error('ENOBUFS') : null, packet.length)
  }

  close(done: () => void): void {
    done()
  }

  from(port: number, packet = Uint8Array.of(0)): void {
    this.emit('message', packet, { address: HOST, port, family: 'IPv4', size: packet.length })
  }
}

interface FakeOptions {
  readonly maxLinks?: number
  readonly idleMs?: number
  readonly inUse?: (link: unknown) => boolean
  readonly rateBytesPerSecond?: number
}

/** UDP links over such a socket, on a virtual clock. */
export function fakeLinks({ rateBytesPerSecond, ...options }: FakeOptions = {}) {
  const socket = new FakeSocket()
  const clock = new VirtualClock()
  const counters = new Counters()
  const shaper =
    rateBytesPerSecond === undefined
      ? undefined
      : new Bandwidth({ clock, counters, limits: { rateBytesPerSecond, burstBytes: rateBytesPerSecond } })
  const closed: [number, LinkCloseReason][] = []
  const received: number[] = []
  const links = UdpLinks.over(socket as unknown as Socket, {
    clock,
    random: new SeededRandom(1),
    counters,
    onPacket: (link) => received.push(link.address.port),
    onClosed: (link, reason) => closed.push([link.address.port, reason]),
    shaper,
    ...options,
  })
  const link = (port: number) => links.linkTo({ kind: 'ipv4', host: HOST, port })
  return { socket, clock, counters, closed, received, links, link }
}
