import { join } from 'node:path'
import type { IpAddress } from '../../shared/bytes/address.ts'
import { relayInfoHash, relayItemSalt } from '../../shared/directory/constants.ts'
import type { Directory, DirectoryEntry } from '../../shared/directory/directory.ts'
import type { DirectoryExchange } from '../../shared/directory/exchange.ts'
import type { DiscoveryMethod } from '../../shared/discovery/constants.ts'
import { CandidatePipeline } from '../../shared/discovery/pipeline.ts'
import { Discovery } from '../../shared/discovery/scheduler.ts'
import type { DiscoverySource, RunResult } from '../../shared/discovery/source.ts'
import type { DiscoveryStatistics } from '../../shared/discovery/statistics.ts'
import type { KeyPair } from '../../shared/identity/keys.ts'
import type { Dht, KademliaStatus } from '../../shared/kademlia/api.ts'
import { Kademlia } from '../../shared/kademlia/kademlia.ts'
import type { Link } from '../../shared/link/link.ts'
import type { ExitProbesStatus } from '../../shared/trust/exit-probe.ts'
import type { VerificationResult } from '../../shared/trust/verification.ts'
import type { Clock, Timer } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import type { Random } from '../../shared/world/random.ts'
import type { RelayConfig } from '../config.ts'
import { isUnspecified } from '../endpoints.ts'
import type { UdpLinks } from '../links/udp.ts'
import type { Log } from '../log.ts'
import { BootstrapSource } from './bootstrap-source.ts'
import { DHT_SOURCE, SWEEP_MS } from './constants.ts'
import { DhtAnnouncer } from './dht-announcer.ts'
import { loadNodes, saveNodes } from './dht-nodes-file.ts'
import { DhtSource } from './dht-source.ts'
import { ExchangeSource, unproven } from './exchange-source.ts'
import { RelayProbes, type RelayProbesOptions } from './exit-probes.ts'
import { Fetches } from './fetches.ts'
import { announcedPort, intervalsOf, rounded, routersOf } from './settings.ts'
import { trackerResolver } from './tracker-resolver.ts'
import { TrackerSource } from './tracker-source.ts'
import type { RelayTrust } from './verifier.ts'

export interface RelayDiscoveryOptions extends Pick<RelayProbesOptions, 'aead' | 'geo' | 'onCircuit'> {
  readonly config: RelayConfig
  readonly keyPair: KeyPair
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  readonly log: Log
  readonly directory: Directory
  readonly exchange: DirectoryExchange
  readonly trust: RelayTrust
  readonly udp: UdpLinks
  /** Whether packets may go to an address that somebody named. */
  mayReach(address: IpAddress): boolean
  isOwn(address: IpAddress): boolean
  /** Where others reach us; undefined until known, empty if nobody can. */
  publicAddresses(): readonly IpAddress[] | undefined
  /** Our descriptor, while others can reach us. */
  own(): Uint8Array | undefined
  /** Open links with other relays, by whatever way: asked beside the addresses that are known. */
  neighbours?(): readonly Link[]
  /** Whether a relay proves itself by a link, since UDP does not reach it: that it does not there says nothing. */
  isAskedByLink?(mid: Uint8Array): boolean
  /** Addresses of the operator's own relays, once they are known and whenever they change, and those that others have replaced. */
  onBootstrap(addresses: readonly IpAddress[], replaced: readonly IpAddress[]): void
}

/** Requirements D-08 and K-10, without addresses, ids and keys. */
export interface DiscoveryStatus extends DiscoveryStatistics {
  readonly dht: Omit<KademliaStatus, 'nodeId' | 'ownAddresses'> | undefined
  /** How probes of other relays go; undefined where there are none. */
  readonly probes: ExitProbesStatus | undefined
}

/** All of a relay that looks for others and lets itself be found. */
export class RelayDiscovery {
  readonly discovery: Discovery
  private readonly options: RelayDiscoveryOptions
  private readonly dht: Dht | undefined
  private readonly announcer: DhtAnnouncer | undefined
  private readonly trackers: TrackerSource | undefined
  private readonly bootstrap: BootstrapSource | undefined
  private readonly fetches: Fetches
  private readonly timers = new Map<string, Timer>()
  private probes: RelayProbes | undefined
  private ownAddresses = ''
  private learntAny = false

  constructor(options: RelayDiscoveryOptions) {
    this.options = options
    const { config, directory, exchange, clock, random, counters, trust, udp } = options
    const { weights, dht, trackers, bootstrap, partners, runSeconds, wantedRelays } = config.discovery
    const infoHash = relayInfoHash(config.network)
    this.fetches = new Fetches({ exchange, linkTo: (address) => udp.linkTo(address) })
    const sources: DiscoverySource[] = []
    if (dht.enabled) {
      this.dht = this.makeDht(infoHash)
      this.announcer = new DhtAnnouncer({
        ...options,
        dht: this.dht,
        infoHash,
        salt: relayItemSalt(config.network),
        // Whoever can be reached by page alone is of no use to those who ask here.
        own: () => (options.publicAddresses()?.length ? options.own() : undefined),
      })
      sources.push(new DhtSource(this.dht, infoHash))
    }
    if (trackers.length > 0) {
      this.trackers = new TrackerSource({
        urls: trackers,
        infoHash,
        clock,
        random,
        counters,
        port: () => announcedPort(options.publicAddresses(), udp.address.port),
        isContent: () => this.proven >= wantedRelays,
        resolve: trackerResolver({ ...options, families: udp.families }),
        from: (kind) =>
          udp.address.kind === kind && !isUnspecified(udp.address) ? udp.address.host : undefined,
      })
      sources.push(this.trackers)
    }
    if (config.discovery.exchange) {
      const linkTo = (address: IpAddress) => udp.linkTo(address)
      const neighbours = () => options.neighbours?.() ?? []
      const mayReach = (address: IpAddress) => this.mayAsk(address)
      const onlyProven = config.trust.verify
      const world = { ...options, fetches: this.fetches, linkTo, neighbours, partners, mayReach, onlyProven }
      sources.push(new ExchangeSource(world))
    }
    const routers = this.dht ? routersOf(config) : []
    if (config.bootstrap.length + routers.length > 0) {
      this.bootstrap = new BootstrapSource({
        relays: config.bootstrap,
        routers,
        families: udp.families,
        clock,
        fetches: this.fetches,
        onRelays: (addresses, replaced) => {
          options.onBootstrap(addresses, replaced)
          this.dht?.addNodes(addresses)
        },
        onRouters: (addresses) => this.dht?.start(addresses),
        askRouter: (address) => this.askRouter(address),
        unproven: () => unproven(directory),
      })
      if (bootstrap) sources.push(this.bootstrap)
    }
    const pipeline = this.makePipeline(infoHash)
    this.discovery = new Discovery({
      clock,
      random,
      counters,
      sources,
      weights,
      intervals: intervalsOf(config),
      handle: (candidate, done) => pipeline.handle(candidate, done),
      outside: () => ({
        relaysProven: this.proven,
        dhtNodesKnown: this.dhtNodes,
        trackerAnnounces: counters.get('tracker-announced'),
        peerExchanges: this.fetches.answered,
        verificationsAttempted: trust.verifier.statistics.attempted,
        verificationsSuccessful: trust.verifier.statistics.successful,
        spiesDetected: trust.verifier.statistics.spies,
      }),
      onRun: (result) => this.report(result),
      settings: { runMs: runSeconds * 1000, wantedRelays },
    })
  }

  /** Opens what was saved, and begins. @param byItself false: sources run by hand alone */
  async start(byItself = true): Promise<void> {
    const { config, trust } = this.options
    await trust.start()
    if (this.dht) {
      this.dht.addNodes((await loadNodes(this.nodesFile)).filter((address) => this.options.mayReach(address)))
      this.dht.start([])
      this.every('save', DHT_SOURCE.saveMs, () => void this.saveNodes())
    }
    this.every('sweep', SWEEP_MS, () => this.sweep())
    this.sweep()
    if (byItself) this.resolveNames()
    if (!byItself || !config.discovery.enabled) return
    if (config.trust.verify && config.trust.probes) this.probes = await this.startProbes()
    this.announcer?.start()
    this.discovery.start()
  }

  /** Takes back what was announced, and writes what is to be remembered. */
  async stop(): Promise<void> {
    for (const timer of this.timers.values()) timer.cancel()
    this.timers.clear()
    this.discovery.stop()
    this.announcer?.stop()
    await Promise.all([
      this.probes?.stop(),
      this.trackers?.stop(),
      this.saveNodes(),
      this.options.trust.stop(),
    ])
    this.dht?.stop()
  }

  /** Runs one method by hand; undefined if there is no such source. */
  runNow(method: DiscoveryMethod): Promise<RunResult | undefined> {
    return new Promise((resolve) => {
      if (!this.discovery.runNow(method, resolve)) resolve(undefined)
    })
  }

  /** Waits until the DHT has nodes, or for ten seconds: a look into an empty one finds nobody. */
  async untilDhtKnown(): Promise<void> {
    const { clock } = this.options
    if (this.dht === undefined) return
    await this.bootstrap?.resolve()
    const untilMs = clock.now() + DHT_SOURCE.firstNodesMs
    while (this.dhtNodes === 0 && clock.now() < untilMs) {
      await new Promise<void>((resolve) => clock.after(DHT_SOURCE.lookMs, resolve))
    }
  }

  /** A datagram that is no IPv8 packet. Never throws. */
  receive(from: IpAddress, datagram: Uint8Array): void {
    const { trust, udp, counters } = this.options
    // Probes look like what the DHT and peers say, so they are asked first.
    if (this.probes?.receive(from, datagram) || this.dht?.receive(from, datagram)) return
    const answer = trust.secirc.answer(from, datagram)
    if (answer) udp.sendTo(from, answer)
    else counters.add('relay-foreign-datagram')
  }

  /** The directory has a descriptor that it did not have. */
  learnt({ descriptor: { udp } }: DirectoryEntry): void {
    if (udp) this.discovery.hasten(udp)
    this.learntAny = true
  }

  /** A relay was verified, for the first time or again. */
  verified({ proven, key, candidate, verdict }: VerificationResult): void {
    const { directory } = this.options
    const mid = (candidate.descriptor?.publicKey ?? key)?.mid
    if (mid === undefined) return
    if (proven) directory.markProven(mid, candidate.address)
    else if (verdict?.standing === 'blocked') directory.drop(mid)
    else if (!this.options.isAskedByLink?.(mid)) directory.markUnproven(mid)
  }

  /** A link with another relay has opened: what it knows is asked for, and ours is told. */
  met(neighbour: Link): void {
    this.options.exchange.fetchFrom(neighbour, () => this.sweep())
  }

  status(): DiscoveryStatus {
    return rounded({ ...this.discovery.statistics(), dht: this.dhtStatus(), probes: this.probes?.status() })
  }

  private dhtStatus(): DiscoveryStatus['dht'] {
    if (this.dht === undefined) return undefined
    const { nodeId: _, ownAddresses: __, ...status } = this.dht.status()
    return status
  }

  private get proven(): number {
    return this.options.directory.list().filter(({ proven }) => proven).length
  }

  private get dhtNodes(): number {
    const nodes = this.dht?.status().nodes
    return nodes ? nodes.ipv4 + nodes.ipv6 : 0
  }

  private get nodesFile(): string {
    return join(this.options.config.state, 'dht.nodes')
  }

  /** The walk and the DHT begin with these whether they are asked for relays or not. */
  private resolveNames(): void {
    const { bootstrap } = this
    const { enabled } = this.options.config.discovery
    const resolve = () => void (enabled ? bootstrap?.resolve() : bootstrap?.resolveRelays())
    resolve()
    this.every('names', DHT_SOURCE.namesMs, resolve)
  }

  /** Routers are spared once the DHT has nodes. */
  private askRouter(address: IpAddress): Promise<boolean> {
    const { dht } = this
    if (dht === undefined || this.dhtNodes > 0) return Promise.resolve(dht !== undefined)
    return new Promise((answer) => dht.ping(address, (id) => answer(id !== undefined)))
  }

  private makeDht(infoHash: Uint8Array): Dht {
    const { clock, random, counters, udp, mayReach, own, config, publicAddresses } = this.options
    const { replication } = config.discovery.dht
    const isOurs = (target: Uint8Array) => target.every((byte, i) => byte === infoHash[i])
    return new Kademlia({
      clock,
      random,
      counters,
      families: udp.families,
      readOnly: () => publicAddresses()?.length === 0,
      settings: { replication },
      send: (address, datagram) => udp.sendTo(address, datagram),
      mayReach: (address) => mayReach(address),
      ownItem: (target) => (isOurs(target) ? own() : undefined),
    })
  }

  /** Whether an address is asked for what a relay knows: anybody may have named it. */
  private mayAsk(address: IpAddress): boolean {
    const { udp, mayReach, trust } = this.options
    return udp.reaches(address) && mayReach(address) && trust.rules.isPort(address.port)
  }

  private makePipeline(infoHash: Uint8Array): CandidatePipeline {
    const { directory, isOwn, trust, config, udp } = this.options
    const { dht } = this
    return new CandidatePipeline({
      directory,
      mayReach: (address) => this.mayAsk(address),
      // Nothing is sent to a private address. A low port of somebody else's stays unasked, for that would be.
      mayCheck: (address) => config.trust.verify && udp.reaches(address) && !trust.rules.isPublic(address),
      isOwn,
      ...(dht ? { askDescriptor: (address, done) => dht.askOwnItem(address, infoHash, done) } : {}),
      fetch: (address, done) => this.fetches.fetch(address, done),
      verify: (address, descriptor, done) => {
        if (!config.trust.verify) {
          done(true)
          return
        }
        const outcome = trust.verifier.add({ address, descriptor }, ({ proven, key }) => {
          // Also where it was proven before its descriptor came.
          if (proven) directory.markProven(descriptor.publicKey.mid, address)
          done(proven, proven ? undefined : key)
        })
        if (outcome === 'blocked' || outcome === 'limited' || outcome === 'full') done(undefined)
      },
      onNew: (_relay, address) => {
        dht?.addNodes([address])
        // So that it knows us as well.
        this.fetches.fetch(address, () => undefined)
      },
    })
  }

  private startProbes(): Promise<RelayProbes> {
    const { trust, udp, mayReach, publicAddresses } = this.options
    return RelayProbes.start({
      ...this.options,
      book: trust.book,
      port: udp.address.port,
      publicAddresses,
      send: (to, datagram) => udp.sendTo(to, datagram),
      mayReach,
      dhtNodes: () => this.dht?.nodes().map(({ address }) => address) ?? [],
      ask: ({ address, publicKey }, done) => {
        const link = udp.linkTo(address)
        if (link === undefined) done(false)
        else trust.proofs.prove(link, { expectedKey: publicKey }, ({ kind }) => done(kind === 'proved'))
      },
    })
  }

  private sweep(): void {
    const { publicAddresses, directory } = this.options
    const addresses = publicAddresses() ?? []
    const text = JSON.stringify(addresses)
    if (text !== this.ownAddresses) {
      this.ownAddresses = text
      for (const address of addresses) this.dht?.setOwnAddress(address)
    }
    if (!this.learntAny) return
    this.learntAny = false
    this.discovery.offer('exchange', unproven(directory))
  }

  private report({ method, fresh, found, ms }: RunResult): void {
    const { log } = this.options
    const took = `${(ms / 1000).toFixed(1)} s`
    if (fresh > 0) log.info(`found ${fresh} new ${fresh === 1 ? 'relay' : 'relays'} by ${method}`)
    log.debug(`discovery by ${method}: ${found} relays, ${fresh} of them new, in ${took}`)
  }

  private async saveNodes(): Promise<void> {
    const nodes = this.dht?.nodes().map(({ address }) => address) ?? []
    if (nodes.length === 0) return
    await saveNodes(this.nodesFile, nodes).catch((error: NodeJS.ErrnoException) => {
      this.options.log.error(`the DHT's nodes cannot be written to ${this.nodesFile} (${error.code})`)
    })
  }

  private every(name: string, ms: number, run: () => void): void {
    const timer = this.options.clock.after(ms, () => {
      run()
      this.every(name, ms, run)
    })
    this.timers.set(name, timer)
  }
}
