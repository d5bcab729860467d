import { promises as dns } from 'node:dns'
import { addressOf, type IpAddress } from '../../shared/bytes/address.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import type { Clock } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import * as defaults from './constants.ts'

/** Answers to one question, with the time that they may be kept in seconds. An empty list: the name has none. */
export interface NameServer {
  ipv4(name: string): Promise<readonly NameRecord[]>
  ipv6(name: string): Promise<readonly NameRecord[]>
}

export interface NameRecord {
  readonly address: string
  readonly ttl: number
}

/** A name that could not be turned into an address. Codes: `name-not-found`, `resolver-busy`. */
export class NameError extends CulvertError {}

export interface ResolverLimits {
  readonly maxLookups: number
  readonly maxWaiting: number
  readonly maxCached: number
}

interface CacheEntry {
  readonly hosts: readonly string[]
  readonly until: number
}

/**
 * Names to addresses, IPv4 before IPv6 as IPv8 exits do. Bounded in look-ups at once, in look-ups that wait and in what is
 * remembered; the same name asked twice at once is looked up once. Judges nothing: which name may be asked and which
 * address may be used is the exit policy's to say.
 */
export class Resolver {
  private readonly server: NameServer
  private readonly clock: Clock
  private readonly counters: Counters
  private readonly limits: ResolverLimits
  private readonly cache = new Map<string, CacheEntry>()
  private readonly underWay = new Map<string, Promise<readonly string[]>>()
  private readonly waiting: (() => void)[] = []
  private running = 0

  constructor(options: {
    clock: Clock
    counters: Counters
    server?: NameServer
    limits?: Partial<ResolverLimits>
  }) {
    this.server = options.server ?? systemNameServer(options.clock)
    this.clock = options.clock
    this.counters = options.counters
    this.limits = {
      maxLookups: defaults.MAX_LOOKUPS,
      maxWaiting: defaults.MAX_WAITING_LOOKUPS,
      maxCached: defaults.MAX_CACHED_NAMES,
      ...options.limits,
    }
  }

  /** All addresses of `name`, with `port` put in; never an empty list. Throws a NameError. */
  async resolve(name: string, port: number): Promise<IpAddress[]> {
    const key = name.toLowerCase()
    const hosts = this.cached(key) ?? (await (this.underWay.get(key) ?? this.begin(key)))
    const addresses = hosts.map((host) => addressOf(host, port)).filter((a) => a.kind !== 'domain')
    if (addresses.length === 0) throw new NameError('name-not-found', 'the name has no address')
    return addresses
  }

  private cached(key: string): readonly string[] | undefined {
    const entry = this.cache.get(key)
    if (entry === undefined || entry.until > this.clock.now()) return entry?.hosts
    this.cache.delete(key)
    return undefined
  }

  private begin(key: string): Promise<readonly string[]> {
    const lookup = this.lookUp(key).finally(() => this.underWay.delete(key))
    this.underWay.set(key, lookup)
    return lookup
  }

  private async lookUp(key: string): Promise<readonly string[]> {
    await this.turn()
    try {
      let records = await this.server.ipv4(key)
      if (records.length === 0) records = await this.server.ipv6(key)
      records = records.slice(0, defaults.MAX_ADDRESSES_OF_NAME)
      this.remember(key, records)
      return records.map((record) => record.address)
    } catch (cause) {
      this.counters.add('exit-lookup-failed')
      throw new NameError('name-not-found', 'the name server gave no answer', { cause })
    } finally {
      const next = this.waiting.shift()
      if (next) next()
      else this.running--
    }
  }

  /** Waits until a look-up may run. One that ends hands its place on to the next that waits. */
  private async turn(): Promise<void> {
    if (this.running < this.limits.maxLookups) {
      this.running++
      return
    }
    if (this.waiting.length >= this.limits.maxWaiting) {
      this.counters.add('exit-resolver-busy')
      throw new NameError('resolver-busy', 'too many names are being looked up')
    }
    await new Promise<void>((resolve) => this.waiting.push(resolve))
  }

  private remember(key: string, records: readonly NameRecord[]): void {
    const shortest = Math.min(...records.map((record) => record.ttl * 1000))
    const ttlMs =
      records.length === 0
        ? defaults.ABSENT_NAME_TTL_MS
        : Math.min(Math.max(shortest, defaults.MIN_NAME_TTL_MS), defaults.MAX_NAME_TTL_MS)
    this.cache.set(key, {
      hosts: records.map((record) => record.address),
      until: this.clock.now() + ttlMs,
    })
    const oldest = this.cache.keys().next()
    if (this.cache.size > this.limits.maxCached && !oldest.done) this.cache.delete(oldest.value)
  }
}

/** What is used of `dns.Resolver`, which reads once, when it is made, which name servers there are. */
export type SystemResolver = Pick<dns.Resolver, 'resolve4' | 'resolve6'>

/**
 * The name servers of this machine, asked directly: its hosts file and its search domains are left out on purpose, they
 * are nobody's business outside. Which they are is looked up anew when one fails, not more often than each minute.
 */
export function systemNameServer(clock: Clock, make: () => SystemResolver = systemResolver): NameServer {
  let resolver = make()
  let madeMs = Number.NEGATIVE_INFINITY
  const none = (error: unknown): NameRecord[] => {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENODATA' || code === 'ENOTFOUND') return []
    if (clock.now() - madeMs >= defaults.NAME_SERVERS_MS) {
      resolver = make()
      madeMs = clock.now()
    }
    throw error
  }
  return {
    ipv4: (name) => resolver.resolve4(name, { ttl: true }).catch(none),
    ipv6: (name) => resolver.resolve6(name, { ttl: true }).catch(none),
  }
}

function systemResolver(): dns.Resolver {
  return new dns.Resolver({ timeout: defaults.LOOKUP_TIMEOUT_MS, tries: defaults.LOOKUP_TRIES })
}
