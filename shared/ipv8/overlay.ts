import type { IpAddress } from '../bytes/address.ts'
import { Bootstrap } from './bootstrap.ts'
import { Community, type CommunityOptions } from './community.ts'
import { type IntroductionStyle, NEW_STYLE, OLD_STYLE } from './introduction.ts'
import { IntroductionAnswers, type Refusal } from './introduction-answers.ts'
import { IntroductionRequests, type RequestsEvents } from './introduction-requests.ts'
import type { Surroundings } from './surroundings.ts'
import { Walk, type WalkOptions } from './walk.ts'

export type OverlayEvents = Omit<RequestsEvents, 'onUnreachable'>

const STYLE_OF: ReadonlyMap<number, IntroductionStyle> = new Map(
  [OLD_STYLE, NEW_STYLE].flatMap((style) =>
    [style.requestId, style.responseId, style.punctureRequestId, style.punctureId].map(
      (id) => [id, style] as const,
    ),
  ),
)

/** Introductions, walk and bootstrap of one community. */
export class Overlay {
  readonly community: Community
  readonly requests: IntroductionRequests
  readonly bootstrap: Bootstrap
  readonly walk: Walk
  private readonly answers: IntroductionAnswers

  constructor(around: Surroundings, options: CommunityOptions & WalkOptions, events: OverlayEvents) {
    this.community = new Community(around, options)
    this.answers = new IntroductionAnswers(around, this.community, {
      onUnproven: (source) => events.onUnproven(source),
      onContested: (source) => {
        if (this.requests.mayAsk(source)) this.requests.ask(source)
      },
    })
    this.requests = new IntroductionRequests(around, this.community, {
      ...events,
      onAnswer: (handshake, source, peer) => {
        if (handshake.bootstrap) this.bootstrap.onAnswer(handshake.address)
        events.onAnswer(handshake, source, peer)
      },
      onUnreachable: ({ address, bootstrap }) => {
        if (bootstrap) this.bootstrap.onUnreachable(address, this.community.table.size, this.walk.wanting)
      },
    })
    this.bootstrap = new Bootstrap(around, this.requests)
    this.walk = new Walk(around, this.community, this.requests, options)
  }

  tick(): void {
    this.bootstrap.tick(this.community.table.size, this.walk.wanting)
    this.walk.step()
    this.walk.thin()
  }

  stop(): void {
    this.bootstrap.stop()
    this.requests.handshakes.stop()
  }

  /** Whether a message of this id is an introduction or a puncture. */
  handles(id: number): boolean {
    return STYLE_OF.has(id)
  }

  /** Takes a packet whose id `handles` names. Throws CodecError. */
  receive(id: number, source: IpAddress, packet: Uint8Array): Refusal {
    const style = STYLE_OF.get(id)
    if (id === style?.requestId) return this.answers.onRequest(source, packet, style)
    if (id === style?.responseId) return this.requests.onResponse(source, packet, style)
    if (id === style?.punctureRequestId) return this.answers.onPunctureRequest(source, packet, style)
    return style && this.requests.onPuncture(source, packet, style)
  }
}
