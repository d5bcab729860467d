import { toHex } from '../bytes/bytes.ts'
import { BoundedMap } from '../ipv8/bounded-map.ts'
import type { Clock } from '../world/clock.ts'
import type { KademliaSettings } from './constants.ts'

/** What lookups of one kind found a short while ago, so that asking twice costs the DHT one lookup (K-05). */
export class ResultCache<R> {
  private readonly clock: Clock
  private readonly settings: KademliaSettings
  private readonly results: BoundedMap<string, { readonly result: R; readonly untilMs: number }>

  constructor(clock: Clock, settings: KademliaSettings) {
    this.clock = clock
    this.settings = settings
    this.results = new BoundedMap(settings.cacheEntries)
  }

  get(target: Uint8Array): R | undefined {
    const cached = this.results.get(toHex(target))
    return cached && cached.untilMs > this.clock.now() ? cached.result : undefined
  }

  set(target: Uint8Array, result: R): void {
    this.results.set(toHex(target), { result, untilMs: this.clock.now() + this.settings.cacheMs })
  }

  /** Something else is there now, put by ourselves. */
  delete(target: Uint8Array): void {
    this.results.delete(toHex(target))
  }

  /** Forgets what is too old to be given again. */
  expire(): void {
    const now = this.clock.now()
    this.results.prune(({ untilMs }) => untilMs <= now)
  }
}
