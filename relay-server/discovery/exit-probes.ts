import { formatAddress, type IpAddress, sameAddress } from '../../shared/bytes/address.ts'
import { fromHex } from '../../shared/bytes/bytes.ts'
import { describedRelay } from '../../shared/client/path-relays.ts'
import type { Aead } from '../../shared/crypto/aead.ts'
import type { RelayDescriptor } from '../../shared/directory/descriptor.ts'
import type { Directory } from '../../shared/directory/directory.ts'
import { letsOut } from '../../shared/directory/exit-summary.ts'
import type { Geo } from '../../shared/geo/geo.ts'
import type { PublicKey } from '../../shared/identity/keys.ts'
import { prefixOf } from '../../shared/ipv8/packet.ts'
import { mayShareCircuit, type NetworkBits, type PathRelay } from '../../shared/path/relay.ts'
import { ExitProbes, type ExitProbesStatus } from '../../shared/trust/exit-probe.ts'
import { OwnProbeCircuits } from '../../shared/trust/exit-probe-circuits.ts'
import type { ExitProbeSettings } from '../../shared/trust/exit-probe-constants.ts'
import type { ProbeRelay, ProbeReports } from '../../shared/trust/exit-probe-ports.ts'
import type { TrustJudge } from '../../shared/trust/trust-judge.ts'
import type { Clock } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import type { Random } from '../../shared/world/random.ts'
import type { RelayConfig } from '../config.ts'
import { UdpLinks } from '../links/udp.ts'
import { StreamEcho } from './stream-echo.ts'

export interface RelayProbesOptions {
  readonly config: Pick<RelayConfig, 'community' | 'networkPrefixBits' | 'udp'>
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  readonly aead: Aead
  readonly directory: Directory
  readonly book: TrustJudge
  /** Where addresses are: no two of one autonomous system are in one circuit, as in a client's. */
  readonly geo?: Geo | undefined
  /** Number of our UDP port; TCP connections of probes come in at the same one, if it is free. */
  readonly port: number
  /** Where others reach our UDP port; undefined until known, empty if nobody can. */
  publicAddresses(): readonly IpAddress[] | undefined
  /** From our UDP port. */
  send(to: IpAddress, datagram: Uint8Array): void
  /** Whether packets may go to an address that somebody named. */
  mayReach(address: IpAddress): boolean
  /** Nodes of the DHT that answered of late. */
  dhtNodes?(): readonly IpAddress[]
  /** Asks a relay for a proof of its key, from our own port. */
  ask(relay: ProbeRelay, done: (answered: boolean) => void): void
  /** A circuit with a relay carried, or failed at it. */
  onCircuit?(publicKey: PublicKey, ok: boolean): void
  readonly settings?: Partial<ExitProbeSettings>
}

/**
 * The probes of a relay: circuits as a client's, from a UDP socket of their own on a port by chance, through relays that are
 * proven, to our own UDP port. What they find goes into the trust book.
 */
export class RelayProbes {
  private readonly options: RelayProbesOptions
  private readonly udp: UdpLinks
  private readonly probes: ExitProbes
  private streamEcho: StreamEcho | undefined
  private readonly bits: NetworkBits
  private readonly known = new WeakMap<RelayDescriptor, ProbeRelay>()
  private readonly paths = new WeakMap<ProbeRelay, PathRelay>()

  /** @throws CulvertError `udp-bind` */
  static async start(options: RelayProbesOptions): Promise<RelayProbes> {
    const { clock, random, counters, aead, config } = options
    const own = new OwnProbeCircuits({
      clock,
      random,
      counters,
      aead,
      prefix: prefixOf(fromHex(config.community)),
      linkTo: (address) => (options.mayReach(address) ? udp.linkTo(address) : undefined),
    })
    const udp = await UdpLinks.bind(config.udp.host, 0, {
      clock,
      random,
      counters,
      onPacket: (link, packet) => own.receive(link, packet),
      onClosed: (link) => own.linkClosed(link),
      inUse: (link) => own.uses(link),
    })
    const probes = new RelayProbes(options, udp, own)
    await probes.begin()
    return probes
  }

  private constructor(options: RelayProbesOptions, udp: UdpLinks, circuits: OwnProbeCircuits) {
    const { clock, random, counters, config, book, settings } = options
    this.options = options
    this.udp = udp
    this.bits = { ipv4: config.networkPrefixBits, ipv6: 2 * config.networkPrefixBits }
    this.probes = new ExitProbes({
      clock,
      random,
      counters,
      circuits,
      reports: this.reports(),
      relays: () => this.relays(),
      mayShare: (a, b) => this.mayShare(a, b),
      isTrusted: ({ publicKey }) => book.verdict(publicKey.mid).standing === 'trusted',
      ask: (relay, done) => options.ask(relay, done),
      echoes: () => this.echoes(),
      send: (to, datagram) => options.send(to, datagram),
      strangers: () => this.strangers(),
      streamEchoes: () => this.streamEchoes(),
      ...(settings && { settings }),
    })
  }

  /** Takes a datagram of the relay's own port that is not IPv8's. @returns whether it was a probe's */
  receive(from: IpAddress, datagram: Uint8Array): boolean {
    return this.probes.receive(from, datagram)
  }

  status(): ExitProbesStatus {
    return this.probes.status()
  }

  async stop(): Promise<void> {
    this.probes.stop()
    await this.streamEcho?.stop()
    await this.udp.close()
  }

  private async begin(): Promise<void> {
    const { config, port } = this.options
    this.streamEcho = await StreamEcho.listen(config.udp.host, port, (from, connection) =>
      this.probes.accept(from, connection),
    )
    this.probes.start()
  }

  private reports(): ProbeReports {
    const { book, directory, onCircuit } = this.options
    return {
      recordCircuit: (mid, ok) => {
        book.recordCircuit(mid, ok)
        const entry = directory.find(mid)
        if (entry) onCircuit?.(entry.descriptor.publicKey, ok)
      },
      recordBandwidth: (mid, promised, measured) => book.recordBandwidth(mid, promised, measured),
      recordMisbehaviour: (mid, kind) => book.recordMisbehaviour(mid, kind),
    }
  }

  /** Proven ones with an address of their own, the same objects as long as their descriptors are the same. */
  private relays(): readonly ProbeRelay[] {
    const { directory, book, mayReach } = this.options
    return directory.list().flatMap(({ descriptor, proven }) => {
      if (!proven || book.isBlocked(descriptor.publicKey.mid)) return []
      const relay = this.known.get(descriptor) ?? this.probed(descriptor)
      return relay && mayReach(relay.address) ? [relay] : []
    })
  }

  private probed(descriptor: RelayDescriptor): ProbeRelay | undefined {
    const path = describedRelay(descriptor, this.options.geo)
    if (path?.address === undefined) return undefined
    const { exit } = descriptor
    const relay: ProbeRelay = {
      publicKey: path.publicKey,
      name: path.name,
      address: path.address,
      claimed: [descriptor.udp, descriptor.udp6].filter((each) => each !== undefined),
      exit: path.exit !== 'none',
      stream: path.exit === 'stream',
      bytesPerSecond: path.bytesPerSecond,
      letsOut: ({ kind, port }, protocol) =>
        exit === undefined || (protocol === 'tcp' ? letsOut(exit, port, kind) : exit.udp && exit[kind]),
    }
    this.known.set(descriptor, relay)
    this.paths.set(relay, path)
    return relay
  }

  private mayShare(a: ProbeRelay, b: ProbeRelay): boolean {
    const [pathA, pathB] = [this.paths.get(a), this.paths.get(b)]
    return pathA !== undefined && pathB !== undefined && mayShareCircuit(pathA, pathB, this.bits)
  }

  /** The first address of each family. */
  private echoes(): readonly IpAddress[] {
    const all = this.options.publicAddresses() ?? []
    return all.filter((each) => sameAddress(each, all.find(({ kind }) => kind === each.kind) ?? each))
  }

  /** Relays are nodes of the DHT too, and known to all. */
  private strangers(): readonly IpAddress[] {
    const { directory, dhtNodes, mayReach } = this.options
    const relays = new Set(
      directory.list().flatMap(({ descriptor: { udp } }) => (udp ? [formatAddress(udp)] : [])),
    )
    return (dhtNodes?.() ?? []).filter((each) => mayReach(each) && !relays.has(formatAddress(each)))
  }

  /** Whether it can be reached there shows when the first probe comes through: until then nobody is held to it. */
  private streamEchoes(): readonly IpAddress[] {
    const port = this.streamEcho?.port
    return port === undefined ? [] : this.echoes().map((address) => ({ ...address, port }))
  }
}
