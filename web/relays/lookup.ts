import type { Address, IpAddress } from '../../shared/bytes/address.ts'
import type { Dht, KademliaOptions } from '../../shared/kademlia/api.ts'
import type { Clock } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import type { Random } from '../../shared/world/random.ts'
import type { Tunnel, TunnelDatagrams } from '../tunnel/tunnel.ts'

/** What a lookup for relays works with. Everything it sends leaves at an exit. */
export interface LookupWorld {
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  /** Guarded: no private addresses. */
  readonly tunnel: Tunnel
  /** HTTP over the tunnel. */
  readonly fetch: (url: string, options: { readonly signal: AbortSignal }) => Promise<Response>
  readonly mayReach: (address: Address) => boolean
  readonly makeDht: (options: KademliaOptions) => Dht
  /** 20 bytes: what the relays of this network are found under. */
  readonly infoHash: Uint8Array
  /** Takes a descriptor that was found. @returns whether its relay is new, or known, or it is none */
  learn(descriptor: Uint8Array): 'new' | 'known' | 'refused'
}

/** What came of a lookup. */
export interface LookupOutcome {
  /** Relays that it led to. */
  readonly met: number
  /** Those that were not known. */
  readonly found: number
  /** Whether anybody answered at all. */
  readonly answered: boolean
}

/** Resolves after `ms`, or at once when `signal` says so. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const end = () => {
      timer.cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = clock.after(ms, end)
    signal.addEventListener('abort', end)
  })
}

/** Resolves when `signal` says so. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

/** A node of the DHT for one lookup: it asks and answers nothing (BEP 43), and what it sends leaves through `socket` at an exit. */
export function askingNode(
  { makeDht, clock, random, counters, mayReach }: LookupWorld,
  socket: Pick<TunnelDatagrams, 'send'>,
  events: KademliaOptions['events'] = {},
): Dht {
  return makeDht({
    clock,
    random,
    counters,
    // Exits have IPv4; not all have IPv6.
    families: ['ipv4'],
    send: (address, datagram) => socket.send(address, datagram),
    mayReach,
    readOnly: true,
    events,
  })
}

export const isIp = (address: Address): address is IpAddress => address.kind !== 'domain'
