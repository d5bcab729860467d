import { type Address, formatAddress } from '../bytes/address.ts'
import { BoundedMap } from '../ipv8/bounded-map.ts'
import { siteOf } from '../ipv8/network-of.ts'
import type { Clock } from '../world/clock.ts'
import { REQUEST_LIMIT } from './constants.ts'

export interface RequestLimitSettings {
  readonly requests?: number
  readonly perMs?: number
  /** Sources remembered; the one longest quiet is forgotten first. */
  readonly sources?: number
  /** Addresses that count with their port: all of a lab lives on one host. */
  readonly perPort?: (address: Address) => boolean
}

/**
 * So many requests of one source in any minute, and no more (requirement D-07: ten). A source is an IPv4 address, an IPv6 /64 or
 * a name. Exact: no minute has more, wherever it begins. What is refused does not count, and costs a look into a map.
 */
export class RequestLimit {
  private readonly clock: Clock
  private readonly requests: number
  private readonly perMs: number
  private readonly perPort: (address: Address) => boolean
  /** When the last requests came, oldest first. */
  private readonly times: BoundedMap<string, number[]>

  constructor(clock: Clock, settings: RequestLimitSettings = {}) {
    this.clock = clock
    this.requests = settings.requests ?? REQUEST_LIMIT.requests
    this.perMs = settings.perMs ?? REQUEST_LIMIT.perMs
    this.perPort = settings.perPort ?? (() => false)
    this.times = new BoundedMap(settings.sources ?? REQUEST_LIMIT.sources)
  }

  /** Whether one more request of this source may be served now; it counts if so. */
  take(source: Address): boolean {
    const key = this.keyOf(source)
    const nowMs = this.clock.now()
    const recent = (this.times.get(key) ?? []).filter((atMs) => nowMs - atMs < this.perMs)
    const fits = recent.length < this.requests
    if (fits) recent.push(nowMs)
    this.times.set(key, recent)
    return fits
  }

  private keyOf(source: Address): string {
    if (this.perPort(source)) return formatAddress(source)
    return source.kind === 'domain' ? `name ${source.host}` : siteOf(source)
  }
}
