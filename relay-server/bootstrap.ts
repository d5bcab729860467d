import { addressOf, type IpAddress } from '../shared/bytes/address.ts'
import { toHex } from '../shared/bytes/bytes.ts'
import { TUNNEL_COMMUNITY_ID } from '../shared/ipv8/constants.ts'
import type { RelayConfig } from './config.ts'
import { isLoopback } from './endpoints.ts'

/**
 * The bootstrap nodes of Tribler's network, run by TU Delft (requirement N-05, FR-005). They answer introductions for every
 * community and are no relays.
 */
export const TRIBLER_BOOTSTRAP: readonly IpAddress[] = [
  { kind: 'ipv4', host: '130.161.119.206', port: 6421 },
  { kind: 'ipv4', host: '130.161.119.206', port: 6422 },
  { kind: 'ipv4', host: '131.180.27.155', port: 6423 },
  { kind: 'ipv4', host: '131.180.27.156', port: 6424 },
  { kind: 'ipv4', host: '131.180.27.161', port: 6427 },
  { kind: 'ipv4', host: '131.180.27.161', port: 6521 },
  { kind: 'ipv4', host: '131.180.27.161', port: 6522 },
  { kind: 'ipv4', host: '131.180.27.162', port: 6523 },
  { kind: 'ipv4', host: '131.180.27.162', port: 6524 },
  { kind: 'ipv4', host: '130.161.119.215', port: 6525 },
  { kind: 'ipv4', host: '130.161.119.215', port: 6526 },
  { kind: 'ipv4', host: '130.161.119.201', port: 6527 },
  { kind: 'ipv4', host: '130.161.119.201', port: 6528 },
]

/**
 * Nodes that the walk begins with beside the operator's own: Tribler's, for a relay of Tribler's community that can reach
 * them. A lab, a private network and a relay on a loopback address have none, so that they never send beyond themselves.
 */
export function defaultBootstrap(config: RelayConfig): readonly IpAddress[] {
  const ofTribler = config.community === toHex(TUNNEL_COMMUNITY_ID)
  const local = config.lab || isLoopback(addressOf(config.udp.host, 0))
  return config.bootstrapDefaults && ofTribler && !local ? TRIBLER_BOOTSTRAP : []
}
