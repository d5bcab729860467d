import type { PrivateNetwork } from '../../shared/client/private-network.ts'
import type { Clock } from '../../shared/world/clock.ts'
import { INITIATIVE } from './limits.ts'
import type { RelaySearch } from './search.ts'

export interface OwnInitiativeOptions {
  readonly clock: Clock
  readonly client: Pick<PrivateNetwork, 'status'>
  readonly search: Pick<RelaySearch, 'run'>
}

/**
 * Looks for relays in the DHT without being told, where the entry's word is not to be relied on: others tell of relays that it does
 * not, or for minutes there was nobody to compare it with. At most once an hour; from the exit, as by hand.
 */
export class OwnInitiative {
  private readonly options: OwnInitiativeOptions
  private lastMs = Number.NEGATIVE_INFINITY
  /** Since when there has been a circuit, and nobody to compare with. */
  private aloneSinceMs: number | undefined

  constructor(options: OwnInitiativeOptions) {
    this.options = options
  }

  start(): void {
    this.options.clock.after(INITIATIVE.lookMs, () => {
      this.look()
      this.start()
    })
  }

  private look(): void {
    const { clock, client, search } = this.options
    const { primary, comparison } = client.status()
    const nowMs = clock.now()
    const alone = primary !== undefined && comparison.asked === 0
    this.aloneSinceMs = alone ? (this.aloneSinceMs ?? nowMs) : undefined
    const doubtful =
      comparison.hidden > 0 ||
      (this.aloneSinceMs !== undefined && nowMs - this.aloneSinceMs >= INITIATIVE.aloneMs)
    if (!doubtful || primary === undefined || nowMs - this.lastMs < INITIATIVE.pauseMs) return
    this.lastMs = nowMs
    void search.run('dht')
  }
}
