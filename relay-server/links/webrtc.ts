import { CulvertError } from '../../shared/bytes/error.ts'
import { MAX_MESSAGE_BYTES } from '../../shared/link/constants.ts'
import { type LinkAddress, readLinkAddress } from '../../shared/link/link-address.ts'
import { makesWay } from '../../shared/link/session-room.ts'
import type { SignalEvents, SignalSession } from '../../shared/link/signalling.ts'
import type { SignalRefusal } from '../../shared/link/signalling-messages.ts'
import type { Dialler, DialSignal, DialTarget, Wire, WireListener } from '../../shared/link/wire.ts'
import type { WireIdentity } from '../../shared/link/wire-session.ts'
import type { Log } from '../log.ts'
import { WebRtcConnection } from './webrtc-connection.ts'
import { WEBRTC_LIMITS } from './webrtc-constants.ts'
import { loadWebRtc, releaseWebRtc, useWebRtc, type WebRtcLibrary } from './webrtc-library.ts'
import { RelaySignalling, type SignalWay } from './webrtc-signalling.ts'

/** What WebRTC needs of the relay's other links. */
export interface SignallingNeighbours {
  /** The neighbour with this mid that has an open link. */
  openNeighbour(mid: Uint8Array): SignalWay | undefined
  /** Whether it is a relay, whose mid may be told. */
  isRelay(way: SignalWay): boolean
  /** The relay with this WebSocket URL, as a neighbour: one that is there or can be dialled. */
  signallerAt(address: LinkAddress): SignalWay | undefined
  /** The WebSocket URLs of relays that signal for this one; none if it needs nobody for that. */
  signallers(): readonly string[]
  /** `stun:host:port` of relays that tell what address this one has outside. */
  stunServers(): readonly string[]
}

export interface WebRtcLinksOptions extends WireIdentity, SignallingNeighbours {
  readonly log: Log
  /** Whether this relay signals for others. */
  readonly forward: boolean
  /** Whether candidates with private and loopback addresses are told and taken: in a lab, or where the operator says so. */
  readonly allowPrivate: boolean
  readonly limits?: { readonly connections: number; readonly opening: number }
  /** The only address to send from. */
  readonly bindAddress?: string | undefined
  onWire(wire: Wire): void
  /** Instead of node-datachannel. */
  readonly load?: () => Promise<WebRtcLibrary>
}

/** A connection that is being opened because somebody called. */
interface Call {
  readonly session: SignalSession
  /** The relay that passed the call on. Pages have others call for them; those that call themselves count as one. */
  readonly source: SignalWay | 'pages'
}

/**
 * Links over WebRTC data channels (L-01, L-06), with relays behind NATs and with pages: what dials them, what takes them, and
 * the signalling for both and for others.
 */
export class WebRtcLinks implements Dialler, WireListener {
  readonly kind = 'webrtc'
  readonly signalling: RelaySignalling
  private readonly options: WebRtcLinksOptions
  private readonly limits: { readonly connections: number; readonly opening: number }
  private readonly connections = new Set<WebRtcConnection>()
  /** Of those who call, the oldest first. */
  private readonly opening = new Map<WebRtcConnection, Call>()
  private library: WebRtcLibrary | undefined
  /** Whether there has been a connection, and so threads of the library. */
  private used = false
  private emptied: (() => void) | undefined

  constructor(options: WebRtcLinksOptions) {
    this.options = options
    this.limits = options.limits ?? WEBRTC_LIMITS
    const { keyPair, clock, random, counters, forward, allowPrivate } = options
    this.signalling = new RelaySignalling({
      clock,
      random,
      counters,
      ownMid: keyPair.publicKey.mid,
      forward,
      allowPrivate,
      openNeighbour: (mid) => options.openNeighbour(mid),
      isRelay: (way) => options.isRelay(way),
      onCall: (session, way) => this.called(session, way),
    })
  }

  /** Connections there are, those included that are being opened or closed. */
  get size(): number {
    return this.connections.size
  }

  /** Loads the library. Where it is not there the relay goes on without WebRTC links, and still signals for others. */
  async start(): Promise<void> {
    if (this.library) return
    try {
      this.library = await (this.options.load ?? loadWebRtc)()
    } catch (error) {
      this.options.counters.add('webrtc-unavailable')
      const why = error instanceof CulvertError ? error.message : 'the WebRTC library does not load'
      this.options.log.info(`${why}; this relay does without`)
    }
  }

  /** At each relay that signals for this one, if there is a library. */
  addresses(): readonly LinkAddress[] {
    if (!this.library) return []
    return this.options.signallers().flatMap((url) => readLinkAddress(`webrtc+${url}`) ?? [])
  }

  canDial(address: LinkAddress): boolean {
    return this.library !== undefined && address.kind === 'webrtc'
  }

  dial({ address, publicKey }: DialTarget, signal?: DialSignal): Promise<Wire> {
    const way = this.canDial(address) ? this.options.signallerAt(address) : undefined
    const { library } = this
    if (!library || !way) {
      return Promise.reject(new CulvertError('link-unreachable', 'no way to the relay that signals for it'))
    }
    if (this.connections.size >= this.limits.connections || signal?.aborted) {
      const code = signal?.aborted ? 'link-aborted' : 'link-full'
      return Promise.reject(new CulvertError(code, 'no WebRTC connection was begun'))
    }
    return new Promise((resolve, reject) => {
      const abort = () => connection.stop('unneeded')
      const over = () => signal?.removeEventListener('abort', abort)
      const connection = this.connect(library, { address, publicKey }, resolve, reject, over)
      signal?.addEventListener('abort', abort)
      connection.signal(this.signalling.end.call(way, publicKey.mid, connection))
    })
  }

  /** Closes every connection with `shutdown`, and ends the library's threads where this was its last user. */
  async stop(): Promise<void> {
    const { library } = this
    this.library = undefined
    this.signalling.close()
    for (const connection of this.connections) connection.stop('shutdown')
    if (this.connections.size > 0) {
      await new Promise<void>((resolve) => {
        this.emptied = resolve
      })
    }
    if (library && this.used) releaseWebRtc(library)
    this.used = false
  }

  private called(session: SignalSession, way: SignalWay): SignalEvents | SignalRefusal {
    const { library } = this
    if (!library) return 'signal-off'
    const { onWire, isRelay } = this.options
    const source = isRelay(way) ? way : 'pages'
    const isFull =
      this.connections.size >= this.limits.connections || this.opening.size >= this.limits.opening
    if (isFull && !this.makeWay(source)) return 'signal-full'
    // Who it was has no claim to learn why: what failed is counted.
    const over = (connection: WebRtcConnection) => this.opening.delete(connection)
    try {
      const connection = this.connect(
        library,
        undefined,
        (wire) => onWire(wire),
        () => {},
        () => over(connection),
      )
      this.opening.set(connection, { session, source })
      connection.signal(session)
      return connection
    } catch (error) {
      if (!(error instanceof CulvertError)) throw error
      return 'signal-off'
    }
  }

  /** No neighbour can keep out those who call by others: the oldest call by whom most come is given up for theirs. */
  private makeWay(source: Call['source']): boolean {
    const held = [...this.opening].map(([connection, call]) => [connection, call.source] as const)
    const displaced = makesWay(held, source)
    if (displaced === undefined) return false
    this.options.counters.add('webrtc-displaced')
    this.opening.get(displaced)?.session.end('signal-full')
    displaced.cut()
    return true
  }

  /** @throws CulvertError `webrtc-refused` */
  private connect(
    library: WebRtcLibrary,
    target: DialTarget | undefined,
    onWire: (wire: Wire) => void,
    onFailed: (error: CulvertError) => void,
    /** There is a wire, or there will be none. */
    over: () => void,
  ): WebRtcConnection {
    if (!this.used) useWebRtc()
    this.used = true
    const peer = this.peerOf(library)
    const connection: WebRtcConnection = new WebRtcConnection({
      ...this.options,
      peer,
      target,
      onWire: (wire) => {
        over()
        onWire(wire)
      },
      onFailed: (error) => {
        over()
        onFailed(error)
      },
      onEnded: () => {
        over()
        this.connections.delete(connection)
        if (this.connections.size === 0) this.emptied?.()
      },
    })
    this.connections.add(connection)
    return connection
  }

  private peerOf(library: WebRtcLibrary): RTCPeerConnection {
    const { stunServers, bindAddress, counters } = this.options
    // The library reads no IPv6 address in a URL, and throws; an IPv6 address of ours is the same outside anyway.
    const usable = stunServers().filter((url) => !url.includes('['))
    try {
      return library.connect({
        stunServers: usable.slice(0, MAX_STUN_SERVERS),
        maxMessageBytes: MAX_MESSAGE_BYTES,
        bindAddress,
      })
    } catch (cause) {
      counters.add('webrtc-failed')
      throw new CulvertError('webrtc-refused', 'the WebRTC library makes no connection', { cause })
    }
  }
}

/** One would do; a second answers when the first is down. */
const MAX_STUN_SERVERS = 2
