import { describe, expect, it } from 'vitest'
import { addressOf } from '../../shared/bytes/address.ts'
import { KeyPair } from '../../shared/identity/keys.ts'
import { readLinkAddress } from '../../shared/link/link-address.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import { type SignallingNeighboursOptions, signallingNeighbours } from './signalling-neighbours.ts'

const random = new SeededRandom(5)

/** What is asked for an address, of neighbours whose descriptors say that they are at these hosts. */
function stunServers(
  hosts: readonly string[],
  config: { readonly lab: boolean; readonly private?: boolean },
) {
  const relays = hosts.map((host) => ({
    status: 'open',
    publicKey: KeyPair.generate(random).publicKey,
    udp: addressOf(host, 7759),
    udp6: addressOf('2606:4700::1', 7759),
  }))
  const options = {
    config: {
      lab: config.lab,
      links: { webrtc: { signallers: [], privateAddresses: config.private ?? false } },
    },
    directory: {
      find: (mid: Uint8Array) => {
        const descriptor = relays.find(({ publicKey }) => publicKey.mid === mid)
        return descriptor && { descriptor }
      },
    },
    targets: {},
    keeper: () => ({ relays: () => relays }),
    isReachable: () => false,
  } as unknown as SignallingNeighboursOptions
  return signallingNeighbours(options).stunServers()
}

describe('whom a relay asks for its address outside (L-06)', () => {
  it('is no neighbour that says it is in our own network, or on this machine', () => {
    const hosts = ['192.168.1.1', '127.0.0.1', '169.254.169.254', '9.9.9.9', '10.0.0.1']
    expect(stunServers(hosts, { lab: false })).toEqual(['stun:9.9.9.9:7759'])
  })

  it('may be one there in a lab, or where the operator says so', () => {
    expect(stunServers(['127.0.0.11'], { lab: true })).toEqual(['stun:127.0.0.11:7759'])
    expect(stunServers(['10.0.0.1'], { lab: false, private: true })).toEqual(['stun:10.0.0.1:7759'])
  })
})

describe('whom a relay asks to signal (L-06)', () => {
  it('is each of those who claim the URL in turn: one may claim it falsely', () => {
    const claimants = [1, 2].map(() => KeyPair.generate(random).publicKey)
    const dialled: unknown[] = []
    const { signallerAt } = signallingNeighbours({
      config: { lab: false, links: { webrtc: { signallers: [], privateAddresses: false } } },
      targets: { atWebsocket: (url: string) => (url === 'wss://relay.example.org/relay' ? claimants : []) },
      keeper: () => ({ neighbourTo: (key: unknown) => dialled.push(key) }),
    } as unknown as SignallingNeighboursOptions)
    const at = (text: string) => {
      const address = readLinkAddress(text)
      if (address) signallerAt(address)
    }
    for (let i = 0; i < 3; i++) at('webrtc+wss://relay.example.org/relay')
    at('webrtc+wss://nobody.example.org/relay')
    expect(dialled).toEqual([claimants[0], claimants[1], claimants[0]])
  })
})
