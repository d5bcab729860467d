import { type IpAddress, sameAddress } from '../../shared/bytes/address.ts'
import { fromHex } from '../../shared/bytes/bytes.ts'
import { describedRelay } from '../../shared/client/path-relays.ts'
import type { Aead } from '../../shared/crypto/aead.ts'
import type { RelayDescriptor } from '../../shared/directory/descriptor.ts'
import type { Directory } from '../../shared/directory/directory.ts'
import { prefixOf } from '../../shared/ipv8/packet.ts'
import { mayShareCircuit, type NetworkBits, type PathRelay } from '../../shared/path/relay.ts'
import { ExitProbes, type ExitProbesStatus } from '../../shared/trust/exit-probe.ts'
import { OwnProbeCircuits } from '../../shared/trust/exit-probe-circuits.ts'
import type { ExitProbeSettings } from '../../shared/trust/exit-probe-constants.ts'
import type { ProbeRelay } from '../../shared/trust/exit-probe-ports.ts'
import type { TrustJudge } from '../../shared/trust/trust-judge.ts'
import type { Clock } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import type { Random } from '../../shared/world/random.ts'
import type { RelayConfig } from '../config.ts'
import { UdpLinks } from '../links/udp.ts'

export interface RelayProbesOptions {
  readonly config: Pick<RelayConfig, 'community' | 'networkPrefixBits' | 'udp'>
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  readonly aead: Aead
  readonly directory: Directory
  readonly book: TrustJudge
  /** Where others reach our UDP port; undefined until known, empty if nobody can. */
  publicAddresses(): readonly IpAddress[] | undefined
  /** From our UDP port. */
  send(to: IpAddress, datagram: Uint8Array): void
  /** Whether packets may go to an address that somebody named. */
  mayReach(address: IpAddress): boolean
  /** Asks a relay for a proof of its key, from our own port. */
  ask(relay: ProbeRelay, done: (answered: boolean) => void): void
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
    return new RelayProbes(options, udp, own)
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
      reports: book,
      relays: () => this.relays(),
      mayShare: (a, b) => this.mayShare(a, b),
      isTrusted: ({ publicKey }) => book.verdict(publicKey.mid).standing === 'trusted',
      ask: (relay, done) => options.ask(relay, done),
      echoes: () => this.echoes(),
      send: (to, datagram) => options.send(to, datagram),
      ...(settings && { settings }),
    })
    this.probes.start()
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
    await this.udp.close()
  }

  /** Proven ones, the same objects as long as their descriptors are the same. */
  private relays(): readonly ProbeRelay[] {
    const { directory, book, mayReach } = this.options
    return directory.list().flatMap(({ descriptor, proven }) => {
      if (!proven || book.isBlocked(descriptor.publicKey.mid)) return []
      const relay = this.known.get(descriptor) ?? this.probed(descriptor)
      return relay && mayReach(relay.address) ? [relay] : []
    })
  }

  private probed(descriptor: RelayDescriptor): ProbeRelay | undefined {
    const path = describedRelay(descriptor)
    if (path === undefined) return undefined
    const relay: ProbeRelay = {
      publicKey: path.publicKey,
      name: path.name,
      address: path.address,
      claimed: [descriptor.udp, descriptor.udp6].filter((each) => each !== undefined),
      exit: path.exit !== 'none',
      stream: path.exit === 'stream',
      bytesPerSecond: path.bytesPerSecond,
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
}
