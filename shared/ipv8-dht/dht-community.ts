import type { Community } from '../ipv8/community.ts'
import type { SideCommunity } from '../ipv8/side-community.ts'
import type { Surroundings } from '../ipv8/surroundings.ts'
import { DHT_COMMUNITY_ID, type DhtSettings } from './constants.ts'
import { DhtNode } from './node.ts'

/** The DHT community, for a walker to walk beside its own. */
export class DhtCommunity implements SideCommunity {
  readonly communityId = DHT_COMMUNITY_ID
  private readonly settings: Partial<DhtSettings>
  private opened: DhtNode | undefined

  constructor(settings: Partial<DhtSettings> = {}) {
    this.settings = settings
  }

  /** Undefined until the walker is there. */
  get node(): DhtNode | undefined {
    return this.opened
  }

  open(around: Surroundings, community: Community): DhtNode {
    this.opened = new DhtNode(around, community, this.settings)
    return this.opened
  }
}
