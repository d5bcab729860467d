import { formatAddress, type IpAddress } from '../bytes/address.ts'
import { equalBytes, toHex } from '../bytes/bytes.ts'
import { CodecError } from '../bytes/error.ts'
import type { PublicKey } from '../identity/keys.ts'
import { BoundedMap } from '../ipv8/bounded-map.ts'
import { isUnicast } from '../ipv8/network-of.ts'
import { TokenBucket } from '../ipv8/token-bucket.ts'
import { decodePoint, encodePoint } from '../ipv8-dht/introduction-point.ts'
import type { DhtNode, Search } from '../ipv8-dht/node.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { type HiddenRelayLimits, SOURCE } from './constants.ts'
import type { ToldPoint } from './hearsay.ts'
import type { EndingCircuit, Introduction } from './introductions.ts'

/** IPv8's DHT, as hidden swarms use it. */
export interface HiddenDht {
  /** The node; undefined until there is one. */
  node(): Pick<DhtNode, 'find' | 'store'> | undefined
  /** Whether packets may go to an address that a stranger named. */
  mayReach(address: IpAddress): boolean
}

export interface DhtPointsOptions {
  readonly dht: HiddenDht
  readonly publicKey: PublicKey
  readonly clock: Clock
  readonly counters: Counters
  readonly limits: HiddenRelayLimits
}

interface Running {
  readonly search: Search | undefined
  readonly done: ((points: ToldPoint[]) => void)[]
}

/**
 * Introduction points in IPv8's DHT, where stock peers publish and look for them, each under its swarm's lookup key. What is found
 * there anybody may have put there: hearsay, of which only addresses are told on that packets may go to.
 */
export class DhtPoints {
  private readonly options: DhtPointsOptions
  private readonly finding: TokenBucket
  private readonly publishing: TokenBucket
  private readonly byCircuit = new WeakMap<EndingCircuit, TokenBucket>()
  /** By lookup key. */
  private readonly running = new Map<string, Running>()
  private readonly fresh: BoundedMap<string, { readonly points: ToldPoint[]; readonly atMs: number }>

  constructor(options: DhtPointsOptions) {
    const { dhtPerSecond, dhtBurst, dhtSwarms } = options.limits
    this.options = options
    this.finding = new TokenBucket(options.clock, dhtPerSecond, dhtBurst)
    this.publishing = new TokenBucket(options.clock, dhtPerSecond, dhtBurst)
    this.fresh = new BoundedMap(dhtSwarms)
  }

  /**
   * Looks a swarm up for a circuit's owner. `done` gets what is found, or what was found so far after `limits.askMs`; the search goes
   * on, for the next who asks.
   * @returns false if it is not looked up now; `done` is not called then
   */
  find(lookupKey: Uint8Array, circuit: EndingCircuit, done: (points: ToldPoint[]) => void): boolean {
    const { clock, limits, counters } = this.options
    const key = toHex(lookupKey)
    const known = this.fresh.get(key)
    const freshMs = known?.points.length === 0 ? limits.dhtEmptyMs : limits.dhtFreshMs
    if (known && clock.now() - known.atMs < freshMs) {
      done(known.points)
      return true
    }
    const running = this.running.get(key)
    if (running && running.done.length >= limits.askersPerLookup) return false
    if (!running && !this.mayBegin(circuit)) {
      counters.add('hidden-dht-limited')
      return false
    }
    let told = false
    const once = (points: ToldPoint[]) => {
      if (told) return
      told = true
      timer.cancel()
      done(points)
    }
    const timer = clock.after(limits.askMs, () => {
      const found = this.running.get(key)?.search?.values() ?? []
      once(this.pointsOf(found))
    })
    if (running) running.done.push(once)
    else this.begin(key, lookupKey.slice(), once)
    return true
  }

  /** Stores an introduction of ours, and again from time to time as long as there is one. */
  publish(introduction: Introduction, own: () => IpAddress | undefined): void {
    const { dht, publicKey, clock, counters, limits } = this.options
    const { lookupKey, seederKey } = introduction
    const again = (ms: number) => {
      introduction.publishing?.cancel()
      introduction.publishing = clock.after(ms, () => this.publish(introduction, own))
    }
    // Whatever comes of this: until it is known, as if nothing did.
    again(limits.publishSoonMs)
    const address = own()
    const node = dht.node()
    if (!address || !node || !this.publishing.take()) return
    const lastSeen = Math.floor(clock.wall() / 1_000)
    const value = encodePoint({ address, lastSeen, nodeKey: publicKey.bytes, seederKey })
    node.store(lookupKey, value, (stored) => {
      if (stored === 0 || !introduction.circuit.alive) return
      counters.add('hidden-dht-published')
      again(limits.publishMs)
    })
  }

  private mayBegin(circuit: EndingCircuit): boolean {
    const { clock, limits } = this.options
    if (this.running.size >= limits.lookups) return false
    const { dhtPerSecondAndCircuit, dhtBurstOfCircuit } = limits
    const ofCircuit =
      this.byCircuit.get(circuit) ?? new TokenBucket(clock, dhtPerSecondAndCircuit, dhtBurstOfCircuit)
    this.byCircuit.set(circuit, ofCircuit)
    return ofCircuit.take() && this.finding.take()
  }

  private begin(key: string, lookupKey: Uint8Array, first: (points: ToldPoint[]) => void): void {
    const { dht, clock, counters } = this.options
    const done = [first]
    let search: Search | undefined
    // Where nobody can be asked it is over before it is here.
    let isOver = false
    const finish = () => {
      isOver = true
      this.running.delete(key)
      const points = this.pointsOf(search?.values() ?? [])
      this.fresh.set(key, { points, atMs: clock.now() })
      if (points.length > 0) counters.add('hidden-dht-found')
      for (const each of done) each(points)
    }
    search = dht.node()?.find(lookupKey, finish)
    if (!search) first([])
    else if (!isOver) this.running.set(key, { search, done })
  }

  private pointsOf(entries: ReturnType<Search['values']>): ToldPoint[] {
    const { dht, publicKey, counters } = this.options
    const points = new Map<string, ToldPoint>()
    for (const { data } of entries) {
      try {
        const { address, nodeKey, seederKey } = decodePoint(data)
        // Whom we introduce we know ourselves.
        if (equalBytes(nodeKey, publicKey.bytes)) continue
        if (isUnicast(address) && dht.mayReach(address)) {
          const name = `${formatAddress(address)} ${toHex(seederKey)}`
          points.set(name, { address, nodeKey, seederKey, source: SOURCE.dht })
        } else {
          counters.add('hidden-dht-unreachable')
        }
      } catch (error) {
        if (!(error instanceof CodecError)) throw error
        counters.add('hidden-dht-malformed')
      }
    }
    return [...points.values()]
  }
}

/** Both in turn, each seeder once: whoever fills one list does not put out the other. */
export function interleaved(one: readonly ToldPoint[], other: readonly ToldPoint[]): ToldPoint[] {
  const points = new Map<string, ToldPoint>()
  for (let i = 0; i < Math.max(one.length, other.length); i++) {
    for (const point of [one[i], other[i]]) {
      if (!point) continue
      const seeder = toHex(point.seederKey)
      if (!points.has(seeder)) points.set(seeder, point)
    }
  }
  return [...points.values()]
}
