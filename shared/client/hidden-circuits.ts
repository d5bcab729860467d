import { equalBytes } from '../bytes/bytes.ts'
import type { HiddenCircuits } from '../hidden/hidden-circuits.ts'
import type { PathHop } from '../onion/hop.ts'
import { type PathRelay, relayKey } from '../path/relay.ts'
import type { Hops } from '../path/select.ts'
import { namedRelay, pathHop } from './path-relays.ts'
import type { PrivateNetwork } from './private-network.ts'

/**
 * Circuits for hidden swarms, as a client of the network builds them: over its guards, outside of its pool. As long as its others
 * are, but never of one hop, which would show this machine to the relay that introduces or joins.
 */
export function hiddenCircuits(
  network: Pick<PrivateNetwork, 'relays' | 'buildCircuit' | 'rendezvousPoint' | 'isResting' | 'geo'>,
  hops: () => Hops,
): HiddenCircuits {
  const known = (hop: PathHop): PathRelay | undefined =>
    network.relays().find(({ publicKey }) => equalBytes(publicKey.bytes, hop.publicKey.bytes))
  // Of another's circuit one would be the end as well, from who knows which hop: so only those that anybody reaches.
  const relays = () =>
    network
      .relays()
      .filter((relay): relay is PathRelay & PathHop => relay.culvert && relay.address !== undefined)
  return {
    relays,
    rendezvousPoint: (tried) => {
      const keys = new Set(tried.map(relayKey))
      const point = network.rendezvousPoint(relays().filter((relay) => !keys.has(relayKey(relay))))
      return point && pathHop(point)
    },
    isResting: (hop) => {
      const relay = known(hop)
      return relay !== undefined && network.isResting(relay)
    },
    build: (last, events) => {
      const length = hops()
      return network.buildCircuit({
        hops: length === 1 ? 2 : length,
        last: known(last) ?? namedRelay(last, network.geo),
        events,
      })
    },
  }
}
