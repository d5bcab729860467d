import type { OpenChannelPort } from '../link/channel-messages.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import type { BridgeDesk } from './bridge-protocol.ts'
import type { HiddenAccess } from './hidden-swarm.ts'
import type { CircuitView, EntryView, Hops, Problem } from './protocol.ts'
import type { RelaysDesk } from './relays-feed.ts'
import type { SiteDocument } from './site-document.ts'

/** What the engine needs of the circuits: `PrivateNetwork`, or a stand-in in tests. */
export interface Network {
  readonly tunnel: Tunnel
  /** Circuits for hidden swarms; undefined where there are none. */
  readonly hidden?: HiddenAccess | undefined
  /** What is known of relays; undefined before the network has started, and where there are none. */
  readonly relays?: RelaysDesk | undefined
  /** Help from other visitors and for them; undefined before the network has started, and where there is none. */
  readonly bridge?: BridgeDesk | undefined
  /** Called when something that the view shows has changed. */
  onChange: () => void
  /** Called when another circuit serves, or none does. */
  onCircuit: () => void
  /**
   * Reads the site's document and goes on from there for ever.
   * @param openChannel makes data channels; without it there are no links by WebRTC
   */
  start(origin: string, openChannel?: OpenChannelPort): Promise<SiteDocument>
  setHops(hops: Hops): void
  newCircuit(): void
  /** Nothing opened from now on goes by a circuit, or where there is a choice an exit, that carried anything before. */
  startAnew(): void
  view(): NetworkView
}

export interface NetworkView {
  readonly entry: EntryView
  readonly circuits: readonly CircuitView[]
  readonly problem: Problem | undefined
  /** The address that destinations see, while a circuit is ready. */
  readonly exitAddress: string | undefined
}
