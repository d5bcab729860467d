import { CulvertError } from '../../shared/bytes/error.ts'
import type { PrivateNetwork } from '../../shared/client/private-network.ts'
import type { PublicKey } from '../../shared/identity/keys.ts'
import { placesPacket } from '../../shared/link/control.ts'
import { parseLinkAddress } from '../../shared/link/link-address.ts'
import type { Neighbour } from '../../shared/link/neighbour.ts'
import type { SignalEvents, SignalSession } from '../../shared/link/signalling.ts'
import type { SignalRefusal } from '../../shared/link/signalling-messages.ts'
import type { Dialler, DialTarget } from '../../shared/link/wire.ts'
import type { Clock } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import { askAt } from '../link/bridge-ask.ts'
import { BridgeDialler, type BridgeProgress } from '../link/bridge-dialler.ts'
import { bridgeSocketTo } from '../link/bridge-socket.ts'
import { BridgeVolunteer, type VolunteerState } from '../link/bridge-volunteer.ts'
import type { OpenChannelPort } from '../link/channel-messages.ts'
import type { PageIdentity } from '../link/websocket-dialler.ts'
import type { BridgeCommand, BridgeDesk, BridgeView } from './bridge-protocol.ts'
import type { Kept } from './database.ts'
import type { SiteDocument } from './site-document.ts'
import { entryOf } from './site-network.ts'
import { holdAlone } from './sole-tab.ts'
import { NO_VOLUNTEER, volunteerStore } from './volunteer-store.ts'

export interface PageBridgeOptions {
  readonly clock: Clock
  readonly counters: Counters
  readonly site: SiteDocument
  readonly origin: string
  readonly openChannel: OpenChannelPort
  readonly webSocket: typeof WebSocket | undefined
  readonly fetcher: typeof fetch | undefined
  /** Where the volunteer's state is kept; the browser's database if not given. */
  readonly store?: Kept<VolunteerState> | undefined
  /** How this tab gets to be the only one that passes others on; the browser's own way if not given. */
  readonly alone?: typeof holdAlone
  changed(): void
}

type Client = Pick<PrivateNetwork, 'status' | 'hurry' | 'entryAddresses'>

/**
 * Both halves of helping each other in: this page through another visitor's, where the visitor has agreed to it on this visit;
 * and others through this one, where he has switched that on. Either way to the relay of this site and to no other.
 */
export class PageBridge implements BridgeDesk {
  private readonly options: PageBridgeOptions
  private readonly entry: DialTarget
  private readonly volunteer: BridgeVolunteer
  private client: Client | undefined
  private throughOthers: BridgeDialler | undefined
  private agreed = false
  private progress: BridgeProgress | undefined
  /** The link with the site's relay. */
  private neighbour: Neighbour | undefined
  private ready = false
  /** Lets another tab be the one that passes others on. */
  private letGo: (() => void) | undefined
  /** Rises each time the switch is turned. */
  private turn = 0
  private elsewhere = false

  static async open(options: PageBridgeOptions): Promise<PageBridge> {
    const store = options.store ?? volunteerStore(options.site.network)
    const state = await store?.load().catch(() => undefined)
    return new PageBridge({ ...options, store }, state ?? NO_VOLUNTEER)
  }

  constructor(options: PageBridgeOptions, state: VolunteerState) {
    this.options = options
    const { publicKey, url } = entryOf(options.site, options.origin)
    this.entry = { publicKey, address: parseLinkAddress(url) }
    const { clock, counters, openChannel, webSocket, store, changed } = options
    this.volunteer = new BridgeVolunteer({
      ...{ clock, counters, state, changed },
      openPort: openChannel,
      openSocket: (events) => {
        if (!webSocket) throw new CulvertError('link-unreachable', 'this browser has no WebSocket')
        return bridgeSocketTo(url, webSocket)(events)
      },
      stun: () => this.stun(),
      offer: (places) => this.neighbour?.send(placesPacket(places), 0),
      // Where it cannot be kept it is forgotten with the visit.
      keep: (kept) => void store?.save(kept).catch(() => undefined),
    })
  }

  attach(client: Client): void {
    this.client = client
  }

  /** The way through another visitor's page. It takes no address before the visitor has agreed. */
  dialler(identity: PageIdentity): Dialler {
    const { site, origin, fetcher, openChannel } = this.options
    this.throughOthers = new BridgeDialler({
      ...identity,
      openPort: openChannel,
      entry: this.entry,
      agreed: () => this.agreed,
      ask: askAt(origin, fetcher),
      stun: () => this.stun(),
      allowPrivate: site.lab,
      onProgress: (progress) => {
        this.progress = progress
        this.options.changed()
      },
    })
    return this.throughOthers
  }

  /** The site's relay calls by its link: somebody wants to be passed on. */
  called(session: SignalSession, neighbour: Neighbour): SignalEvents | SignalRefusal {
    return neighbour === this.neighbour ? this.volunteer.called(session) : 'signal-off'
  }

  /** A link has come or gone, or has lost its wire or has one again. */
  linksChanged(neighbour: (publicKey: PublicKey) => Neighbour | undefined): void {
    const now = neighbour(this.entry.publicKey)
    // Only over a WebSocket of its own can this page open another for somebody else.
    const ready = now?.status === 'open' && now.wires[0]?.kind === 'websocket'
    if (now !== this.neighbour) {
      this.neighbour = now
      this.ready = ready
      this.volunteer.linked(false)
      this.volunteer.relinked()
      this.volunteer.linked(ready)
    } else if (ready !== this.ready) {
      this.ready = ready
      this.volunteer.linked(ready)
    }
  }

  receive(command: BridgeCommand): void {
    if (command.type === 'volunteer') this.help(command.on)
    else if (command.type === 'volunteer-limits') this.volunteer.limit(command.limits)
    else this.agree(command.on)
    this.options.changed()
  }

  view(): BridgeView {
    const { volunteer, agreed, progress } = this
    const { limits } = volunteer
    const linked = this.neighbour?.wires[0]?.kind === 'bridge'
    return {
      help: {
        needed: this.client?.status().problem === 'no-relay',
        agreed,
        progress: agreed ? (linked ? 'linked' : progress === 'linked' ? 'failed' : progress) : undefined,
      },
      volunteer: {
        on: volunteer.on,
        elsewhere: this.elsewhere,
        ready: this.ready,
        people: volunteer.people,
        helped: volunteer.helped,
        bytesToday: volunteer.bytesToday,
        bytesPerDay: limits.bytesPerDay,
        bytesPerSecond: limits.bytesPerSecond,
        mostPeople: limits.people,
      },
    }
  }

  /** Passes others on, if no other tab does: limits are those of a visitor, not of a tab. */
  private help(on: boolean): void {
    this.letGo?.()
    this.letGo = undefined
    this.elsewhere = false
    this.turn++
    if (!on) {
      this.volunteer.switch(false)
      return
    }
    const { site, alone = holdAlone, changed } = this.options
    const { turn } = this
    this.letGo = alone(`culvert-volunteer ${site.network}`, {
      taken: () => void this.begin(turn),
      refused: () => {
        this.elsewhere = true
        changed()
      },
    })
  }

  /** Begins with what other tabs have passed on today. */
  private async begin(turn: number): Promise<void> {
    const state = await this.options.store?.load().catch(() => undefined)
    if (turn !== this.turn) return
    if (state) this.volunteer.counted(state)
    this.volunteer.switch(true)
  }

  private agree(on: boolean): void {
    if (on === this.agreed) return
    this.agreed = on
    this.progress = undefined
    if (on) {
      this.client?.hurry()
      return
    }
    this.throughOthers?.callOff()
    if (this.neighbour?.wires[0]?.kind === 'bridge') this.neighbour.close('unneeded')
  }

  /** Of the site's relay, the only one that is asked for our address. */
  private stun(): string | undefined {
    return this.client?.entryAddresses.introducerAt(this.entry.address)?.stun
  }
}
