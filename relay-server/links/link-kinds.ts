import type { IpAddress } from '../../shared/bytes/address.ts'
import type { LinkAddress } from '../../shared/link/link-address.ts'
import type { Dialler, Wire, WireKind, WireListener } from '../../shared/link/wire.ts'
import type { WireIdentity } from '../../shared/link/wire-session.ts'
import type { RelayConfig } from '../config.ts'
import type { Log } from '../log.ts'
import type { Certificates } from './certificates.ts'
import { STREAM_SILENCE_MS } from './constants.ts'
import { Destinations } from './destinations.ts'
import { TcpDialler, TcpListener } from './tcp.ts'
import { TorLinks, type TorLinksOptions } from './tor-links.ts'
import type { UdpLinks } from './udp.ts'
import { UdpWires } from './udp-wires.ts'
import { type SignallingNeighbours, WebRtcLinks } from './webrtc.ts'
import { WebSocketDialler } from './websocket.ts'

export interface LinkKindsOptions extends WireIdentity {
  readonly config: RelayConfig
  readonly log: Log
  readonly udp: UdpLinks
  readonly certificates: Certificates | undefined
  /** Whether an address that a stranger named is one that packets may be sent to. */
  mayReach(address: IpAddress): boolean
  readonly openGateway: NonNullable<TorLinksOptions['openGateway']>
  readonly signalling: SignallingNeighbours
  onWire(wire: Wire): void
}

/** Every kind of link that the configuration has switched on: what dials, and what listens (L-01). */
export class LinkKinds {
  readonly diallers: readonly Dialler[]
  readonly udpWires: UdpWires | undefined
  /** Signals for others even where it makes no links of its own. */
  readonly webrtc: WebRtcLinks
  private readonly listeners: readonly WireListener[]

  constructor(options: LinkKindsOptions) {
    const { links, udp } = options.config
    const diallers: Dialler[] = []
    const listeners: WireListener[] = []
    const destinations = new Destinations(options)
    // No sooner than the heartbeats of which three were missed.
    const silenceMs = Math.max(STREAM_SILENCE_MS, 3_000 * links.heartbeatSeconds)
    if (links.udp.enabled) {
      this.udpWires = new UdpWires(options)
      diallers.push(this.udpWires)
    }
    if (links.tcp.enabled && options.certificates) {
      diallers.push(new TcpDialler({ ...options, destinations, silenceMs }))
      const { host = udp.host, publicHost = udp.publicHost } = links.tcp
      const { certificates } = options
      listeners.push(new TcpListener({ ...options, ...links.tcp, host, publicHost, certificates, silenceMs }))
    }
    if (links.websocket.enabled) diallers.push(new WebSocketDialler({ ...options, destinations }))
    if (links.tor.enabled) {
      const tor = new TorLinks({ ...options, silenceMs })
      diallers.push(tor.dialler)
      listeners.push(tor)
    }
    this.webrtc = webRtcOf(options)
    if (links.webrtc.enabled) {
      diallers.push(this.webrtc)
      listeners.push(this.webrtc)
    }
    this.diallers = diallers
    this.listeners = listeners
  }

  /** Where others reach the listeners, as far as that is known. */
  addresses(): LinkAddress[] {
    return this.listeners.flatMap((each) => each.addresses())
  }

  /** Those of one kind. */
  addressesOf(kind: WireKind): LinkAddress[] {
    return this.listeners.filter((each) => each.kind === kind).flatMap((each) => each.addresses())
  }

  /** Opens the ports. @throws CulvertError `link-port-busy`, `link-bind`, and what a kind adds; nothing is left open then */
  async start(): Promise<void> {
    try {
      for (const listener of this.listeners) await listener.start()
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Closes the ports, and wires that nobody has taken. Idempotent. */
  async stop(): Promise<void> {
    this.udpWires?.stop()
    await Promise.all(this.listeners.map((each) => each.stop()))
  }
}

function webRtcOf(options: LinkKindsOptions): WebRtcLinks {
  const { lab, links } = options.config
  const { signal, privateAddresses, host, limits } = links.webrtc
  return new WebRtcLinks({
    ...options,
    ...options.signalling,
    forward: signal,
    allowPrivate: lab || privateAddresses,
    limits,
    bindAddress: host,
  })
}
