import { addressOf } from '../shared/bytes/address.ts'
import { toHex } from '../shared/bytes/bytes.ts'
import { TUNNEL_COMMUNITY_ID } from '../shared/ipv8/constants.ts'
import type { RelayConfig } from './config.ts'
import { isLoopback } from './endpoints.ts'

/**
 * The bootstrap nodes of Tribler's network, run by TU Delft (requirement N-05, FR-005). They answer introductions for every
 * community and are no relays.
 */
export const TRIBLER_BOOTSTRAP: readonly string[] = [
  '130.161.119.206:6421',
  '130.161.119.206:6422',
  '131.180.27.155:6423',
  '131.180.27.156:6424',
  '131.180.27.161:6427',
  '131.180.27.161:6521',
  '131.180.27.161:6522',
  '131.180.27.162:6523',
  '131.180.27.162:6524',
  '130.161.119.215:6525',
  '130.161.119.215:6526',
  '130.161.119.201:6527',
  '130.161.119.201:6528',
]

/**
 * Nodes that the walk begins with beside the operator's own: Tribler's, for a relay of Tribler's community that can reach
 * them. A lab, a private network and a relay on a loopback address have none, so that they never send beyond themselves.
 */
export function defaultBootstrap(config: RelayConfig): readonly string[] {
  const ofTribler = config.community === toHex(TUNNEL_COMMUNITY_ID)
  const local = config.lab || isLoopback(addressOf(config.udp.host, 0))
  return config.bootstrapDefaults && ofTribler && !local ? TRIBLER_BOOTSTRAP : []
}
