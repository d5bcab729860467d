import { afterEach, describe, expect, it } from 'vitest'
import { NodeRandom } from '../../relay-server/node-random.ts'
import { addressOf } from '../../shared/bytes/address.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import { CallOff } from '../../shared/client/wire-race.ts'
import { KeyPair, type PublicKey } from '../../shared/identity/keys.ts'
import { BINDINGS } from '../../shared/link/auth-binding.ts'
import { isControl, parseControl, signalPacket } from '../../shared/link/control.ts'
import type { Link } from '../../shared/link/link.ts'
import { formatLinkAddress, parseLinkAddress } from '../../shared/link/link-address.ts'
import { ANSWER, OFFER, sampleDescription } from '../../shared/link/session-description.fixture.ts'
import { webrtcBinding } from '../../shared/link/session-description.ts'
import { SignalEnd } from '../../shared/link/signalling.ts'
import { SignalForwarder } from '../../shared/link/signalling-forwarder.ts'
import { NO_MID } from '../../shared/link/signalling-messages.ts'
import { type Dialler, LinkWire, type Wire, type WireHandlers } from '../../shared/link/wire.ts'
import { WireSession } from '../../shared/link/wire-session.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { Counters } from '../../shared/world/counters.ts'
import type { ChannelCommand, ChannelReport, ChannelRequest } from './channel-messages.ts'
import { Signallers } from './signallers.ts'
import { WebRtcDialler } from './webrtc-dialler.ts'

const NETWORK = 'test'
const random = new NodeRandom()
const WAY = parseLinkAddress('webrtc+ws://alder.example/relay')
const alder = KeyPair.generate(random).publicKey
const birch = KeyPair.generate(random)
const pageKeys = KeyPair.generate(random)
const ports: MessagePort[] = []

afterEach(() => {
  for (const port of ports.splice(0)) port.close()
})

interface TownOptions {
  /** What birch takes for the page's description. */
  readonly offerSeen?: string
  /** Birch takes no calls. */
  readonly refuses?: boolean
  /** The channel never opens. */
  readonly unopened?: boolean
  readonly key?: KeyPair
  /** Who says that alder's gateway is his, until he is found not to be there. */
  readonly pretender?: PublicKey
}

/** A page; alder, which signals; and birch, which has no port, and a link with alder. */
function town(options: TownOptions = {}) {
  const clock = new VirtualClock()
  const counters = new Counters()
  const world = { clock, random, counters }
  const requests: ChannelRequest[] = []
  const channels: { closed: boolean; port: MessagePort }[] = []
  const introductions = { open: 0, all: 0 }
  const atAlder: { handlers?: WireHandlers; link?: Link } = {}
  const page = {}
  const toBirch = {}

  const forwarder = new SignalForwarder<object>({
    ...world,
    wayTo: (mid) => (mid.join() === birch.publicKey.mid.join() ? toBirch : undefined),
    midOf: () => NO_MID,
    send: (way, body) =>
      clock.after(5, () => {
        if (way === toBirch) birchEnd.receive(toBirch, body)
        else if (atAlder.link) atAlder.handlers?.onPacket(atAlder.link, signalPacket(body))
      }),
  })
  let offer = ''
  const birchEnd = new SignalEnd<object>({
    ...world,
    ownMid: birch.publicKey.mid,
    allowPrivate: true,
    send: (_, body) => void clock.after(5, () => forwarder.receive(toBirch, body)),
    ...(!options.refuses && {
      onCall: (session) => ({
        onDescription: (description) => {
          offer = description
          session.describe(ANSWER)
        },
        onCandidate: () => {},
        onEnd: () => {},
      }),
    }),
  })

  const webSockets: Dialler = {
    kind: 'websocket',
    canDial: () => true,
    dial: async ({ address, publicKey }) => {
      expect(formatLinkAddress(address)).toBe('ws://alder.example/relay')
      if (publicKey !== alder) throw new CulvertError('auth-key', 'another key')
      introductions.open++
      introductions.all++
      return new LinkWire({
        kind: 'websocket',
        neighbour: publicKey,
        binding: BINDINGS.none,
        initiated: true,
        link: (handlers) => {
          atAlder.handlers = handlers
          atAlder.link = {
            kind: 'websocket',
            mtu: 16_000,
            address: addressOf('alder.example', 80),
            open: true,
            send: (packet) => {
              if (!isControl(packet)) return
              const control = parseControl(packet)
              if (control.type === 'signal') clock.after(5, () => forwarder.receive(page, control.body))
            },
            close: () => void introductions.open--,
          }
          return atAlder.link
        },
      })
    },
  }

  const birchWires: Wire[] = []
  let session: WireSession | undefined
  /** Stands for the main thread and the network: once both descriptions are known there is a channel to birch. */
  const openPort = (request: ChannelRequest) => {
    requests.push(request)
    const { port1, port2 } = new MessageChannel()
    ports.push(port1, port2)
    const channel = { closed: false, port: port2 }
    channels.push(channel)
    const report = (message: ChannelReport) => port2.postMessage(message)
    port2.onmessage = ({ data }: MessageEvent<ChannelCommand>) => {
      if (data instanceof ArrayBuffer) {
        session?.receive(new Uint8Array(data))
      } else if (data.type === 'close') {
        channel.closed = true
      } else if (data.type === 'description' && !options.unopened) {
        const value = webrtcBinding(options.offerSeen ?? offer, ANSWER)
        session = new WireSession({
          ...world,
          network: NETWORK,
          keyPair: options.key ?? birch,
          kind: 'webrtc',
          peer: addressOf('192.0.2.1', 1),
          pipe: {
            send: (message) => report(message.slice().buffer),
            bufferedBytes: () => 0,
            close: () => {},
          },
          role: { bindingOf: (kind) => (kind === BINDINGS.dtlsFingerprints ? value : undefined) },
          onWire: (wire) => void birchWires.push(wire),
          onFailed: () => {},
        })
        report({ type: 'open' })
      }
    }
    report({ type: 'description', sdp: OFFER })
    return port1
  }

  let { pretender } = options
  const signallers = new Signallers({
    ...world,
    dialler: webSockets,
    allowPrivate: true,
    signallerAt: (gateway) =>
      formatLinkAddress(gateway) === 'ws://alder.example/relay'
        ? { publicKey: pretender ?? alder, stun: 'stun:198.51.100.1:7759' }
        : undefined,
    isNotAt: (gateway, publicKey) => {
      expect([formatLinkAddress(gateway), publicKey]).toEqual(['ws://alder.example/relay', pretender])
      pretender = undefined
    },
    neighbour: () => undefined,
  })
  const dialler = new WebRtcDialler({
    ...world,
    network: NETWORK,
    keyFor: () => pageKeys,
    openPort,
    signallers,
  })
  /** Lets time pass, and messages of ports travel meanwhile. */
  const pass = async (ms: number) => {
    for (let at = 0; at < ms; at += 5) {
      clock.advance(5)
      for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return { dialler, pass, requests, channels, introductions, birchWires, clock }
}

const target = { address: WAY, publicKey: birch.publicKey }

/** The code of what a promise is rejected with. */
const codeOf = (promise: Promise<Wire>) =>
  promise.then(
    () => 'a wire',
    (error: unknown) => (error instanceof CulvertError ? error.code : String(error)),
  )

describe('page opens a wire by WebRTC (L-01, L-03, W-02)', () => {
  it('is introduced, proves keys tied to both fingerprints, and has a wire', async () => {
    const { dialler, pass, requests, introductions, birchWires } = town()
    const dialling = dialler.dial(target)
    await pass(300)
    const wire = await dialling
    expect(wire).toMatchObject({ kind: 'webrtc', binding: BINDINGS.dtlsFingerprints, initiated: true })
    expect(requests).toEqual([{ initiator: true, stun: 'stun:198.51.100.1:7759' }])
    const [theirs] = birchWires
    expect(theirs?.neighbour.equals(pageKeys.publicKey)).toBe(true)
    const received: Uint8Array[] = []
    theirs?.handTo({ onPacket: (_, packet) => void received.push(packet), onClosed: () => {} })
    wire.handTo({ onPacket: () => {}, onClosed: () => {} })
    wire.link.send(Uint8Array.of(1, 2, 3), 0)
    await pass(50)
    expect(received).toEqual([Uint8Array.of(1, 2, 3)])
    // Who has introduced us is needed no more.
    expect(introductions).toEqual({ open: 0, all: 1 })
  })

  it('does not take somebody who put himself between', async () => {
    const { dialler, pass, channels, birchWires } = town({ offerSeen: sampleDescription({ digit: 'C' }) })
    const dialling = codeOf(dialler.dial(target))
    await pass(300)
    expect(await dialling).toMatch(/^auth-/)
    expect(channels[0]?.closed).toBe(true)
    expect(birchWires).toEqual([])
  })

  it('does not take another relay', async () => {
    const { dialler, pass } = town({ key: KeyPair.generate(random) })
    const dialling = codeOf(dialler.dial(target))
    await pass(300)
    expect(await dialling).toBe('auth-key')
  })

  it('can only be introduced by relays that it knows', async () => {
    const { dialler, requests } = town()
    const address = parseLinkAddress('webrtc+ws://cedar.example/relay')
    expect([dialler.canDial(WAY), dialler.canDial(address)]).toEqual([true, false])
    expect(await codeOf(dialler.dial({ ...target, address }))).toBe('link-unreachable')
    expect(requests).toEqual([])
  })

  it('tells who is not where he said, and is introduced by another the next time', async () => {
    const { dialler, pass, introductions } = town({ pretender: KeyPair.generate(random).publicKey })
    expect(await codeOf(dialler.dial(target))).toBe('auth-key')
    const dialling = codeOf(dialler.dial(target))
    await pass(300)
    expect(await dialling).toBe('a wire')
    expect(introductions.all).toBe(1)
  })

  it('says that the relay does not want to', async () => {
    const { dialler, pass, channels, introductions } = town({ refuses: true })
    const dialling = codeOf(dialler.dial(target))
    await pass(1_000)
    expect(await dialling).toBe('link-unreachable')
    expect(channels[0]?.closed).toBe(true)
    expect(introductions.open).toBe(0)
  })

  it('waits twenty seconds, no longer', async () => {
    const { dialler, pass, clock, introductions } = town({ unopened: true })
    const dialling = codeOf(dialler.dial(target))
    await pass(300)
    clock.advance(19_000)
    expect(introductions.open).toBe(1)
    clock.advance(1_000)
    expect(await dialling).toBe('link-unreachable')
    expect(introductions.open).toBe(0)
  })

  it('can be called off at any time, and leaves nothing behind', async () => {
    for (const afterMs of [0, 5, 25, 60]) {
      const { dialler, pass, channels, introductions } = town({ unopened: true })
      const off = new CallOff()
      const dialling = codeOf(dialler.dial(target, off))
      await pass(afterMs)
      off.abort()
      expect(await dialling).toBe('link-aborted')
      await pass(50)
      expect(introductions.open).toBe(0)
      expect(channels.filter(({ closed }) => !closed)).toEqual([])
    }
    const off = new CallOff()
    off.abort()
    expect(await codeOf(town().dialler.dial(target, off))).toBe('link-aborted')
  })
})
