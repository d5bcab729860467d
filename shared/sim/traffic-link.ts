import type { Address } from '../bytes/address.ts'
import type { Link } from '../link/link.ts'
import type { SizeClasses } from '../link/padding.ts'
import { QueuedLink } from '../link/queued-link.ts'
import type { Clock } from '../world/clock.ts'
import { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import { simulatedLinks } from './simulated-link.ts'
import type { Seen } from './traffic-watcher.ts'
import { Wire, type WireConditions } from './wire.ts'

const ADDRESS: Address = { kind: 'ipv4', host: '10.0.0.1', port: 1 }

/** How packets go over the links that are watched: as datagrams, or as messages of a stream, padded to these classes. */
export type Carriage = 'datagrams' | SizeClasses

/** A link of the relay that is watched. */
export interface WatchedLink {
  /** The relay's end and the neighbour's. */
  readonly relay: Link
  readonly neighbour: Link
  /** All that went over it, in the order in which it was sent. */
  readonly seen: readonly Seen[]
  /** Packet bytes that each end has sent. */
  readonly relayCounters: Counters
  readonly neighbourCounters: Counters
}

export interface WatchedLinkOptions {
  readonly clock: Clock
  readonly random: Random
  readonly conditions: WireConditions
  readonly carriage: Carriage
  onRelayPacket(packet: Uint8Array): void
  onNeighbourPacket(packet: Uint8Array): void
}

/** Two ends of a link whose every message or datagram is noted as it goes onto the wire. */
export function watchedLink(options: WatchedLinkOptions): WatchedLink {
  return options.carriage === 'datagrams' ? datagrams(options) : messages(options, options.carriage)
}

function messages(options: WatchedLinkOptions, sizeClasses: SizeClasses): WatchedLink {
  const { clock, random, conditions } = options
  const seen: Seen[] = []
  const end = (
    direction: Seen['direction'],
    other: () => QueuedLink,
    onPacket: (packet: Uint8Array) => void,
  ) => {
    const counters = new Counters()
    const wire = new Wire(clock, random, conditions, (message) => other().receive(message))
    const link: QueuedLink = new QueuedLink({
      ...{ kind: 'tcp', address: ADDRESS, clock, counters, sizeClasses },
      onPacket: (_link, packet) => onPacket(packet),
      pipe: {
        send: (message) => {
          seen.push({ atMs: clock.now(), bytes: message.length, direction })
          wire.send(message)
        },
        bufferedBytes: () => (wire.queueMs * (conditions.bytesPerSecond ?? 0)) / 1_000,
        close: () => {},
      },
    })
    return { link, counters }
  }
  const relay = end('out', () => neighbour.link, options.onRelayPacket)
  const neighbour = end('in', () => relay.link, options.onNeighbourPacket)
  return {
    ...{ relay: relay.link, neighbour: neighbour.link, seen },
    ...{ relayCounters: relay.counters, neighbourCounters: neighbour.counters },
  }
}

function datagrams(options: WatchedLinkOptions): WatchedLink {
  const { clock, random, conditions } = options
  const seen: Seen[] = []
  const [relay, neighbour] = simulatedLinks(
    clock,
    random,
    conditions,
    { address: ADDRESS, onPacket: (_link, packet) => options.onRelayPacket(packet) },
    { address: ADDRESS, onPacket: (_link, packet) => options.onNeighbourPacket(packet) },
  )
  const noted = (link: Link, direction: Seen['direction'], counters: Counters): Link => ({
    ...{ kind: link.kind, mtu: link.mtu, address: link.address, open: true, close: () => {} },
    send: (packet, flow) => {
      seen.push({ atMs: clock.now(), bytes: packet.length, direction })
      counters.add('link-sent-bytes', packet.length)
      link.send(packet, flow)
    },
  })
  const [relayCounters, neighbourCounters] = [new Counters(), new Counters()]
  return {
    relay: noted(relay, 'out', relayCounters),
    neighbour: noted(neighbour, 'in', neighbourCounters),
    ...{ seen, relayCounters, neighbourCounters },
  }
}
