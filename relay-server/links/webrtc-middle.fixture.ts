import { mediaIdOf } from '../../shared/link/session-description.ts'
import { SignalEnd, type SignalEvents, type SignalSession } from '../../shared/link/signalling.ts'
import { Counters } from '../../shared/world/counters.ts'
import { NodeClock } from '../node-clock.ts'
import { NodeRandom } from '../node-random.ts'
import { CHANNEL_LABEL } from './webrtc-constants.ts'
import { loadWebRtc, type WebRtcLibrary } from './webrtc-library.ts'
import type { SignalWay } from './webrtc-signalling.ts'

/** One of the two connections of the man in the middle. */
interface Half {
  readonly peer: RTCPeerConnection
  channel: RTCDataChannel | undefined
  readonly waiting: ArrayBuffer[]
}

/**
 * A signaller that puts certificates of its own into what it passes on: it answers the caller itself, calls the called one in its
 * name, and passes all messages of the one data channel on to the other. Both sides see a working DTLS connection.
 */
export class ManInTheMiddle {
  /** Messages passed on, either way. */
  passed = 0
  private readonly library: WebRtcLibrary
  private readonly halves: Half[] = []

  static async make(): Promise<ManInTheMiddle> {
    return new ManInTheMiddle(await loadWebRtc())
  }

  private constructor(library: WebRtcLibrary) {
    this.library = library
  }

  /** What a caller is to signal through, who then is brought to the one that `toCalled` reaches. */
  between(
    caller: { readonly arrives: (body: Uint8Array) => void; readonly mid: Uint8Array },
    called: { readonly arrives: (body: Uint8Array) => void; readonly mid: Uint8Array },
  ): { readonly fromCaller: (body: Uint8Array) => void; readonly fromCalled: (body: Uint8Array) => void } {
    const world = {
      clock: new NodeClock(),
      random: new NodeRandom(),
      counters: new Counters(),
      allowPrivate: true,
    }
    const onward = new SignalEnd<string>({
      ...world,
      ownMid: caller.mid,
      send: (_way, body) => setImmediate(() => called.arrives(body)),
    })
    const back = new SignalEnd<string>({
      ...world,
      ownMid: called.mid,
      send: (_way, body) => setImmediate(() => caller.arrives(body)),
      onCall: (session) => this.called(session, (events) => onward.call('called', called.mid, events)),
    })
    return {
      fromCaller: (body) => back.receive('caller', body),
      fromCalled: (body) => onward.receive('called', body),
    }
  }

  stop(): void {
    for (const { peer } of this.halves) peer.close()
  }

  private called(session: SignalSession, call: (events: SignalEvents) => SignalSession): SignalEvents {
    const near = this.half(session)
    const far = this.half()
    this.join(near, far)
    this.join(far, near)
    near.peer.addEventListener('datachannel', ({ channel }) => this.use(near, channel, far))
    this.use(far, far.peer.createDataChannel(CHANNEL_LABEL), near)
    const onward = call(eventsOf(far.peer, 'answer', async () => {}))
    far.peer.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate) onward.candidate(candidate.candidate)
    })
    void far.peer.createOffer().then(({ sdp }) => onward.describe(sdp ?? ''))
    return eventsOf(near.peer, 'offer', async () => {
      session.describe((await near.peer.createAnswer()).sdp ?? '')
    })
  }

  private half(session?: SignalSession): Half {
    const peer = this.library.connect({ stunServers: [], maxMessageBytes: 65_536, bindAddress: '127.0.0.1' })
    const half: Half = { peer, channel: undefined, waiting: [] }
    this.halves.push(half)
    peer.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate) session?.candidate(candidate.candidate)
    })
    return half
  }

  /** When the one ends, so does the other. */
  private join(one: Half, other: Half): void {
    one.peer.addEventListener('connectionstatechange', () => {
      if (one.peer.connectionState === 'closed') other.peer.close()
    })
  }

  private use(half: Half, channel: RTCDataChannel, other: Half): void {
    half.channel = channel
    const flush = () => {
      for (const message of half.waiting.splice(0)) channel.send(message)
    }
    channel.addEventListener('open', flush)
    channel.addEventListener('message', ({ data }: MessageEvent<ArrayBuffer>) => {
      this.passed++
      if (other.channel?.readyState === 'open') other.channel.send(data)
      else other.waiting.push(data)
    })
    if (channel.readyState === 'open') flush()
  }
}

function eventsOf(
  peer: RTCPeerConnection,
  type: 'offer' | 'answer',
  then: () => Promise<void>,
): SignalEvents {
  let sdpMid = '0'
  return {
    onDescription: (sdp) => {
      sdpMid = mediaIdOf(sdp)
      void peer.setRemoteDescription({ type, sdp }).then(then)
    },
    onCandidate: (candidate) => void peer.addIceCandidate({ candidate, sdpMid, sdpMLineIndex: 0 }),
    onEnd: () => {},
  }
}

/** A way whose far end is set later. */
export function wayTo(
  publicKey: SignalWay['publicKey'],
): SignalWay & { arrives: (body: Uint8Array) => void } {
  const way = {
    publicKey,
    arrives: (_body: Uint8Array) => {},
    sendSignal: (body: Uint8Array) => {
      setImmediate(() => way.arrives(body))
    },
  }
  return way
}
