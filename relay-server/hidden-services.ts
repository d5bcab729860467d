import { utf8ToBytes } from '@noble/hashes/utils.js'
import type { IpAddress } from '../shared/bytes/address.ts'
import { toHex } from '../shared/bytes/bytes.ts'
import type { Directory } from '../shared/directory/directory.ts'
import type { HiddenDht } from '../shared/hidden/dht-points.ts'
import { HiddenExit } from '../shared/hidden/hidden-exit.ts'
import { HiddenRelay } from '../shared/hidden/hidden-relay.ts'
import type { HiddenNeighbours } from '../shared/hidden/relay-lookup.ts'
import type { PublicKey } from '../shared/identity/keys.ts'
import type { Link } from '../shared/link/link.ts'
import type { RelayCircuit } from '../shared/onion/relay-circuit.ts'
import type { Clock } from '../shared/world/clock.ts'
import type { Counters } from '../shared/world/counters.ts'
import type { Random } from '../shared/world/random.ts'
import type { RelayConfig } from './config.ts'
import { Exit } from './exit/exit.ts'

export interface HiddenServicesOptions {
  readonly publicKey: PublicKey
  readonly config: RelayConfig
  /** What private networks an exit of this place may reach, where it is none itself: the lab's. */
  readonly allowNetworks: readonly string[]
  readonly exit: Exit | undefined
  readonly prefix: Uint8Array
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  readonly addresses: () => readonly IpAddress[]
  readonly join: (a: RelayCircuit, b: RelayCircuit) => boolean
  readonly directory: Directory
  /** The link to another relay; undefined where none may or can be. */
  readonly linkTo: (address: IpAddress) => Link | undefined
  readonly dht: HiddenDht
}

/**
 * What a relay does for hidden swarms, and the exit behind it. A relay that is no exit has one all the same, for those swarms'
 * own packets alone: a seeder answers a stock downloader from its introduction point's socket, as stock relays have it.
 */
export function hiddenServices(options: HiddenServicesOptions): {
  readonly services: HiddenRelay
  readonly port: HiddenExit
  readonly exit: Exit
} {
  const { config, prefix, clock, random, counters, allowNetworks } = options
  const neighbours: HiddenNeighbours = {
    relays: () =>
      options.directory
        .list()
        .flatMap(({ descriptor: { publicKey, udp, udp6, family }, silent }) =>
          udp ? [{ publicKey, address: udp, address6: udp6, family: toHex(family), silent }] : [],
        ),
    own: () => {
      const [address, address6] = options.addresses()
      const family = toHex(utf8ToBytes(config.family))
      return { publicKey: options.publicKey, address, address6, family }
    },
    linkTo: options.linkTo,
  }
  const services = new HiddenRelay({ ...options, neighbours })
  const exit =
    options.exit ??
    new Exit({
      tcp: false,
      bittorrent: false,
      ipv8: false,
      allowNetworks,
      publicHosts: () => options.addresses().map(({ host }) => host),
      clock,
      random,
      counters,
      prefix,
    })
  const port = new HiddenExit({ services, exit, prefix, counters, packetsOnly: !config.exit.enabled })
  return { services, port, exit }
}
