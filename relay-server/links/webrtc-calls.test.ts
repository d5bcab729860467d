import { describe, expect, it } from 'vitest'
import { KeyPair } from '../../shared/identity/keys.ts'
import { decodeSignal, encodeSignal, NO_MID, SIGNAL_REFUSALS } from '../../shared/link/signalling-messages.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { Counters } from '../../shared/world/counters.ts'
import { WebRtcLinks } from './webrtc.ts'
import type { SignalWay } from './webrtc-signalling.ts'

class IdlePeer extends EventTarget {
  isClosed = false

  close(): void {
    this.isClosed = true
  }
}

/** A relay whose connections never come to stand, with room for four. */
async function called() {
  const random = new SeededRandom(11)
  const counters = new Counters()
  const keyPair = KeyPair.generate(random)
  const relays = new Set<SignalWay>()
  const peers: IdlePeer[] = []
  const links = new WebRtcLinks({
    keyPair,
    network: 'test',
    clock: new VirtualClock(),
    random,
    counters,
    log: { error: () => {}, info: () => {}, debug: () => {} },
    forward: false,
    allowPrivate: true,
    limits: { connections: 10, opening: 4 },
    stunServers: () => [],
    openNeighbour: () => undefined,
    isRelay: (way) => relays.has(way),
    signallerAt: () => undefined,
    signallers: () => [],
    onWire: () => {},
    load: async () => ({
      connect: () => {
        const peer = new IdlePeer()
        peers.push(peer)
        return peer as unknown as RTCPeerConnection
      },
      cleanup: () => {},
    }),
  })
  await links.start()
  const neighbour = (isRelay: boolean) => {
    const told: string[] = []
    const way: SignalWay = {
      publicKey: KeyPair.generate(random).publicKey,
      sendSignal: (body) => {
        const { kind, piece } = decodeSignal(body)
        const why = Object.entries(SIGNAL_REFUSALS).find(([, code]) => code === piece[0])?.[0]
        told.push(kind === 'refusal' ? (why ?? '') : kind)
      },
    }
    if (isRelay) relays.add(way)
    const call = () =>
      links.signalling.receive(
        way,
        encodeSignal({
          session: random.bytes(16),
          kind: 'offer',
          from: NO_MID,
          to: keyPair.publicKey.mid,
          message: 0,
          part: 0,
          parts: 2,
          piece: Uint8Array.of(1),
        }),
      )
    return { call, told }
  }
  return { links, counters, peers, neighbour }
}

describe('WebRTC: who calls (L-06)', () => {
  it('fills all places by one relay only until others call by another', async () => {
    const { links, counters, peers, neighbour } = await called()
    const [greedy, other] = [neighbour(true), neighbour(true)]
    for (let i = 0; i < 6; i++) greedy.call()
    expect([links.size, greedy.told]).toEqual([4, ['signal-full', 'signal-full']])
    for (let i = 0; i < 3; i++) other.call()
    expect(other.told).toEqual(['signal-full'])
    expect(greedy.told).toHaveLength(4)
    expect(greedy.told.at(-1)).toBe('signal-full')
    expect(links.size).toBe(4)
    expect(peers.map(({ isClosed }) => isClosed)).toEqual([true, true, false, false, false, false])
    expect(counters.get('webrtc-displaced')).toBe(2)
    await links.stop()
    expect(links.size).toBe(0)
  })

  it('counts all pages that call by themselves as one', async () => {
    const { links, counters, neighbour } = await called()
    for (let i = 0; i < 4; i++) neighbour(false).call()
    const page = neighbour(false)
    page.call()
    expect(page.told).toEqual(['signal-full'])
    const relay = neighbour(true)
    relay.call()
    expect([relay.told, counters.get('webrtc-displaced')]).toEqual([[], 1])
    await links.stop()
  })
})
