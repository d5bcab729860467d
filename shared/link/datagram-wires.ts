import { toHex } from '../bytes/bytes.ts'
import { CodecError, CulvertError } from '../bytes/error.ts'
import { curves } from '../crypto/curves.ts'
import type { KeyPair, PublicKey } from '../identity/keys.ts'
import { TokenBucket } from '../ipv8/token-bucket.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import { LinkAuthError } from './auth.ts'
import { BINDINGS } from './auth-binding.ts'
import { parseControl } from './control.ts'
import { DatagramSession } from './datagram-auth.ts'
import { DATAGRAM_LIMITS } from './datagram-limits.ts'
import {
  ControlSeal,
  DATAGRAM_KINDS,
  decodeReason,
  parseDatagram,
  SESSION_BYTES,
} from './datagram-messages.ts'
import { DatagramWire } from './datagram-wire.ts'
import type { Link } from './link.ts'
import type { LinkAddress } from './link-address.ts'
import { type DialSignal, LinkWire, type Wire } from './wire.ts'

export interface DatagramWiresOptions {
  readonly keyPair: KeyPair
  readonly network: string
  readonly clock: Clock
  readonly random: Random
  /** `datagram-…`. */
  readonly counters: Counters
  /** A neighbour has asked for a wire, and both keys are proved. */
  onWire(wire: Wire): void
}

interface Session {
  readonly way: Link
  readonly auth: DatagramSession
  wire: DatagramWire | undefined
}

/**
 * Authenticated wires over links of datagrams (L-03): UDP addresses become neighbours. A machine without I/O: what comes over such a
 * link is handed in. The four messages of link authentication go in control packets and are repeated when lost; no answer is
 * larger than its question, and questions that cost a signature are answered at a bounded rate.
 */
export class DatagramWires {
  private readonly options: DatagramWiresOptions
  private readonly sessions = new Map<string, Session>()
  /** The newest wire over a link. */
  private readonly newest = new Map<Link, DatagramWire>()
  private readonly questions: TokenBucket
  /** Handshakes that strangers have begun, oldest first: how each is given up. */
  private readonly pending = new Map<string, () => void>()
  private stopped = false

  constructor(options: DatagramWiresOptions) {
    this.options = options
    const { questionsPerSecond, questionBurst } = DATAGRAM_LIMITS
    this.questions = new TokenBucket(options.clock, questionsPerSecond, questionBurst)
  }

  /** The wire that packets over this link belong to, if its neighbour is an authenticated one. */
  wireOver(way: Link): DatagramWire | undefined {
    return this.newest.get(way)
  }

  /**
   * Asks whoever is at the other end to prove a key, and proves ours.
   * @throws CulvertError `link-aborted`, `link-full`, `link-closed`; LinkAuthError
   */
  dial(way: Link, publicKey: PublicKey, address: LinkAddress, signal?: DialSignal): Promise<Wire> {
    if (signal?.aborted) return Promise.reject(new CulvertError('link-aborted', 'the link is not wanted'))
    if (this.stopped) return Promise.reject(new CulvertError('link-closed', 'this relay is stopping'))
    if (this.sessions.size >= DATAGRAM_LIMITS.sessions) {
      return Promise.reject(new CulvertError('link-full', 'there are too many wires over datagrams'))
    }
    return new Promise((resolve, reject) => {
      const id = this.options.random.bytes(SESSION_BYTES)
      const abort = () => {
        reject(new CulvertError('link-aborted', 'the link is not wanted any more'))
        this.drop(id)
      }
      const auth = DatagramSession.initiator({
        ...this.options,
        way,
        id,
        expectedKey: publicKey,
        onDone: () => {
          signal?.removeEventListener('abort', abort)
          const wire = this.wireOf(id, publicKey, address)
          if (wire) resolve(wire)
          else reject(new LinkAuthError('auth-key', 'the neighbour’s key is none to seal control with'))
        },
        onFailed: (error) => {
          signal?.removeEventListener('abort', abort)
          this.drop(id)
          reject(error)
        },
      })
      this.sessions.set(toHex(id), { way, auth, wire: undefined })
      signal?.addEventListener('abort', abort)
      auth.start()
    })
  }

  /** Takes a control packet that came over a link of datagrams. Never throws. */
  receive(way: Link, packet: Uint8Array): void {
    if (this.stopped) return
    try {
      const control = parseControl(packet)
      // Anybody may have sent it.
      if (control.type !== 'authentication') this.count('datagram-control-unsealed')
      else this.take(way, control.body, packet.length)
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
      this.count(error.code)
    }
  }

  /** A link of datagrams is gone, and all wires over it. */
  lost(way: Link): void {
    for (const [id, session] of [...this.sessions]) {
      if (session.way !== way) continue
      this.sessions.delete(id)
      session.auth.closed()
      session.wire?.ended('lost')
    }
  }

  /** Closes all wires with `shutdown`. */
  stop(): void {
    this.stopped = true
    for (const { auth, wire } of [...this.sessions.values()]) {
      auth.closed()
      wire?.close('shutdown')
    }
    this.sessions.clear()
  }

  private take(way: Link, body: Uint8Array, packetBytes: number): void {
    const { kind, session: id, rest } = parseDatagram(body)
    const session = this.sessions.get(toHex(id))
    if (session !== undefined && session.way !== way) this.count('datagram-wrong-way')
    else if (kind === DATAGRAM_KINDS.handshake && session !== undefined)
      session.auth.receive(rest, packetBytes)
    else if (kind === DATAGRAM_KINDS.handshake) this.asked(way, id, rest, packetBytes)
    else if (session?.wire === undefined) this.count('datagram-unknown-session')
    else this.takeSealed(session.wire, session.auth, kind, rest)
  }

  private takeSealed(wire: DatagramWire, auth: DatagramSession, kind: number, rest: Uint8Array): void {
    const content = auth.seal?.open(kind, rest)
    if (content === undefined) this.count('datagram-seal')
    else if (kind === DATAGRAM_KINDS.control) wire.deliver(content)
    else if (kind === DATAGRAM_KINDS.close) wire.ended(decodeReason(content))
  }

  /** A stranger begins. */
  private asked(way: Link, id: Uint8Array, rest: Uint8Array, packetBytes: number): void {
    if (!this.questions.take()) {
      this.count('datagram-rate-limited')
      return
    }
    // Forged questions come to nothing; who means it answers within a round trip, long before it is the oldest.
    if (this.pending.size >= DATAGRAM_LIMITS.pending) this.giveUpOldest()
    if (this.sessions.size >= DATAGRAM_LIMITS.sessions) {
      this.count('datagram-full')
      return
    }
    const own = Uint8Array.from(id)
    const key = toHex(own)
    const settled = () => this.pending.delete(key)
    const auth = DatagramSession.responder({
      ...this.options,
      way,
      id: own,
      onDone: (neighbour) => {
        settled()
        const wire = this.wireOf(own, neighbour, undefined)
        if (wire) this.options.onWire(wire)
      },
      onFailed: (error) => {
        settled()
        this.count(`datagram-${error.code}`)
        this.drop(own)
      },
    })
    this.pending.set(key, () => this.drop(own))
    this.sessions.set(key, { way, auth, wire: undefined })
    auth.receive(rest, packetBytes)
  }

  private giveUpOldest(): void {
    for (const [key, giveUp] of this.pending) {
      this.pending.delete(key)
      giveUp()
      this.count('datagram-given-up')
      return
    }
  }

  /** Undefined, and the session dropped, if the neighbour's key does not serve to seal control with. */
  private wireOf(id: Uint8Array, neighbour: PublicKey, address: LinkAddress | undefined): Wire | undefined {
    const session = this.sessions.get(toHex(id)) as Session
    const { way, auth } = session
    const initiated = address !== undefined
    const shared = this.sharedWith(neighbour)
    if (shared === undefined) {
      this.count('datagram-key')
      this.drop(id)
      return undefined
    }
    const seal = new ControlSeal(shared, id, initiated)
    auth.seal = seal
    this.count('datagram-wires')
    return new LinkWire({
      kind: 'udp',
      neighbour,
      binding: BINDINGS.none,
      initiated,
      address,
      link: (handlers) => {
        const wire: DatagramWire = new DatagramWire({
          way,
          seal,
          handlers,
          counters: this.options.counters,
          onClosed: () => {
            this.drop(id)
            if (this.newest.get(way) === wire) this.stepBack(way)
          },
        })
        session.wire = wire
        this.newest.set(way, wire)
        return wire
      },
    })
  }

  /** Undefined of a point of low order: only the other half of a key signs, so that anybody may name such a one. */
  private sharedWith({ x25519 }: PublicKey): Uint8Array | undefined {
    try {
      return curves().x25519Shared(this.options.keyPair.x25519Secret, x25519)
    } catch {
      return undefined
    }
  }

  /** The newest wire over a link is gone: the one before it, if it is still there, takes its place. */
  private stepBack(way: Link): void {
    this.newest.delete(way)
    for (const session of this.sessions.values()) {
      if (session.way === way && session.wire?.open) this.newest.set(way, session.wire)
    }
  }

  private drop(id: Uint8Array): void {
    const session = this.sessions.get(toHex(id))
    this.sessions.delete(toHex(id))
    session?.auth.closed()
  }

  private count(name: string): void {
    this.options.counters.add(name)
  }
}
