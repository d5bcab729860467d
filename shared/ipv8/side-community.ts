import type { IpAddress } from '../bytes/address.ts'
import type { Community } from './community.ts'
import type { Refusal } from './introduction-answers.ts'
import { Overlay, type OverlayEvents } from './overlay.ts'
import { messageIdOf } from './packet.ts'
import type { Surroundings } from './surroundings.ts'

/** What is spoken in a community beside introductions. */
export interface SideMachine {
  /** Takes a packet of the community that is neither an introduction nor a puncture. @throws CodecError */
  receive(id: number, source: IpAddress, packet: Uint8Array): Refusal
  tick(): void
  stop(): void
}

/** Another community that a walker walks beside its own, on the same socket. */
export interface SideCommunity {
  readonly communityId: Uint8Array
  open(around: Surroundings, community: Community): SideMachine
}

/** Its walk, at the pace of the DiscoveryCommunity's but for the first peers, and its machine. */
export class SideOverlay {
  readonly overlay: Overlay
  private readonly machine: SideMachine
  private readonly around: Surroundings
  private lastTickMs = Number.NEGATIVE_INFINITY
  private lastWalkMs = Number.NEGATIVE_INFINITY

  /** @param alsoAsk who may be a member: whoever runs one community of a kind usually runs the others */
  constructor(
    around: Surroundings,
    side: SideCommunity,
    alsoAsk: () => readonly IpAddress[],
    events: Pick<OverlayEvents, 'onPeerFailed' | 'onUnproven' | 'isMember'>,
  ) {
    this.around = around
    this.overlay = new Overlay(
      around,
      {
        communityId: side.communityId,
        extra: new Uint8Array(),
        initialTime: 0n,
        targetPeers: around.settings.sidePeers,
        alsoAsk,
      },
      { ...events, onAnswer: () => undefined },
    )
    this.machine = side.open(around, this.overlay.community)
  }

  tick(): void {
    const { clock, settings } = this.around
    const now = clock.now()
    if (now - this.lastTickMs < settings.sideTickMs) return
    this.lastTickMs = now
    const { table } = this.overlay.community
    if (table.size === 0 || now - this.lastWalkMs >= settings.discoveryTickMs) {
      this.lastWalkMs = now
      this.overlay.tick()
    }
    this.machine.tick()
  }

  stop(): void {
    this.overlay.stop()
    this.machine.stop()
  }

  /** The message id, if a packet is of this community. */
  idOf(packet: Uint8Array): number | undefined {
    return messageIdOf(packet, this.overlay.community.prefix)
  }

  receive(id: number, source: IpAddress, packet: Uint8Array): Refusal {
    const { overlay, machine } = this
    return overlay.handles(id) ? overlay.receive(id, source, packet) : machine.receive(id, source, packet)
  }
}
