import { formatAddress } from '../../shared/bytes/address.ts'
import type { Directory } from '../../shared/directory/directory.ts'
import { isUsableAddress } from '../../shared/link/candidates.ts'
import type { Keeper } from '../../shared/link/keeper.ts'
import { websocketUrlOf } from '../../shared/link/link-address.ts'
import type { RelayConfig } from '../config.ts'
import type { LinkTargets } from './link-targets.ts'
import type { SignallingNeighbours } from './webrtc.ts'

export interface SignallingNeighboursOptions {
  readonly config: Pick<RelayConfig, 'links' | 'lab'>
  readonly directory: Pick<Directory, 'find'>
  readonly targets: Pick<LinkTargets, 'atWebsocket' | 'of'>
  keeper(): Pick<Keeper, 'find' | 'relays' | 'neighbourTo'>
  /** Whether others reach this relay without anybody's help. */
  isReachable(): boolean
}

/** Which of a relay's neighbours help it with WebRTC: who signals, and who tells what address it has outside. */
export function signallingNeighbours(options: SignallingNeighboursOptions): SignallingNeighbours {
  const { config, directory, targets } = options
  const policy = { allowPrivate: config.lab || config.links.webrtc.privateAddresses }
  const open = () =>
    options
      .keeper()
      .relays()
      .filter(({ status }) => status === 'open')
  const descriptors = () => open().flatMap(({ publicKey }) => directory.find(publicKey.mid)?.descriptor ?? [])
  /** Kept as long as it will do, so that the descriptor does not change with the order of the links. */
  let chosen: string | undefined
  let attempts = 0
  return {
    openNeighbour: (mid) => {
      const neighbour = options.keeper().find(mid)
      return neighbour?.status === 'open' ? neighbour : undefined
    },
    isRelay: ({ publicKey }) => targets.of(publicKey) !== undefined,
    signallerAt: (address) => {
      const claimants = address.kind === 'webrtc' ? targets.atWebsocket(websocketUrlOf(address)) : []
      // One of them says so falsely, perhaps: each attempt asks another, in turn.
      const publicKey = claimants[attempts++ % claimants.length]
      return publicKey && options.keeper().neighbourTo(publicKey)
    },
    signallers: () => {
      const { signallers } = config.links.webrtc
      if (signallers.length > 0 || options.isReachable()) return signallers
      const urls = descriptors().flatMap(({ websocket }) => websocket ?? [])
      if (chosen === undefined || !urls.includes(chosen)) chosen = urls[0]
      return chosen === undefined ? [] : [chosen]
    },
    stunServers: () =>
      // Of what their descriptors say: nobody makes this relay send into its own network.
      descriptors().flatMap(({ udp }) =>
        udp !== undefined && isUsableAddress(udp, policy) ? `stun:${formatAddress(udp)}` : [],
      ),
  }
}
