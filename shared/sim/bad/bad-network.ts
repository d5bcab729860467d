import { addressOf, type IpAddress } from '../../bytes/address.ts'
import type { Aead } from '../../crypto/aead.ts'
import { KeyPair } from '../../identity/keys.ts'
import type { ByteStream, ByteStreamEvents, StreamOpener } from '../../stream/byte-stream.ts'
import { Counters } from '../../world/counters.ts'
import { Mesh, MeshNode } from '../mesh.ts'
import { DescriptorCache } from '../scale/descriptor-cache.ts'
import { CircuitLog, SimClient } from '../scale/sim-client.ts'
import { SimRelay } from '../scale/sim-relay.ts'
import { SeededRandom } from '../seeded-random.ts'
import { VirtualClock } from '../virtual-clock.ts'
import type { WireConditions } from '../wire.ts'

/** What issue 3 asks for ("Under bad networks", N-14), on every link and in each direction. */
export const BAD_LINKS: WireConditions = {
  loss: 0.1,
  jitterMs: 200,
  reordering: 0.05,
  reorderMs: 200,
  duplication: 0.02,
}
export const CLEAN_LINKS: WireConditions = {}

export const SERVER = addressOf('203.0.113.80', 80)
const SLICE_MS = 20
const SETTLING_TURNS = 12
const CHUNK_BYTES = 64 * 1024

export interface BadNetworkOptions {
  readonly aead: Aead
  readonly conditions: WireConditions
  readonly relays?: number
  readonly seed?: number
  /** What a server behind the exits does with a connection; `streamOf` by default. */
  readonly opener: (clock: VirtualClock) => StreamOpener
}

/** A few relays behind links of one kind, and clients that come to them. Half of the relays are exits. */
export class BadNetwork {
  readonly clock = new VirtualClock()
  readonly counters = new Counters()
  readonly log = new CircuitLog()
  private readonly descriptors = new DescriptorCache()
  private readonly options: BadNetworkOptions
  private readonly random: SeededRandom
  private readonly mesh: Mesh
  private readonly relays: SimRelay[]
  private clients = 0

  constructor(options: BadNetworkOptions) {
    const { relays = 12, seed = 1, conditions, aead } = options
    const { clock } = this
    this.options = options
    this.random = new SeededRandom(seed)
    this.mesh = new Mesh({ clock, random: new SeededRandom(seed + 1), loss: 0, conditions })
    const nodes = Array.from({ length: relays }, (_, i) => this.node(`30.${i}.0.1`))
    this.relays = nodes.map(
      (node, index) =>
        new SimRelay({
          name: `relay ${index}`,
          keyPair: KeyPair.generate(this.random),
          node,
          exit: index % 2 === 1,
          clock,
          random: this.random,
          aead,
          bootstrap: nodes.slice(0, 2).map(({ address }) => address),
          descriptors: this.descriptors,
          exchangeMs: 60_000,
          renewMs: 3_600_000,
          walk: { tickMs: 4_000 },
          discovery: false,
          answers: 1,
          opener: options.opener(clock),
        }),
    )
    for (const relay of this.relays) relay.start()
  }

  /** A visitor whose page comes from any relay. */
  client(): SimClient {
    const { clock, random, counters, log } = this
    const site = this.relays[this.clients++ % this.relays.length] as SimRelay
    const urlOf = (relay: SimRelay) => `ws://${relay.options.node.address.host}:8080/relay`
    let kept: Uint8Array | undefined
    return new SimClient({
      node: this.node(`100.64.${this.clients >> 8}.${this.clients & 255}`),
      clock,
      random,
      aead: this.options.aead,
      counters,
      log,
      entries: [{ publicKey: site.options.keyPair.publicKey, url: urlOf(site) }],
      guards: {
        load: async () => kept,
        save: async (bytes) => {
          kept = bytes
        },
      },
      minRelays: 6,
      descriptors: this.descriptors,
      trafficMs: 10_000,
      refreshMs: 60_000,
      gateway: (url) => this.relays.find((relay) => urlOf(relay) === url),
    })
  }

  async advance(ms: number): Promise<void> {
    await this.until(() => false, ms)
  }

  /** Lets time pass until `done`, looked at every 20 ms. @returns whether it came to that within `limitMs` */
  async until(done: () => boolean, limitMs: number): Promise<boolean> {
    const end = this.clock.now() + limitMs
    while (!done()) {
      if (this.clock.now() >= end) return false
      this.clock.advance(SLICE_MS)
      for (let i = 0; i < SETTLING_TURNS; i++) await Promise.resolve()
    }
    return true
  }

  private node(host: string): MeshNode {
    const address: IpAddress = { kind: 'ipv4', host, port: 7000 }
    return new MeshNode(this.mesh, address)
  }
}

/** Byte `at` of what the server sends: no two places of a stream can be confused. */
export function patternByte(at: number): number {
  return ((at * 31) ^ (at >> 8) ^ (at >> 16)) & 0xff
}

function pattern(at: number, length: number): Uint8Array {
  const chunk = new Uint8Array(length)
  for (let i = 0; i < length; i++) chunk[i] = patternByte(at + i)
  return chunk
}

/** A server that sends so many bytes of the pattern to whoever connects, as fast as they are taken, and closes. */
export function serverOf(bytes: number): (clock: VirtualClock) => StreamOpener {
  return (clock) => (_destination, events) => {
    let at = 0
    let open = true
    const push = () => {
      while (open && at < bytes) {
        const chunk = pattern(at, Math.min(CHUNK_BYTES, bytes - at))
        at += chunk.length
        events.data(chunk)
        if (paused) return
      }
      if (open && at >= bytes) {
        open = false
        events.ended()
      }
    }
    let paused = false
    clock.after(1, () => {
      events.opened()
      push()
    })
    return {
      write: () => true,
      end: () => events.closed(undefined),
      destroy: () => {
        open = false
        events.closed(undefined)
      },
      pause: () => {
        paused = true
      },
      resume: () => {
        paused = false
        clock.after(0, push)
      },
    }
  }
}

/** A server that sends at a rate, as a player takes a film. */
export function steadyServer(bytesPerSecond: number): (clock: VirtualClock) => StreamOpener {
  return (clock) =>
    (_destination, events: ByteStreamEvents): ByteStream => {
      let open = true
      let paused = false
      let at = 0
      const tick = () => {
        if (!open) return
        clock.after(250, tick)
        if (paused) return
        const chunk = pattern(at, bytesPerSecond / 4)
        at += chunk.length
        events.data(chunk)
      }
      clock.after(1, () => {
        events.opened()
        tick()
      })
      const close = () => {
        open = false
        events.closed(undefined)
      }
      return {
        write: () => true,
        end: close,
        destroy: close,
        pause: () => {
          paused = true
        },
        resume: () => {
          paused = false
        },
      }
    }
}
