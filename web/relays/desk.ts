import type { PrivateNetwork } from '../../shared/client/private-network.ts'
import { relayKey } from '../../shared/path/relay.ts'
import type { Clock } from '../../shared/world/clock.ts'
import type { Kept } from '../engine/database.ts'
import { RELAYS_SHOWN } from '../engine/limits.ts'
import type { RelaysDesk } from '../engine/relays-feed.ts'
import type { RelaysCommand, RelaysView } from '../engine/relays-protocol.ts'
import type { GeoLoader } from './geo-loader.ts'
import { type RelayPreferences, readPreferences } from './preferences.ts'
import { RelayNumbers, relayRows } from './rows.ts'
import type { RelaySearch } from './search.ts'

export interface DeskOptions {
  readonly client: Pick<
    PrivateNetwork,
    'relayViews' | 'status' | 'trustBook' | 'trustChanged' | 'setPreferences'
  >
  readonly clock: Clock
  readonly geo: GeoLoader
  readonly search: RelaySearch
  /** As they were kept. */
  readonly preferences: RelayPreferences
  readonly store: Kept<RelayPreferences> | undefined
  /** Told when preferences could not be kept. */
  unkept(): void
}

/** Where the page asks about relays, and says what it wants of them. */
export class Desk implements RelaysDesk {
  private readonly options: DeskOptions
  private readonly numbers = new RelayNumbers()
  private preferences: RelayPreferences

  constructor(options: DeskOptions) {
    this.options = options
    this.preferences = options.preferences
  }

  receive(command: Exclude<RelaysCommand, { type: 'relays-open' | 'relays-close' }>): void {
    switch (command.type) {
      case 'mark-relay':
        this.mark(command.id, command.mark)
        break
      case 'avoid-countries': {
        const { countries, strict } = command.avoid
        this.prefer({ avoidCountries: countries, avoidUnknownCountry: strict })
        break
      }
      case 'near-first':
        this.prefer({ near: command.on })
        break
      case 'find-relays':
        void this.options.search.run(command.method)
        break
    }
  }

  view(): RelaysView {
    const { client, clock, geo, search } = this.options
    const { circuits, primary, comparison } = client.status()
    const ways = circuits.map((member) => ({
      number: member.number,
      path: member.path,
      primary: member === primary,
    }))
    const views = client.relayViews()
    const inUse = new Set(ways.flatMap(({ path }) => path.map(relayKey)))
    // Where not all are shown, those of the circuits are.
    const shown =
      views.length <= RELAYS_SHOWN
        ? views
        : [...views]
            .sort((a, b) => Number(inUse.has(relayKey(b.relay))) - Number(inUse.has(relayKey(a.relay))))
            .slice(0, RELAYS_SHOWN)
    const { avoidCountries, avoidUnknownCountry, near } = this.preferences
    return {
      relays: relayRows(shown, ways, this.numbers, clock.wall()),
      more: views.length - shown.length,
      comparison: {
        asked: comparison.asked,
        hidden: comparison.hidden,
        unconfirmed: comparison.unconfirmed,
      },
      search: search.view(),
      avoid: { countries: avoidCountries, strict: avoidUnknownCountry },
      near,
      geo: geo.state,
    }
  }

  private mark(id: number, mark: 'blocked' | 'trusted' | undefined): void {
    const relay = this.numbers.relay(id)
    if (!relay) return
    const { client } = this.options
    client.trustBook.markByHand(relay.publicKey.mid, mark)
    client.trustChanged()
  }

  private prefer(change: Partial<RelayPreferences>): void {
    const wanted = readPreferences({ ...this.preferences, ...change })
    if (!wanted) return
    this.preferences = wanted
    const { client, store, unkept } = this.options
    client.setPreferences(wanted)
    store?.save(wanted).catch(unkept)
  }
}
