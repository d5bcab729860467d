import { formatAddress, type IpAddress, isNoAddress, sameAddress } from '../shared/bytes/address.ts'
import { fromHex } from '../shared/bytes/bytes.ts'
import { Directory } from '../shared/directory/directory.ts'
import { DirectoryExchange } from '../shared/directory/exchange.ts'
import type { KeyPair } from '../shared/identity/keys.ts'
import {
  FLAG_EXIT_BITTORRENT,
  FLAG_EXIT_IPV8,
  FLAG_EXIT_STREAM,
  FLAG_RELAY,
  FLAG_SPEED_TEST,
} from '../shared/ipv8/constants.ts'
import { messageIdOf, prefixOf } from '../shared/ipv8/packet.ts'
import { Walker } from '../shared/ipv8/walker.ts'
import type { Link } from '../shared/link/link.ts'
import type { Candidate, Candidates } from '../shared/onion/candidates.ts'
import { MESSAGE } from '../shared/onion/constants.ts'
import { ExitPolicy } from '../shared/onion/exit-policy.ts'
import { Router, type RouterStats } from '../shared/onion/router.ts'
import type { Clock } from '../shared/world/clock.ts'
import type { Counters } from '../shared/world/counters.ts'
import { type Random, shuffled } from '../shared/world/random.ts'

import type { RelayConfig } from './config.ts'
import { isUnspecified, lanAddress } from './endpoints.ts'
import { Exit } from './exit/exit.ts'
import type { Gateway } from './gateway/gateway.ts'
import { UdpLinks } from './links/udp.ts'
import type { Log } from './log.ts'
import { loadNativeCrypto } from './native-crypto.ts'
import { Neighbours } from './neighbours.ts'
import { OwnDescriptor } from './own-descriptor.ts'
import { startGateway } from './page-gateway.ts'

export interface RelayOptions {
  readonly config: RelayConfig
  readonly keyPair: KeyPair
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  readonly log: Log
}

export interface RelayStatus {
  /** Other relays whose descriptors are known. */
  readonly relays: number
  /** Peers of the IPv8 walk. */
  readonly peers: number
  readonly udpLinks: number
  readonly pages: number
  readonly router: RouterStats
}

/** Networks that relays may be in although they are private: the lab lives there. */
const LAB_NETWORKS = ['127.0.0.0/8']

/**
 * One relay: a UDP socket, a gateway for pages, and behind both the router, the directory and, if it is one, the exit.
 * Packets come in here and go where their prefix and first byte say.
 */
export class Relay {
  readonly directory: Directory
  private readonly options: RelayOptions
  private readonly prefix: Uint8Array
  private readonly exchange: DirectoryExchange
  private readonly descriptor: OwnDescriptor
  private readonly extendPolicy: ExitPolicy
  private readonly exit: Exit | undefined
  private running: Running | undefined
  private stopping: Promise<void> | undefined

  constructor(options: RelayOptions) {
    const { config, keyPair, clock, random, counters } = options
    const { network } = config
    this.options = options
    this.prefix = prefixOf(fromHex(config.community))
    this.extendPolicy = new ExitPolicy({ allowNetworks: config.lab ? LAB_NETWORKS : [] })
    this.directory = new Directory({ network, clock, counters, self: keyPair.publicKey })
    this.exit = config.exit.enabled
      ? new Exit({
          ...config.exit,
          publicHost: config.udp.publicHost,
          clock,
          random,
          counters,
          prefix: this.prefix,
        })
      : undefined
    this.descriptor = new OwnDescriptor({
      keyPair,
      clock,
      network,
      nickname: config.nickname,
      family: config.family,
      flags: this.descriptorFlags,
      websocket: () => this.websocketUrl,
      udp: () => this.publicAddress,
    })
    const own = () => this.descriptor.bytes()
    this.exchange = new DirectoryExchange({ directory: this.directory, own, clock, random, counters })
  }

  /** `host:port` that the UDP socket is bound to. Empty before `start`. */
  get udpAddress(): string {
    return this.running ? formatAddress(this.running.udp.address) : ''
  }

  /** `http://host:port` of the gateway, if there is one. */
  get gatewayUrl(): string | undefined {
    return this.running?.gateway && `http://${this.running.gateway.authority}`
  }

  /** How many there are of everything; for tests and for whoever watches the relay. */
  status(): RelayStatus | undefined {
    const { running } = this
    return (
      running && {
        relays: this.directory.size,
        peers: running.walker.peers().length,
        udpLinks: running.udp.size,
        pages: running.gateway?.gateway.size ?? 0,
        router: running.router.stats(),
      }
    )
  }

  /** Opens the sockets and begins. Throws a CulvertError if a port is busy or an address is not this machine's. */
  async start(): Promise<void> {
    const { config, keyPair, clock, random, counters, log } = this.options
    const aead = await loadNativeCrypto(log)
    const udp = await UdpLinks.bind(config.udp.host, config.udp.port, {
      clock,
      random,
      counters,
      onPacket: this.receive,
      onClosed: (link) => this.running?.router.linkClosed(link),
      inUse: (link) => (this.running?.router.table.legsOf(link).length ?? 0) > 0,
    })
    const router = new Router({
      keyPair,
      prefix: this.prefix,
      clock,
      random,
      aead,
      counters,
      flags: this.flags,
      linkTo: (address) => udp.linkTo(address),
      mayExtendTo: (address) =>
        address.kind === udp.address.kind && !sameAddress(address, udp.address) && this.mayReach(address),
      exit: this.exit,
      candidates: () => this.candidates(),
      limits: config.limits,
    })
    const lan = lanAddress(udp.address)
    const given = this.givenAddress(udp.address)
    const walker = new Walker({
      keyPair,
      communityId: fromHex(config.community),
      clock,
      random,
      counters,
      flags: this.flags,
      addresses: given ? { lan, wan: given } : { lan },
      // All of a lab is one network.
      settings: config.lab ? { maxPeersPerNetwork: 30 } : {},
      // Strangers tell the walk where to go, unsigned in part: into our own network they shall not send us.
      send: (address, packet) => {
        if (this.mayReach(address)) udp.linkTo(address)?.send(packet, 0)
        else counters.add('relay-private-address')
      },
    })
    const neighbours = new Neighbours({
      directory: this.directory,
      exchange: this.exchange,
      clock,
      random,
      bootstrap: config.bootstrap,
      family: udp.address.kind,
      linkTo: (address) => udp.linkTo(address),
      mayReach: (address) => this.mayReach(address),
      intervalMs: config.exchangeSeconds * 1000,
      onResolved: (addresses) => walker.addBootstrap(addresses),
    })
    this.running = { udp, router, walker, neighbours, gateway: undefined }
    try {
      this.running.gateway = await startGateway(this.options, {
        onPacket: this.receive,
        onClosed: (link) => router.linkClosed(link),
      })
    } catch (error) {
      await udp.close()
      throw error
    }
    neighbours.start()
    walker.start()
  }

  /** Destroys all circuits, closes all links and sockets; done within 2 seconds. Idempotent. */
  stop(): Promise<void> {
    this.stopping ??= this.end()
    return this.stopping
  }

  private async end(): Promise<void> {
    const { running } = this
    if (!running) return
    running.neighbours.stop()
    running.walker.stop()
    this.exchange.stop()
    running.router.stop()
    this.exit?.stop()
    await running.gateway?.gateway.stop()
    await running.udp.close()
    this.running = undefined
  }

  /** Every packet of every link. Never throws. */
  private readonly receive = (link: Link, packet: Uint8Array): void => {
    const { running } = this
    if (!running) return
    const id = messageIdOf(packet, this.prefix)
    if (id === MESSAGE.cell || id === MESSAGE.destroy) running.router.receive(link, packet)
    else if (id === undefined && this.exchange.receive(link, packet)) return
    else if (link.kind === 'udp' && running.walker.receive(link.address as IpAddress, packet)) return
    else this.options.counters.add(id === undefined ? 'relay-foreign-packet' : 'relay-unknown-message')
  }

  /** What stock peers of the tunnel community are told. */
  private get flags(): number {
    const { enabled, bittorrent, ipv8 } = this.options.config.exit
    const exitFlags = (bittorrent ? FLAG_EXIT_BITTORRENT : 0) | (ipv8 ? FLAG_EXIT_IPV8 : 0)
    return FLAG_RELAY | FLAG_SPEED_TEST | (enabled ? exitFlags : 0)
  }

  /** What pages are told besides: whether streams end here in TCP. */
  private get descriptorFlags(): number {
    const { enabled, tcp } = this.options.config.exit
    return enabled && tcp ? this.flags | FLAG_EXIT_STREAM : this.flags
  }

  private get websocketUrl(): string | undefined {
    const { gateway, lab } = this.options.config
    const authority = this.running?.gateway?.authority
    return gateway.publicUrl ?? (lab && authority ? `ws://${authority}/relay` : undefined)
  }

  /** The address that the operator gave, or that the socket is bound to. */
  private givenAddress(bound: IpAddress): IpAddress | undefined {
    const { publicHost } = this.options.config.udp
    if (publicHost !== undefined) return { ...bound, host: publicHost }
    return isUnspecified(bound) ? undefined : bound
  }

  /** Where others reach us; undefined until given or told by neighbours. */
  private get publicAddress(): IpAddress | undefined {
    const wan = this.running?.walker.wan
    return wan === undefined || isNoAddress(wan) ? undefined : wan
  }

  /** Whether an address that a stranger named (in an extend, in a descriptor) is one that packets may be sent to. */
  private mayReach(address: IpAddress): boolean {
    return this.extendPolicy.judge(address, 'udp') === 'allowed'
  }

  /**
   * Neighbours for owners that let each hop choose the next: relays of the directory and peers of the walk. The router
   * offers those that it may extend to.
   */
  private candidates(): Candidates {
    const relays: Candidate[] = []
    const exits: Candidate[] = []
    const seen = new Set<string>()
    const offer = (candidate: Candidate, flags: number) => {
      const key = formatAddress(candidate.address)
      if (seen.has(key) || (flags & FLAG_RELAY) === 0) return
      seen.add(key)
      if (flags & FLAG_EXIT_BITTORRENT) exits.push(candidate)
      else relays.push(candidate)
    }
    for (const { publicKey, address, flags } of this.running?.walker.peers() ?? []) {
      offer({ publicKey, address }, flags)
    }
    for (const { descriptor } of this.directory.list()) {
      const { publicKey, udp, flags } = descriptor
      if (udp) offer({ publicKey, address: udp }, flags)
    }
    const { random } = this.options
    return { relays: shuffled(random, relays), exits: shuffled(random, exits) }
  }
}

interface Running {
  readonly udp: UdpLinks
  readonly router: Router
  readonly walker: Walker
  readonly neighbours: Neighbours
  gateway: { readonly gateway: Gateway; readonly authority: string } | undefined
}
