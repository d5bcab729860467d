import { formatAddress } from '../../shared/bytes/address.ts'
import { fromHex } from '../../shared/bytes/bytes.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import { hiddenCircuits } from '../../shared/client/hidden-circuits.ts'
import { PrivateNetwork as Client, type NetworkStatus } from '../../shared/client/private-network.ts'
import { useCurves } from '../../shared/crypto/curves.ts'
import { prefixOf } from '../../shared/ipv8/packet.ts'
import type { Circuit } from '../../shared/onion/circuit.ts'
import type { Member } from '../../shared/path/member.ts'
import { Counters } from '../../shared/world/counters.ts'
import { loadWasmAead } from '../crypto/wasm-aead.ts'
import { loadWasmCurves } from '../crypto/wasm-curves.ts'
import { BrowserClock } from '../link/browser-clock.ts'
import { BrowserRandom } from '../link/browser-random.ts'
import type { OpenChannelPort } from '../link/channel-messages.ts'
import { GeoLoader } from '../relays/geo-loader.ts'
import { openDesk } from '../relays/open-desk.ts'
import { keptPreferences, needsCountries } from '../relays/preferences.ts'
import { directoryStore, preferencesStore } from '../relays/stores.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import { guardStore } from './guard-store.ts'
import type { HiddenAccess } from './hidden-swarm.ts'
import { SITE_FETCH_MS } from './limits.ts'
import { NativeWebSocket, nativeFetch } from './native.ts'
import type { Network, NetworkView } from './network.ts'
import { OverlayWatch } from './overlay-watch.ts'
import { PageBridge } from './page-bridge.ts'
import { PageLinks, type PageWay } from './page-links.ts'
import type { CircuitView, EntryView, Hops, HopView, Problem } from './protocol.ts'
import type { RelaysDesk } from './relays-feed.ts'
import { readSiteDocument, SITE_DOCUMENT_PATH, type SiteDocument } from './site-document.ts'
import { siteNetwork } from './site-network.ts'

const SITE_DOCUMENT_BYTES = 16 * 1024
const SITE_RETRY_MS = 2_000
/** Where countries matter, circuits wait so long for the table that tells them. */
const GEO_WAIT_MS = 20_000

const PROBLEMS: Record<'no-relay' | 'no-exit' | 'no-circuit' | 'network-degraded', Problem> = {
  'no-relay': { code: 'no-relay', detail: 'no entry relay answers' },
  'no-exit': { code: 'no-exit', detail: 'no suitable exit is known' },
  'no-circuit': { code: 'no-circuit', detail: 'several circuits in a row could not be built' },
  'network-degraded': { code: 'network-degraded', detail: 'the site’s relay is cut off from the overlay' },
}

const CONNECTING: NetworkView = {
  entry: { state: 'connecting', name: '', relays: 0, exits: 0, needed: 0, ways: [] },
  circuits: [],
  problem: undefined,
  exitAddress: undefined,
}

/** The page's way into the network: reads the site's document, then runs the client on the browser's sockets. */
export class PrivateNetwork implements Network {
  onChange: () => void = () => undefined
  onCircuit: () => void = () => undefined
  private readonly clock = new BrowserClock()
  private readonly random = new BrowserRandom()
  private readonly counters = new Counters()
  private client: Client | undefined
  private links: PageLinks | undefined
  private hiddenAccess: HiddenAccess | undefined
  private desk: RelaysDesk | undefined
  bridge: PageBridge | undefined
  private hops: Hops = 3
  private siteUnreachable = false
  private origin = ''
  private readonly overlay = new OverlayWatch({
    clock: this.clock,
    ask: async () => (await fetchSite(new URL(SITE_DOCUMENT_PATH, this.origin))).overlay,
    needed: () => this.client?.status().primary === undefined,
    changed: () => this.onChange(),
  })

  readonly tunnel: Tunnel = {
    connect: (destination, events) => this.started().connect(destination, events),
    datagrams: (onDatagram) => this.started().datagrams(onDatagram),
    httpRequest: async (destination, request) => this.started().httpRequest(destination, request),
  }

  async start(origin: string, openChannel?: OpenChannelPort): Promise<SiteDocument> {
    this.origin = origin
    const [site, aead] = await Promise.all([
      this.readSite(origin),
      loadWasmAead(),
      loadWasmCurves().then(useCurves),
    ])
    const { clock, random, counters } = this
    const geo = new GeoLoader({ fetch: nativeFetch, origin, clock, changed: () => this.onChange() })
    const store = preferencesStore(site.network)
    const preferences = await keptPreferences(store)
    if (needsCountries(preferences)) {
      await Promise.race([geo.settled, new Promise<void>((resolve) => clock.after(GEO_WAIT_MS, resolve))])
    }
    const guards = guardStore(site.network)
    const directory = directoryStore(site.network)
    const bridge =
      openChannel &&
      (await PageBridge.open({
        ...{ clock, counters, openChannel, site, origin },
        webSocket: NativeWebSocket,
        fetcher: nativeFetch,
        changed: () => this.onChange(),
      }))
    this.bridge = bridge
    const links = new PageLinks({
      ...{ clock, random, counters, openChannel, bridge },
      network: site.network,
      lab: site.lab,
      webSocket: NativeWebSocket,
    })
    const client = new Client({
      ...siteNetwork(site, origin, links, { clock, random, aead, counters }),
      ...(guards && { guardStore: guards }),
      ...(directory && { directoryStore: directory }),
      comparison: {},
      geo: () => geo.geo,
      preferences,
      hops: this.hops,
      changed: () => this.onChange(),
      primaryChanged: () => {
        this.onCircuit()
        this.onChange()
      },
    })
    links.attach(client)
    this.links = links
    this.client = client
    const readSite = () => fetchSite(new URL(SITE_DOCUMENT_PATH, origin))
    const changed = () => this.onChange()
    this.desk = openDesk({
      client,
      site,
      readSite,
      clock,
      random,
      counters,
      geo,
      preferences,
      store,
      changed,
    })
    this.hiddenAccess = {
      circuits: hiddenCircuits(client, () => this.hops),
      prefix: prefixOf(fromHex(site.community)),
      clock,
      random,
      aead,
      counters,
    }
    client.start()
    this.overlay.start(site.overlay)
    return site
  }

  get hidden(): HiddenAccess | undefined {
    return this.hiddenAccess
  }

  get relays(): RelaysDesk | undefined {
    return this.desk
  }

  setHops(hops: Hops): void {
    this.hops = hops
    this.client?.setHops(hops)
  }

  newCircuit(): void {
    this.client?.renew()
  }

  startAnew(): void {
    this.client?.startAnew()
  }

  view(): NetworkView {
    if (!this.client) {
      const problem = this.siteUnreachable ? PROBLEMS['no-relay'] : undefined
      return { ...CONNECTING, problem }
    }
    const status = this.client.status()
    const exit = status.primary?.path.at(-1)
    return {
      entry: entryView(status, this.links?.views() ?? []),
      circuits: status.circuits.map((member) => this.circuitView(member, member === status.primary)),
      problem: this.problem(status),
      exitAddress: exit?.address?.host,
    }
  }

  /** That the whole network cannot be reached says more than what it leads to. */
  private problem({ primary, problem }: NetworkStatus): Problem | undefined {
    if (primary === undefined && this.overlay.degraded) return PROBLEMS['network-degraded']
    return problem && PROBLEMS[problem]
  }

  private started(): Client {
    if (this.client) return this.client
    throw new CulvertError('network-not-started', 'the network is used before it has started')
  }

  /** Tries for ever: without the document there is nothing else to do. */
  private async readSite(origin: string): Promise<SiteDocument> {
    for (;;) {
      try {
        const site = await fetchSite(new URL(SITE_DOCUMENT_PATH, origin))
        this.siteUnreachable = false
        return site
      } catch {
        this.counters.add('site-document-failed')
        this.siteUnreachable = true
        this.onChange()
        await new Promise<void>((resolve) => this.clock.after(SITE_RETRY_MS, resolve))
      }
    }
  }

  private circuitView({ number, circuit, path }: Member<Circuit>, primary: boolean): CircuitView {
    const { readyAtMs, suspect } = circuit
    // A silent one is as good as none until it answers again.
    const state = suspect && !primary ? 'extending' : circuit.state
    return {
      id: number,
      role: primary ? 'primary' : 'standby',
      state: state === 'extending' ? 'building' : state === 'ready' ? 'ready' : 'closing',
      latencyMs: circuit.latencyMs,
      ageSeconds: readyAtMs === undefined ? 0 : (this.clock.now() - readyAtMs) / 1_000,
      hops: path.map((relay, i): HopView => {
        const hop = circuit.hops[i]
        return {
          role: i === path.length - 1 ? 'exit' : i === 0 ? 'entry' : 'middle',
          name: relay.name,
          address: relay.address && formatAddress(relay.address),
          state: hop?.state ?? 'waiting',
          latencyMs: hop?.latencyMs,
        }
      }),
    }
  }
}

function entryView(
  { entry, entryName, relays, exits, minRelays, primary }: NetworkStatus,
  ways: readonly PageWay[],
): EntryView {
  const state = entry === 'idle' ? 'connecting' : entry
  // The one that the circuit in use begins with stands first.
  const inUse = ({ link }: PageWay) => link === primary?.link
  const views = [...ways.filter(inUse), ...ways.filter((way) => !inUse(way))].map(({ view }) => view)
  return { state, name: entryName, relays, exits, needed: minRelays, ways: views }
}

/** From the page's own origin. @throws CulvertError `site-document-invalid`; TypeError if it cannot be fetched */
async function fetchSite(url: URL): Promise<SiteDocument> {
  if (!nativeFetch) throw new TypeError('this browser has no fetch')
  const response = await nativeFetch(url, {
    credentials: 'omit',
    redirect: 'error',
    cache: 'no-store',
    signal: AbortSignal.timeout(SITE_FETCH_MS),
  })
  const text = await response.text()
  if (!response.ok || text.length > SITE_DOCUMENT_BYTES) {
    throw new CulvertError('site-document-invalid', `the site's document: status ${response.status}`)
  }
  return readSiteDocument(JSON.parse(text))
}
