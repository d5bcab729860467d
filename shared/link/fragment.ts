import { concat } from '../bytes/bytes.ts'
import { decode, raw, struct, u8, u32 } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { bodyOf, messageIdOf, prefixOf, unsignedPacket } from '../ipv8/packet.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { PACKET_OVERHEAD_BYTES } from './constants.ts'
import {
  FRAGMENT,
  FRAGMENT_COMMUNITY_ID,
  FRAGMENT_HEADER_BYTES,
  FRAGMENT_LIMITS,
  FRAGMENTED_MTU,
  type FragmentLimits,
  MAX_FRAGMENTS,
} from './fragment-limits.ts'

/**
 * A packet that no datagram holds, in parts (N-03): `set` names the packet among its sender's, `index` the part among
 * `count`, 2 to 12. Parts are laid end to end, so that none can overlap another.
 */
const fragment = struct({ set: u32, index: u8, count: u8, data: raw })

const PREFIX = prefixOf(FRAGMENT_COMMUNITY_ID)

/**
 * Cuts a packet into fragments of at most `datagramBytes` each.
 * @param set differs from that of the sender's other packets of the last seconds
 * @throws CodecError `fragment-size` if the packet is larger than 16,382 bytes, or takes no or too many fragments
 */
export function fragmentsOf(packet: Uint8Array, set: number, datagramBytes: number): Uint8Array[] {
  const room = datagramBytes - FRAGMENT_HEADER_BYTES
  const count = Math.ceil(packet.length / room)
  if (packet.length > FRAGMENTED_MTU || count < 2 || count > MAX_FRAGMENTS) {
    throw new CodecError('fragment-size', `${packet.length} bytes do not go into 2 to 12 datagrams`)
  }
  return Array.from({ length: count }, (_, index) => {
    const data = packet.subarray(index * room, (index + 1) * room)
    return unsignedPacket(PREFIX, FRAGMENT, fragment, { set, index, count, data })
  })
}

/** Whether a packet is of the fragments' community, which only Culvert relays speak. */
export function isFragment(packet: Uint8Array): boolean {
  return messageIdOf(packet, PREFIX) !== undefined
}

interface OpenPacket {
  readonly from: Source
  readonly set: number
  readonly parts: (Uint8Array | undefined)[]
  readonly openedMs: number
  missing: number
  bytes: number
  /** `bytes` and what the parts are taken to cost beside them. */
  cost: number
}

interface Source {
  readonly key: unknown
  readonly packets: Map<number, OpenPacket>
  cost: number
}

/**
 * Puts packets together from fragments that come in any order, twice, or from somebody who means ill: bounded in bytes and
 * packets, in all and per source, and in age.
 */
export class Reassembly {
  private readonly clock: Clock
  private readonly counters: Counters
  private readonly limits: FragmentLimits
  private readonly sources = new Map<unknown, Source>()
  /** All open packets, the oldest first. */
  private readonly opened = new Set<OpenPacket>()
  private cost = 0

  constructor(options: { clock: Clock; counters: Counters; limits?: Partial<FragmentLimits> }) {
    this.clock = options.clock
    this.counters = options.counters
    this.limits = { ...FRAGMENT_LIMITS, ...options.limits }
  }

  /** Packets that wait for fragments. */
  get size(): number {
    return this.opened.size
  }

  /** Bytes that they hold, overhead included. */
  get bytes(): number {
    return this.cost
  }

  /**
   * Takes a fragment (a packet that `isFragment`).
   * @param key who sent it, by identity: a link
   * @returns the whole packet, if this was the last that it lacked; a fresh copy. Never throws.
   */
  receive(key: unknown, packet: Uint8Array): Uint8Array | undefined {
    this.forgetAged()
    try {
      if (messageIdOf(packet, PREFIX) !== FRAGMENT)
        throw new CodecError('fragment-message', 'unknown message')
      const { set, index, count, data } = decode(fragment, bodyOf(packet))
      if (count < 2 || count > MAX_FRAGMENTS || index >= count || data.length === 0) {
        throw new CodecError('fragment-count', `part ${index} of ${count} with ${data.length} bytes`)
      }
      return this.take(key, set, index, count, data)
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
      this.counters.add('fragment-refused')
      return undefined
    }
  }

  private take(
    key: unknown,
    set: number,
    index: number,
    count: number,
    data: Uint8Array,
  ): Uint8Array | undefined {
    const open = this.sources.get(key)?.packets.get(set) ?? this.open(key, set, count)
    if (open.parts.length !== count) throw new CodecError('fragment-count', 'its packet has another count')
    if (open.parts[index]) {
      // Whatever it says: what came first stays.
      this.counters.add('fragment-repeated')
      return undefined
    }
    if (open.bytes + data.length > FRAGMENTED_MTU) {
      this.forget(open)
      throw new CodecError('fragment-size', 'its packet is too large')
    }
    open.parts[index] = Uint8Array.from(data)
    open.missing--
    open.bytes += data.length
    this.charge(open, data.length + PACKET_OVERHEAD_BYTES)
    if (open.missing === 0) {
      this.forget(open)
      this.counters.add('fragment-reassembled')
      return concat(...(open.parts as Uint8Array[]))
    }
    this.holdBounds(open.from)
    return undefined
  }

  private open(key: unknown, set: number, count: number): OpenPacket {
    let from = this.sources.get(key)
    if (!from) {
      from = { key, packets: new Map(), cost: 0 }
      this.sources.set(key, from)
    }
    const open: OpenPacket = {
      from,
      set,
      parts: Array.from({ length: count }),
      openedMs: this.clock.now(),
      missing: count,
      bytes: 0,
      cost: 0,
    }
    from.packets.set(set, open)
    this.opened.add(open)
    return open
  }

  private charge(open: OpenPacket, cost: number): void {
    open.cost += cost
    open.from.cost += cost
    this.cost += cost
  }

  private holdBounds(from: Source): void {
    const { bytes, bytesPerSource, packets, packetsPerSource } = this.limits
    while (from.cost > bytesPerSource || from.packets.size > packetsPerSource) {
      this.dropOldest(from.packets.values(), 'fragment-source-full')
    }
    while (this.cost > bytes || this.opened.size > packets) {
      this.dropOldest(this.opened.values(), 'fragment-memory-full')
    }
  }

  private dropOldest(packets: Iterator<OpenPacket>, counter: string): void {
    const oldest = packets.next()
    if (oldest.done) return
    this.forget(oldest.value)
    this.counters.add(counter)
  }

  private forgetAged(): void {
    const bornBefore = this.clock.now() - this.limits.ageMs
    for (const open of this.opened) {
      if (open.openedMs > bornBefore) return
      this.forget(open)
      this.counters.add('fragment-aged')
    }
  }

  private forget(open: OpenPacket): void {
    const { from } = open
    this.opened.delete(open)
    from.packets.delete(open.set)
    if (from.packets.size === 0) this.sources.delete(from.key)
    this.charge(open, -open.cost)
  }
}
