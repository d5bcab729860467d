import { concat } from '../../bytes/bytes.ts'
import { encode } from '../../bytes/codec.ts'
import { curves } from '../../crypto/curves.ts'
import type { KeyPair, PublicKey } from '../../identity/keys.ts'
import { prefixOf } from '../../ipv8/packet.ts'
import {
  AUTH_TYPES,
  AUTH_VERSION,
  authChallenge,
  authRequest,
  authResponse,
} from '../../link/auth-messages.ts'
import {
  afterPacket,
  CONTROL_COMMUNITY_ID,
  messagePacket,
  pacePacket,
  paddingPacket,
  parseControl,
  pingPacket,
  placesPacket,
  pongPacket,
  retiringPacket,
  signalPacket,
} from '../../link/control.ts'
import { DatagramSession } from '../../link/datagram-auth.ts'
import {
  ControlSeal,
  DATAGRAM_KINDS,
  encodeReason,
  handshakePacket,
  parseDatagram,
  SESSION_BYTES,
} from '../../link/datagram-messages.ts'
import type { Link } from '../../link/link.ts'
import { encodeSignal, SIGNAL_KINDS, type SignalKind } from '../../link/signalling-messages.ts'
import type { Clock } from '../../world/clock.ts'
import type { Counters } from '../../world/counters.ts'
import { below, pick, type Random, uint32 } from '../../world/random.ts'

/** The network's name, for what is signed. */
export const NETWORK = 'fuzzed'
const PREFIX = prefixOf(CONTROL_COMMUNITY_ID)
const SDP =
  'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n'
const CANDIDATE = 'candidate:1 1 udp 2122260223 198.51.100.7 4242 typ host'

/** What a neighbour says about its wire, well made (shared/link/control.ts), or of an unknown id. */
export function controlPacket(random: Random, to: Uint8Array): Uint8Array {
  const nonce = below(random, 4)
  const makers: (() => Uint8Array)[] = [
    () => pingPacket(uint32(random), below(random, 600)),
    () => pongPacket(nonce),
    () => retiringPacket(nonce),
    () => afterPacket(nonce),
    () => paddingPacket(30 + below(random, 900)),
    () => messagePacket(random.bytes(16), random.bytes(below(random, 900))),
    () => placesPacket(below(random, 256)),
    () => pacePacket(uint32(random)),
    () => signalPacket(signal(random, to)),
    () => signalPacket(signal(random, to)),
    () => concat(PREFIX, Uint8Array.of(11 + below(random, 200)), random.bytes(20)),
  ]
  return (pick(random, makers) as () => Uint8Array)()
}

function signal(random: Random, to: Uint8Array): Uint8Array {
  const kind = pick(random, Object.keys(SIGNAL_KINDS) as SignalKind[]) ?? 'offer'
  const text = kind === 'candidate' ? CANDIDATE : SDP
  return encodeSignal({
    // Few sessions, so that what belongs to one comes twice, and from others.
    session: new Uint8Array(16).fill(below(random, 20)),
    kind,
    from: random.bytes(20),
    to: below(random, 3) === 0 ? random.bytes(20) : to,
    message: below(random, 3),
    part: 0,
    parts: 1 + (below(random, 8) === 0 ? 1 : 0),
    piece: kind === 'refusal' ? Uint8Array.of(below(random, 7)) : new TextEncoder().encode(text),
  })
}

/** A message of link authentication of a session that was never begun, or begins now. */
export function strangersHandshake(random: Random, { publicKey }: KeyPair): Uint8Array {
  const head = (type: number) => ({ version: AUTH_VERSION, type })
  const own = { nonce: random.bytes(32), key: publicKey.bytes }
  const signature = random.bytes(64)
  const network = new TextEncoder().encode(NETWORK)
  const messages = [
    encode(authRequest, { ...head(AUTH_TYPES.request), ...own, binding: 0, network }),
    encode(authChallenge, { ...head(AUTH_TYPES.challenge), ...own, signature }),
    encode(authResponse, { ...head(AUTH_TYPES.response), signature }),
  ]
  return handshakePacket(random.bytes(SESSION_BYTES), pick(random, messages) as Uint8Array, 250)
}

export interface CallerOptions {
  readonly keyPair: KeyPair
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  /** To the relay. */
  readonly way: Link
  readonly relay: PublicKey
}

/** An attacker who has proved his key over datagrams, and says what he likes under his seal. */
export class RawCaller {
  private readonly id: Uint8Array
  private readonly session: DatagramSession
  private seal: ControlSeal | undefined

  constructor(options: CallerOptions) {
    const { keyPair, random, relay } = options
    this.id = random.bytes(SESSION_BYTES)
    this.session = DatagramSession.initiator({
      ...{ ...options, id: this.id, network: NETWORK, expectedKey: relay },
      onDone: () => {
        const shared = curves().x25519Shared(keyPair.x25519Secret, relay.x25519)
        this.seal = new ControlSeal(shared, this.id, true)
      },
      onFailed: () => undefined,
    })
  }

  get ready(): boolean {
    return this.seal !== undefined
  }

  start(): void {
    this.session.start()
  }

  /** What the relay says: an attacker who is asked wrongly just waits. */
  receive(packet: Uint8Array): void {
    const control = parseControl(packet)
    if (control.type !== 'authentication') return
    const { kind, session, rest } = parseDatagram(control.body)
    if (kind === DATAGRAM_KINDS.handshake && session.every((byte, i) => byte === this.id[i]))
      this.session.receive(rest, packet.length)
  }

  /** Any content, under the tag that the relay expects. */
  sealed(content: Uint8Array): Uint8Array {
    return this.seal?.seal(DATAGRAM_KINDS.control, content) ?? content
  }

  closing(change: (content: Uint8Array) => Uint8Array): Uint8Array {
    return this.seal?.seal(DATAGRAM_KINDS.close, change(encodeReason('unneeded'))) ?? new Uint8Array()
  }

  end(): void {
    this.session.closed()
  }
}
