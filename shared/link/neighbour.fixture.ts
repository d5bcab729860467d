import type { Address } from '../bytes/address.ts'
import { KeyPair, type PublicKey } from '../identity/keys.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import type { VirtualClock } from '../sim/virtual-clock.ts'
import { Wire as SimulatedWire, type WireConditions } from '../sim/wire.ts'
import { Counters } from '../world/counters.ts'
import type { Shaper } from './bandwidth.ts'
import { closeReasonOf } from './close-codes.ts'
import type { NeighbourSettings } from './keeper-limits.ts'
import type { LinkCloseReason } from './link.ts'
import type { LinkAddress } from './link-address.ts'
import { Neighbour } from './neighbour.ts'
import { NO_SIZE_CLASSES } from './padding.ts'
import { QueuedLink } from './queued-link.ts'
import { LinkWire, type Wire, type WireKind } from './wire.ts'

export const ADDRESS: Address = { kind: 'ipv4', host: '127.0.0.1', port: 1 }

export interface WirePairOptions {
  readonly clock: VirtualClock
  readonly random: SeededRandom
  readonly left: PublicKey
  readonly right: PublicKey
  /** Who dialled; the left by default. */
  readonly initiator?: 'left' | 'right'
  readonly kind?: WireKind
  readonly address?: LinkAddress
  readonly conditions?: WireConditions
  readonly counters?: Counters
  readonly shaper?: Shaper
}

/** A connection of messages, reliable and in order, as long as it is not told to swallow them. */
export interface WirePair {
  /** The left's end: its neighbour is the right. */
  readonly left: Wire
  readonly right: Wire
  /** From now on nothing arrives at either end, and nobody is told. */
  swallow(): void
  heal(): void
  /** The connection breaks: both ends learn of it. */
  cut(): void
  /** Hands bytes to the right end as a message that came. */
  inject(message: Uint8Array): void
}

/** Two queued links to each other, over a simulated path each way. */
export function wirePair(options: WirePairOptions): WirePair {
  const { clock, random, kind = 'tcp', initiator = 'left', conditions = { delayMs: 20 } } = options
  let swallows = false
  const links: Record<'left' | 'right', QueuedLink | undefined> = { left: undefined, right: undefined }
  const end = (side: 'left' | 'right'): Wire => {
    const other = side === 'left' ? 'right' : 'left'
    // A close frame comes in the same stream, behind the messages.
    const closing = new Uint8Array(0)
    let code = 0
    const path = new SimulatedWire(clock, random, conditions, (message) => {
      if (swallows) return
      if (message === closing) links[other]?.closed(closeReasonOf(code))
      else links[other]?.receive(message)
    })
    const initiated = side === initiator
    return new LinkWire({
      kind,
      neighbour: options[other],
      binding: 0,
      initiated,
      address: initiated ? options.address : undefined,
      link: ({ onPacket, onClosed }) => {
        const link = new QueuedLink({
          kind,
          address: ADDRESS,
          clock,
          counters: options.counters ?? new Counters(),
          sizeClasses: NO_SIZE_CLASSES,
          pipe: {
            send: (message) => path.send(message),
            bufferedBytes: () => (path.queueMs * (conditions.bytesPerSecond ?? 0)) / 1000,
            close: (closeCode) => {
              code = closeCode
              path.send(closing)
            },
          },
          onPacket,
          onClosed,
          ...(options.shaper && { shaper: options.shaper }),
        })
        links[side] = link
        return link
      },
    })
  }
  const left = end('left')
  const right = end('right')
  return {
    left,
    right,
    swallow: () => {
      swallows = true
    },
    heal: () => {
      swallows = false
    },
    cut: () => {
      links.left?.closed('lost')
      links.right?.closed('lost')
    },
    inject: (message) => links.right?.receive(message),
  }
}

/** One end of a neighbourhood of two, and what it heard. */
export class TestNeighbour {
  readonly neighbour: Neighbour
  readonly received: Uint8Array[] = []
  readonly messages: Uint8Array[] = []
  readonly signals: Uint8Array[] = []
  readonly closed: LinkCloseReason[] = []
  readonly counters = new Counters()
  changes = 0
  inUse = true

  constructor(
    clock: VirtualClock,
    random: SeededRandom,
    keys: { readonly self: PublicKey; readonly other: PublicKey },
    settings: Partial<NeighbourSettings> = {},
  ) {
    this.neighbour = new Neighbour({
      publicKey: keys.other,
      self: keys.self,
      clock,
      random,
      counters: this.counters,
      settings,
      inUse: () => this.inUse,
      onPacket: (_neighbour, packet) => this.received.push(packet),
      onClosed: (_neighbour, reason) => this.closed.push(reason),
      onMessage: (_neighbour, _id, body) => this.messages.push(body),
      onSignal: (_neighbour, body) => this.signals.push(body),
      onChange: () => {
        this.changes++
      },
    })
  }
}

/** Two that are each other's neighbour; the left has the smaller key. */
export class Neighbourhood {
  readonly clock: VirtualClock
  readonly random: SeededRandom
  readonly left: TestNeighbour
  readonly right: TestNeighbour
  private readonly leftKey: PublicKey
  private readonly rightKey: PublicKey

  constructor(clock: VirtualClock, seed = 1, settings: Partial<NeighbourSettings> = {}) {
    this.clock = clock
    this.random = new SeededRandom(seed)
    const [first, second] = [KEYS[0], KEYS[1]] as [PublicKey, PublicKey]
    this.leftKey = first
    this.rightKey = second
    this.left = new TestNeighbour(clock, this.random, { self: first, other: second }, settings)
    this.right = new TestNeighbour(clock, this.random, { self: second, other: first }, settings)
  }

  /** A wire that is not yet anybody's. */
  wire(options: Partial<WirePairOptions> = {}): WirePair {
    const { clock, random, leftKey, rightKey } = this
    return wirePair({
      ...{ clock, random, left: leftKey, right: rightKey, counters: this.left.counters },
      ...options,
    })
  }

  /** A wire that both have; the side that was called has it first, by half a round trip. */
  join(options: Partial<WirePairOptions> = {}): WirePair {
    const pair = this.wire(options)
    const called = options.initiator === 'right' ? 'left' : 'right'
    const caller = called === 'left' ? 'right' : 'left'
    this[called].neighbour.add(pair[called])
    this.clock.after(options.conditions?.delayMs ?? 20, () => this[caller].neighbour.add(pair[caller]))
    return pair
  }
}

/** Sorted: each is smaller than the next. */
export const KEYS: readonly PublicKey[] = Array.from(
  { length: 16 },
  (_, i) => KeyPair.generate(new SeededRandom(100 + i)).publicKey,
).sort((a, b) => {
  const at = a.bytes.findIndex((byte, i) => byte !== b.bytes[i])
  return (a.bytes[at] as number) - (b.bytes[at] as number)
})
