import type { Address } from '../../shared/bytes/address.ts'
import { isOwnCommunity, looksLikeBitTorrent, looksLikeIpv8 } from '../../shared/ipv8/datagram-shape.ts'
import type { Network } from '../../shared/ipv8/network.ts'
import { ExitPolicy } from '../../shared/onion/exit-policy.ts'
import type { ExitCircuit, ExitPort } from '../../shared/onion/exit-port.ts'
import { StreamServer } from '../../shared/stream/stream-server.ts'
import { UtpHeader } from '../../shared/utp/header.ts'
import type { Clock } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import type { Random } from '../../shared/world/random.ts'
import { asksTrackers } from '../relay-flags.ts'
import { Allowance } from './allowance.ts'
import * as defaults from './constants.ts'
import { Destinations } from './destinations.ts'
import { HttpExit } from './http-exit.ts'
import { networksOfThisMachine } from './own-networks.ts'
import { Places } from './places.ts'
import { type NameServer, Resolver } from './resolver.ts'
import { tcpOpener } from './tcp-exit.ts'
import { UdpExit } from './udp-exit.ts'

export interface ExitOptions {
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  /** 00 02 and the community id, 22 bytes: packets of our own community always pass as far as their content goes. */
  readonly prefix: Uint8Array
  /** An exit for TCP streams of Culvert's circuits. */
  readonly tcp: boolean
  /** Whether trackers are asked by HTTP for circuits; as `tcp` if not given. */
  readonly http?: boolean | undefined
  /** An exit for UDP that looks like BitTorrent. */
  readonly bittorrent: boolean
  /** An exit for UDP that looks like IPv8. */
  readonly ipv8: boolean
  /** Networks that are allowed although they are private. */
  readonly allowNetworks?: readonly string[] | undefined
  readonly localIpv4?: string | undefined
  readonly localIpv6?: string | undefined
  /** The machine's addresses as the Internet sees them, where no network card of its own has them. */
  readonly publicHosts?: () => readonly string[]
  /** The machine's addresses and IPv6 networks; of its network cards if not given. */
  readonly ownNetworks?: () => readonly Network[]
  readonly limits?: Partial<ExitLimits>
  readonly nameServer?: NameServer
}

export interface ExitLimits {
  readonly sockets: number
  readonly circuits: number
  readonly streamsPerCircuit: number
}

/**
 * The exit of a relay, with real sockets (requirements C-07, O-06): datagrams by UDP, streams by TCP, each to where the
 * policy allows. Circuits, streams and sockets are bounded, and what is refused is counted.
 */
export class Exit implements ExitPort {
  private readonly options: ExitOptions
  private readonly destinations: Destinations
  private readonly sockets: Allowance
  private readonly places: Places
  private readonly streams: StreamServer
  private readonly requests: HttpExit<ExitCircuit>
  private readonly udp = new Map<ExitCircuit, UdpExit>()
  private readonly header = new UtpHeader()

  constructor(options: ExitOptions) {
    const { clock, random, counters } = options
    const limits: ExitLimits = {
      sockets: defaults.MAX_SOCKETS,
      circuits: defaults.MAX_CIRCUITS,
      streamsPerCircuit: defaults.MAX_STREAMS_PER_CIRCUIT,
      ...options.limits,
    }
    this.options = options
    const server = options.nameServer ? { server: options.nameServer } : {}
    this.destinations = new Destinations(
      new ExitPolicy({
        allowNetworks: options.allowNetworks ?? [],
        ownNetworks: options.ownNetworks ?? networksOfThisMachine(clock, options.publicHosts ?? (() => [])),
      }),
      new Resolver({ clock, counters, ...server }),
      counters,
    )
    this.sockets = new Allowance(limits.sockets, 'exit-sockets-full', counters)
    this.places = new Places({
      clock,
      counters,
      most: limits.circuits,
      end: (circuit) => this.ended(circuit),
    })
    const { destinations, sockets } = this
    const { localIpv4, localIpv6 } = options
    const opener = tcpOpener({ destinations, clock, counters, sockets, localIpv4, localIpv6 })
    this.requests = new HttpExit({ opener, clock, counters })
    this.streams = new StreamServer({
      clock,
      random,
      counters,
      opener,
      limits: { streamsPerCircuit: limits.streamsPerCircuit },
    })
  }

  datagram(circuit: ExitCircuit, destination: Address, data: Uint8Array): void {
    let udp = this.udp.get(circuit)
    if (udp === undefined) {
      const { destinations, sockets } = this
      const { counters, localIpv4, localIpv6 } = this.options
      const mayPass = (content: Uint8Array) => this.mayPass(content)
      const takePlace = () => this.places.use(circuit)
      udp = new UdpExit(
        { destinations, counters, sockets, mayPass, takePlace, localIpv4, localIpv6 },
        circuit,
      )
      this.udp.set(circuit, udp)
    }
    udp.send(destination, data)
  }

  stream(circuit: ExitCircuit, destination: Address, packet: Uint8Array): void {
    if (!this.options.tcp) {
      this.refuse(circuit, destination, packet, 'not-an-exit')
    } else if (!this.places.use(circuit)) {
      this.refuse(circuit, destination, packet, 'too-many-streams')
    } else {
      this.streams.packet(circuit, destination, packet)
    }
  }

  http(
    circuit: ExitCircuit,
    target: Address,
    request: Uint8Array,
    reply: (response: Uint8Array) => void,
  ): void {
    if (!asksTrackers(this.options)) this.options.counters.add('exit-http-not-offered')
    else if (this.places.use(circuit)) this.requests.request(circuit, target, request, reply)
  }

  ended(circuit: ExitCircuit): void {
    this.places.giveBack(circuit)
    this.udp.get(circuit)?.close()
    this.udp.delete(circuit)
    this.streams.ended(circuit)
    this.requests.ended(circuit)
  }

  /** Ends everything for every circuit. */
  stop(): void {
    for (const circuit of this.places.circuits) this.ended(circuit)
  }

  private mayPass(data: Uint8Array): boolean {
    const { bittorrent, ipv8, prefix } = this.options
    return (
      isOwnCommunity(data, prefix) ||
      (bittorrent && looksLikeBitTorrent(data)) ||
      (ipv8 && looksLikeIpv8(data))
    )
  }

  private refuse(
    circuit: ExitCircuit,
    destination: Address,
    packet: Uint8Array,
    reason: 'not-an-exit' | 'too-many-streams',
  ): void {
    this.options.counters.add(`exit-stream-${reason}`)
    if (this.header.read(packet)) circuit.sendStreamReset(destination, this.header.connectionId, reason)
  }
}
