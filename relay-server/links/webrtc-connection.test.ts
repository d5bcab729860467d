import { describe, expect, it } from 'vitest'
import type { CulvertError } from '../../shared/bytes/error.ts'
import { KeyPair } from '../../shared/identity/keys.ts'
import { MESSAGE_MTU } from '../../shared/link/constants.ts'
import type { LinkCloseReason } from '../../shared/link/link.ts'
import { parseLinkAddress } from '../../shared/link/link-address.ts'
import { ANSWER, OFFER } from '../../shared/link/session-description.fixture.ts'
import type { SignalSession } from '../../shared/link/signalling.ts'
import type { Wire } from '../../shared/link/wire.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { Counters } from '../../shared/world/counters.ts'
import { WebRtcConnection } from './webrtc-connection.ts'
import { CHANNEL_LABEL } from './webrtc-constants.ts'

/** A data channel in memory, whose library can be made to throw as node-datachannel does. */
class FakeChannel extends EventTarget {
  readonly label: string
  readyState = 'connecting'
  binaryType = ''
  bufferedAmountLowThreshold = 0
  refuses: 'nothing' | 'sending' | 'everything' = 'nothing'
  far: FakeChannel | undefined
  private readonly clock: VirtualClock

  constructor(clock: VirtualClock, label: string) {
    super()
    this.clock = clock
    this.label = label
  }

  get bufferedAmount(): number {
    if (this.refuses === 'everything') throw new TypeError('bufferedAmount() called on destroyed channel')
    return 0
  }

  send(message: Uint8Array): void {
    if (this.refuses !== 'nothing') throw new TypeError('DataChannel is closed')
    const data = Uint8Array.from(message).buffer
    this.clock.after(1, () => this.far?.dispatchEvent(new MessageEvent('message', { data })))
  }

  open(): void {
    this.readyState = 'open'
    this.dispatchEvent(new Event('open'))
  }
}

class FakePeer extends EventTarget {
  connectionState = 'new'
  isClosed = false
  refuses = false
  readonly channel: FakeChannel

  constructor(clock: VirtualClock) {
    super()
    this.channel = new FakeChannel(clock, CHANNEL_LABEL)
  }

  createDataChannel(): FakeChannel {
    return this.channel
  }

  async createOffer(): Promise<{ readonly sdp: string }> {
    return { sdp: OFFER }
  }

  async createAnswer(): Promise<{ readonly sdp: string }> {
    return { sdp: ANSWER }
  }

  async setRemoteDescription(): Promise<void> {}

  addIceCandidate(): Promise<void> {
    throw new TypeError('addRemoteCandidate() called on destroyed peer connection')
  }

  close(): void {
    this.isClosed = true
    if (this.refuses) throw new TypeError('close() called on destroyed peer connection')
  }

  /** The far end opens a channel. */
  comes(channel: FakeChannel): void {
    this.dispatchEvent(Object.assign(new Event('datachannel'), { channel }))
  }
}

interface End {
  readonly connection: WebRtcConnection
  readonly peer: FakePeer
  readonly counters: Counters
  readonly wires: Wire[]
  readonly failed: string[]
  readonly closed: LinkCloseReason[]
  ended: number
}

/** Two ends that have signalled, with channels that are not open yet. */
async function pair() {
  const clock = new VirtualClock()
  const random = new SeededRandom(5)
  const make = (target?: KeyPair): End => {
    const [peer, counters] = [new FakePeer(clock), new Counters()]
    const wires: Wire[] = []
    const failed: string[] = []
    const closed: LinkCloseReason[] = []
    const keyPair = target ? KeyPair.generate(random) : called
    const address = parseLinkAddress('webrtc+ws://127.0.0.1:9/relay')
    const end: End = {
      connection: new WebRtcConnection({
        ...{ keyPair, network: 'test', clock, random, counters },
        peer: peer as unknown as RTCPeerConnection,
        target: target && { address, publicKey: target.publicKey },
        onWire: (wire) => {
          wires.push(wire)
          wire.handTo({ onPacket: () => {}, onClosed: (_link, reason) => closed.push(reason) })
        },
        onFailed: (error: CulvertError) => failed.push(error.code),
        onEnded: () => end.ended++,
      }),
      ...{ peer, counters, wires, failed, closed },
      ended: 0,
    }
    return end
  }
  const called = KeyPair.generate(random)
  const [left, right] = [make(called), make()]
  const signalTo = (to: End) =>
    ({
      describe: (sdp: string) => to.connection.onDescription(sdp),
      candidate: () => {},
      end: () => {},
    }) as unknown as SignalSession
  right.connection.signal(signalTo(left))
  left.connection.signal(signalTo(right))
  await clock.advanceAsync(10)
  left.peer.channel.far = right.peer.channel
  right.peer.channel.far = left.peer.channel
  return { clock, left, right }
}

async function linked() {
  const { clock, left, right } = await pair()
  right.peer.comes(right.peer.channel)
  for (const { peer } of [left, right]) peer.channel.open()
  clock.advance(10)
  const [wire] = left.wires
  if (!wire || right.wires.length !== 1) throw new TypeError('no link came to be')
  return { clock, left, right, wire }
}

describe('channels that belong to no link (L-01, L-08)', () => {
  it.each(['left', 'right'] as const)('end an open link, whatever their name: %s', async (side) => {
    for (const label of [CHANNEL_LABEL, 'another']) {
      const { clock, [side]: end } = await linked()
      end.peer.comes(new FakeChannel(clock, label))
      expect([end.closed, end.ended, end.peer.isClosed]).toEqual([['protocol'], 1, true])
      expect(end.counters.get('webrtc-channel-refused')).toBe(1)
    }
  })

  it('end a connection that is no link yet', async () => {
    const { clock, left, right } = await pair()
    left.peer.comes(new FakeChannel(clock, CHANNEL_LABEL))
    right.peer.comes(new FakeChannel(clock, 'another'))
    for (const end of [left, right]) {
      expect([end.failed, end.ended, end.peer.isClosed]).toEqual([['webrtc-refused'], 1, true])
      end.peer.comes(new FakeChannel(clock, CHANNEL_LABEL))
      expect(end.counters.get('webrtc-channel-refused')).toBe(1)
    }
    const proving = await pair()
    proving.right.peer.comes(proving.right.peer.channel)
    proving.right.peer.channel.open()
    proving.right.peer.comes(new FakeChannel(proving.clock, CHANNEL_LABEL))
    expect([proving.right.failed, proving.right.ended]).toEqual([['auth-closed'], 1])
  })
})

describe('a WebRTC library that throws (L-01, L-08)', () => {
  it.each(['sending', 'everything'] as const)(
    'ends the link that it throws at, and nothing else: %s',
    async (what) => {
      const { clock, left, wire } = await linked()
      left.peer.channel.refuses = what
      for (let i = 0; i < 40; i++) wire.link.send(new Uint8Array(MESSAGE_MTU), 5)
      clock.advance(1)
      expect([left.closed, left.ended, left.peer.isClosed]).toEqual([['lost'], 1, true])
      expect(left.counters.get('webrtc-send-failed')).toBe(1)
      clock.advance(60_000)
      expect(left.ended).toBe(1)
    },
  )

  it.each(['sending', 'everything'] as const)(
    'lets a link close that still has to send: %s',
    async (what) => {
      const { clock, left, wire } = await linked()
      left.peer.channel.refuses = what
      wire.link.send(new Uint8Array(100), 5)
      wire.link.close('unneeded')
      clock.advance(1)
      expect([left.closed, left.ended, left.peer.isClosed]).toEqual([['unneeded'], 1, true])
    },
  )

  it('ends a connection of which no key is proved yet, at both ends', async () => {
    const { clock, left, right } = await pair()
    left.peer.channel.refuses = 'sending'
    left.peer.channel.open()
    clock.advance(1)
    expect([left.failed, left.ended]).toEqual([['auth-closed'], 1])
    const other = await pair()
    other.right.peer.channel.refuses = 'sending'
    other.right.peer.comes(other.right.peer.channel)
    for (const { peer } of [other.right, other.left]) peer.channel.open()
    other.clock.advance(10)
    expect([other.right.failed, other.right.ended]).toEqual([['auth-closed'], 1])
    expect(right.ended).toBe(0)
  })

  it('takes a candidate less, and ends a connection that does not let itself be closed', async () => {
    const { clock, left } = await pair()
    left.connection.onCandidate('candidate:1 1 UDP 7 9.9.9.9 4000 typ host')
    await clock.advanceAsync(1)
    expect(left.counters.get('webrtc-candidate-refused')).toBe(1)
    left.peer.refuses = true
    left.connection.stop('unneeded')
    expect([left.failed, left.ended]).toEqual([['link-aborted'], 1])
    expect(left.counters.get('webrtc-close-failed')).toBe(1)
  })
})
