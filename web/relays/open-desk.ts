import type { PrivateNetwork } from '../../shared/client/private-network.ts'
import { relayInfoHash } from '../../shared/directory/constants.ts'
import { Kademlia } from '../../shared/kademlia/kademlia.ts'
import type { Clock } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import type { Random } from '../../shared/world/random.ts'
import { destinationJudge } from '../engine/destinations.ts'
import { WELL_KNOWN_DHT } from '../engine/limits.ts'
import type { SiteDocument } from '../engine/site-document.ts'
import { fetch as fetchOverTunnel } from '../tunnel/fetch.ts'
import { guardTunnel } from '../tunnel/guard.ts'
import { Desk, type DeskOptions } from './desk.ts'
import { lookUpByDht } from './dht-lookup.ts'
import { aborted, type LookupOutcome, type LookupWorld } from './lookup.ts'
import { OwnInitiative } from './own-initiative.ts'
import { RelaySearch } from './search.ts'
import { isAskable, lookUpByTrackers } from './tracker-lookup.ts'

export interface OpenDeskOptions extends Pick<DeskOptions, 'geo' | 'preferences' | 'store'> {
  readonly client: PrivateNetwork
  readonly site: SiteDocument
  /** Reads the site's document again. */
  readSite(): Promise<SiteDocument>
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  changed(): void
}

/** Puts together what the relays page needs of a client of the network: its four ways to look for relays among it. */
export function openDesk(options: OpenDeskOptions): Desk {
  const { client, site, readSite, clock, random, counters, geo, preferences, store, changed } = options
  const judge = destinationJudge(site.lab)
  const world: Omit<LookupWorld, 'learn'> = {
    clock,
    random,
    counters,
    tunnel: guardTunnel(client, judge, counters),
    fetch: fetchOverTunnel,
    mayReach: (address) => judge(address, 'udp'),
    makeDht: (dht) => new Kademlia(dht),
    infoHash: relayInfoHash(site.network),
  }
  const learnBy = (source: string): LookupWorld => ({
    ...world,
    learn: (descriptor) => {
      const result = client.learn(descriptor, source)
      if (result === 'refused' || result === 'unwanted') return 'refused'
      return result === 'new' ? 'new' : 'known'
    },
  })
  const routers = site.dht.length > 0 ? site.dht : WELL_KNOWN_DHT
  /** Relays that somebody of the network told of, and how many of them are new. */
  const told = async (
    signal: AbortSignal,
    ask: (done: (found: number) => void) => void,
  ): Promise<LookupOutcome> => {
    const found = await Promise.race([new Promise<number>(ask), aborted(signal).then(() => undefined)])
    const met = client.directory.size
    return found === undefined ? { met: 0, found: 0, answered: false } : { met, found, answered: true }
  }
  const search = new RelaySearch({
    clock,
    ways: {
      dht: {
        offered: !site.lab || site.dht.length > 0,
        needsCircuit: true,
        run: (signal) => lookUpByDht(learnBy('dht'), routers, signal),
      },
      tracker: {
        offered: site.relayTrackers.some(isAskable),
        needsCircuit: true,
        run: (signal) => lookUpByTrackers(learnBy('tracker'), site.relayTrackers, signal),
      },
      exchange: {
        offered: true,
        needsCircuit: true,
        run: (signal) => told(signal, (done) => client.compareNow(done)),
      },
      bootstrap: {
        offered: true,
        needsCircuit: false,
        run: async (signal) => {
          await readSite()
          return told(signal, (done) => client.askEntries(done))
        },
      },
    },
    hasCircuit: () => client.status().primary !== undefined,
    changed,
  })
  new OwnInitiative({ clock, client, search }).start()
  return new Desk({
    client,
    clock,
    geo,
    search,
    preferences,
    store,
    unkept: () => counters.add('relay-preferences-unkept'),
  })
}
