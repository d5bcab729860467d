import { afterEach, describe, expect, it } from 'vitest'
import { channelEnd } from '../../shared/link/channel-end.ts'
import { MAX_MESSAGE_BYTES } from '../../shared/link/constants.ts'
import type { ChannelRequest, ChannelSignal } from './channel-messages.ts'
import { DataChannel } from './data-channel.ts'
import { type Peer, type PeerOptions, type PeerSignal, servePeer } from './peer-connections.ts'

const ports: MessagePort[] = []

afterEach(() => {
  for (const port of ports.splice(0)) port.close()
})

/** Stands for simple-peer on the main thread. */
class FakePeer implements Peer {
  readonly options: PeerOptions
  readonly signals: PeerSignal[] = []
  readonly sent: Uint8Array[] = []
  readonly waiting: (() => void)[] = []
  ended = false
  destroyed = false
  private readonly listeners = new Map<string, (value?: unknown) => void>()

  constructor(options: PeerOptions) {
    this.options = options
  }

  on(event: string, listener: never): void {
    this.listeners.set(event, listener)
  }

  emit(event: string, value?: unknown): void {
    this.listeners.get(event)?.(value)
  }

  signal(signal: PeerSignal): void {
    if (signal.type !== 'candidate' && signal.sdp === 'bad') throw new TypeError('no such description')
    this.signals.push(signal)
  }

  write(message: Uint8Array, written: () => void): boolean {
    this.sent.push(message)
    this.waiting.push(written)
    return true
  }

  end(): void {
    this.ended = true
  }

  destroy(): void {
    this.destroyed = true
  }
}

function channel(request: ChannelRequest, makes?: (options: PeerOptions) => FakePeer) {
  const peers: FakePeer[] = []
  const signals: ChannelSignal[] = []
  const messages: Uint8Array[] = []
  const happened: string[] = []
  const made = new DataChannel({
    ...request,
    openPort: (asked) => {
      const { port1, port2 } = new MessageChannel()
      ports.push(port1, port2)
      servePeer(asked, port2, (options) => {
        const peer = makes ? makes(options) : new FakePeer(options)
        peers.push(peer)
        return peer
      })
      return port1
    },
    onSignal: (signal) => void signals.push(signal),
    onOpen: () => void happened.push('open'),
    onMessage: (message) => void messages.push(message),
    onWritten: () => void happened.push('written'),
    onClosed: (code) => void happened.push(code === undefined ? 'closed' : `closed ${code}`),
  })
  return { channel: made, peer: peers[0], signals, messages, happened }
}

function made(request: ChannelRequest) {
  const { peer, ...rest } = channel(request)
  if (!peer) throw new TypeError('no peer was made')
  return { peer, ...rest }
}

/** Lets messages of ports travel, turn by turn. */
async function until(predicate: () => boolean): Promise<void> {
  for (let turn = 0; !predicate(); turn++) {
    if (turn > 100_000) throw new Error('never came to be')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('a data channel between the worker and the main thread (L-01, L-08)', () => {
  it('asks nobody for its address but the relay that signals, by STUN', () => {
    const iceServers = (stun?: string) => made({ initiator: true, stun }).peer.options.config.iceServers
    expect(iceServers()).toEqual([])
    expect(iceServers('stun:198.51.100.7:7759')).toEqual([{ urls: 'stun:198.51.100.7:7759' }])
    expect(iceServers('stun:[2001:db8::1]:7759')).toEqual([{ urls: 'stun:[2001:db8::1]:7759' }])
    for (const other of [
      'turn:198.51.100.7:1',
      'stuns:a.example:1',
      'stun:a.example',
      'stun:a.example:1?x',
    ]) {
      expect(iceServers(other)).toEqual([])
    }
  })

  it('brings descriptions and candidates to and fro, and nothing else of simple-peer’s', async () => {
    const { channel, peer, signals } = made({ initiator: true })
    peer.emit('signal', { type: 'renegotiate', renegotiate: true })
    peer.emit('signal', { type: 'offer', sdp: 'v=0 offer' })
    peer.emit('signal', {
      type: 'candidate',
      candidate: { candidate: 'candidate:1', sdpMid: '0', sdpMLineIndex: 0 },
    })
    channel.signal({ type: 'description', sdp: 'v=0 answer' })
    channel.signal({ type: 'candidate', candidate: 'candidate:2' })
    await until(() => signals.length === 2 && peer.signals.length === 2)
    expect(signals).toEqual([
      { type: 'description', sdp: 'v=0 offer' },
      { type: 'candidate', candidate: 'candidate:1' },
    ])
    expect(peer.signals).toEqual([
      { type: 'answer', sdp: 'v=0 answer' },
      { type: 'candidate', candidate: { candidate: 'candidate:2', sdpMid: null, sdpMLineIndex: 0 } },
    ])
  })

  it('takes the first description for an offer where the far end begins', async () => {
    const { channel, peer } = made({ initiator: false })
    channel.signal({ type: 'description', sdp: 'v=0' })
    await until(() => peer.signals.length === 1)
    expect(peer.signals).toEqual([{ type: 'offer', sdp: 'v=0' }])
  })

  it('carries messages, and tells back what the network has taken', async () => {
    const { channel, peer, messages, happened } = made({ initiator: true })
    channel.send(Uint8Array.of(9))
    peer.emit('connect')
    await until(() => happened.length === 1)
    const large = new Uint8Array(10).fill(7)
    channel.send(large.subarray(2, 5))
    channel.send(Uint8Array.of(1, 2))
    expect(channel.bufferedBytes()).toBe(5)
    await until(() => peer.sent.length === 2)
    expect(peer.sent).toEqual([Uint8Array.of(7, 7, 7), Uint8Array.of(1, 2)])
    expect(large).toHaveLength(10)
    for (const written of peer.waiting) written()
    await until(() => happened.length === 2)
    expect(happened).toEqual(['open', 'written'])
    expect(channel.bufferedBytes()).toBe(0)
    peer.emit('data', Uint8Array.of(4, 5))
    peer.emit('data', new Uint8Array([0, 6, 0]).subarray(1, 2))
    await until(() => messages.length === 2)
    expect(messages).toEqual([Uint8Array.of(4, 5), Uint8Array.of(6)])
  })

  it.each([
    ['text', 'hello'],
    ['a message over 64 KiB', new Uint8Array(MAX_MESSAGE_BYTES + 1)],
  ])('ends at %s', async (_, data) => {
    const { peer, messages, happened } = made({ initiator: true })
    peer.emit('connect')
    peer.emit('data', data)
    await until(() => happened.length === 2)
    expect(happened).toEqual(['open', 'closed'])
    expect(messages).toEqual([])
    expect(peer.destroyed).toBe(true)
  })

  it('ends at a description that the browser does not take, and when the peer has gone', async () => {
    const refused = made({ initiator: true })
    refused.channel.signal({ type: 'description', sdp: 'bad' })
    await until(() => refused.happened.length === 1)
    const gone = made({ initiator: true })
    gone.peer.emit('error')
    gone.peer.emit('close')
    await until(() => gone.happened.length === 1)
    expect([refused.happened, gone.happened]).toEqual([['closed'], ['closed']])
    expect(gone.peer.destroyed).toBe(true)
  })

  it('learns why the far end has closed', async () => {
    const { peer, happened } = made({ initiator: true })
    peer.emit('connect')
    peer.emit('data', channelEnd(4004))
    await until(() => happened.length === 2 && peer.ended)
    expect(happened).toEqual(['open', 'closed 4004'])
  })

  it('never opens where the browser has no WebRTC', async () => {
    const { happened } = channel({ initiator: true }, () => {
      throw new TypeError('no WebRTC')
    })
    await until(() => happened.length === 1)
    expect(happened).toEqual(['closed'])
  })

  it('lets what was sent go out before it ends, but waits for nothing while it is not open', async () => {
    const open = made({ initiator: true })
    open.peer.emit('connect')
    await until(() => open.happened.length === 1)
    open.channel.send(Uint8Array.of(1))
    open.channel.close(4001)
    open.channel.close(4002)
    const opening = made({ initiator: true })
    opening.channel.close()
    await until(() => open.peer.ended && opening.peer.destroyed)
    expect(open.peer.sent).toEqual([Uint8Array.of(1), channelEnd(4001)])
    expect(open.peer.destroyed).toBe(false)
    expect([open.happened, opening.happened]).toEqual([['open'], []])
  })
})
