import type { IpAddress } from '../../bytes/address.ts'
import { toHex } from '../../bytes/bytes.ts'
import type { Aead } from '../../crypto/aead.ts'
import { KeyPair } from '../../identity/keys.ts'
import type { GuardStore } from '../../path/guards.ts'
import { Counters } from '../../world/counters.ts'
import { Mesh, MeshNode } from '../mesh.ts'
import { SeededRandom } from '../seeded-random.ts'
import { VirtualClock } from '../virtual-clock.ts'
import { DescriptorCache } from './descriptor-cache.ts'
import { type Distribution, distribution, gini, PACKET_KINDS, PacketMeter } from './measures.ts'
import {
  BOOTSTRAP_WALK,
  exponential,
  relayAddresses,
  SCALE_DEFAULTS,
  type ScaleOptions,
  sessionsOf,
} from './population.ts'
import { CircuitLog, SimClient } from './sim-client.ts'
import { SimRelay } from './sim-relay.ts'

const HOUR_MS = 3_600_000
/** Promises settle between slices of virtual time, not between packets. */
const SLICE_MS = 20
const SETTLING_TURNS = 12
const SAMPLE_MS = HOUR_MS / 2
const SAMPLED_DIRECTORIES = 50

export interface ScaleFigures {
  readonly options: ScaleOptions
  readonly sessions: number
  readonly online: Distribution
  readonly circuitsBuilt: number
  readonly circuitsFailed: number
  readonly buildMs: Distribution
  readonly firstCircuitMs: Distribution
  readonly repairMs: Distribution
  readonly sessionsWithoutCircuit: number
  readonly trafficAnswered: number
  readonly peersPerTable: Distribution
  /** Share of relays that are up and listed, seen from one relay; and share of those listed that are down. */
  readonly directoryCoverage: Distribution
  readonly directoryStale: Distribution
  readonly clientCoverage: Distribution
  readonly giniAll: number
  readonly giniExits: number
  readonly giniOthers: number
  readonly cellsPerRelayHour: Distribution
  /** Sent per node and hour, by kind. */
  readonly packetsPerRelayHour: Record<string, number>
  readonly bytesPerRelayHour: Record<string, number>
  readonly packetsPerClientHour: Record<string, number>
  readonly bytesPerClientHour: Record<string, number>
  readonly relayLives: number
  readonly counters: Record<string, number>
}

interface Place {
  readonly index: number
  readonly node: MeshNode
  readonly keyPair: KeyPair
  readonly exit: boolean
  readonly url: string
  program: SimRelay | undefined
  /** Its machine is off, not only its program. */
  off: boolean
  last: SimRelay | undefined
}

export interface ScaleRun {
  readonly aead: Aead
  readonly options?: Partial<ScaleOptions>
  /** Called after each simulated half hour; `figures` are those up to then. */
  progress?(hours: number, online: number, figures: () => ScaleFigures): void
}

/** Runs the whole network on the machines' own code, in virtual time. */
export async function simulateScale({ aead, options: given, progress }: ScaleRun): Promise<ScaleFigures> {
  const options = { ...SCALE_DEFAULTS, ...given }
  const clock = new VirtualClock()
  const random = new SeededRandom(options.seed)
  const meterNodes = new Set<MeshNode>()
  const meter = new PacketMeter(meterNodes)
  const mesh = new Mesh({ clock, random: new SeededRandom(options.seed + 1), loss: options.loss, meter })
  const counters = new Counters()
  const log = new CircuitLog()
  const descriptors = new DescriptorCache()
  const places: Place[] = relayAddresses(options, random).map((address, index) => {
    const node = new MeshNode(mesh, address)
    meterNodes.add(node)
    return {
      index,
      node,
      keyPair: KeyPair.generate(random),
      exit: random.fraction() < options.exitShare,
      url: `ws://${address.host}:8080/relay`,
      program: undefined,
      off: false,
      last: undefined,
    }
  })
  const byUrl = new Map(places.map((place) => [place.url, place]))
  const byMid = new Map(places.map((place) => [toHex(place.keyPair.publicKey.mid), place]))
  const bootstrap = places.slice(0, options.bootstraps).map(({ node }) => node.address)
  const online = new Set<SimClient>()
  let lives = 0

  const keep = (from: Counters) => {
    for (const [name, count] of Object.entries(from.snapshot())) counters.add(name, count)
  }

  const begin = (place: Place) => {
    const { node, keyPair, exit, index } = place
    lives++
    place.last?.hangUp()
    place.off = false
    place.program = new SimRelay({
      name: `relay ${index}`,
      keyPair,
      node,
      exit,
      clock,
      random,
      aead,
      bootstrap,
      descriptors,
      exchangeMs: options.exchangeMs,
      renewMs: options.renewMs,
      walk: index < options.bootstraps ? { ...options.walk, ...BOOTSTRAP_WALK } : options.walk,
      discovery: options.discovery,
      answers: options.answers,
    })
    place.program.start()
    if (index >= options.bootstraps) clock.after(exponential(random) * options.relayUpMs, () => end(place))
  }

  const end = (place: Place) => {
    const { program, node } = place
    if (program === undefined) return
    const silent = random.fraction() < options.silentEnds
    for (const client of online) client.relayGone((hop) => hop.address.host === node.address.host)
    place.program = undefined
    place.last = program
    place.off = silent
    program.end(silent)
    keep(program.counters)
    clock.after(exponential(random) * options.relayDownMs, () => begin(place))
  }

  for (const place of places) clock.after(random.fraction() * (options.warmUpMs / 2), () => begin(place))

  const visitors = new Map<number, { node: MeshNode; guards: GuardStore }>()
  const visit = (index: number, lengthMs: number) => {
    let known = visitors.get(index)
    if (known === undefined) {
      const address: IpAddress = {
        kind: 'ipv4',
        host: `100.${64 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`,
        port: 1,
      }
      known = { node: new MeshNode(mesh, address), guards: keptGuards() }
      visitors.set(index, known)
    }
    // The site that the page comes from: some relay that is up.
    const up = places.filter(({ program }) => program !== undefined)
    const site = up[Math.floor(random.fraction() * up.length)]
    if (site === undefined) return
    const client = new SimClient({
      node: known.node,
      clock,
      random,
      aead,
      counters,
      log,
      entries: [{ publicKey: site.keyPair.publicKey, url: site.url }],
      guards: known.guards,
      minRelays: options.minRelays,
      descriptors,
      trafficMs: options.trafficMs,
      refreshMs: options.refreshMs,
      gateway: (url) => {
        const place = byUrl.get(url)
        return place?.program ?? (place?.off ? 'off' : undefined)
      },
    })
    online.add(client)
    client.start()
    clock.after(lengthMs, () => {
      online.delete(client)
      clientMs += lengthMs
      client.stop()
    })
  }
  let clientMs = 0
  for (const { client, startMs, lengthMs } of sessionsOf(options, random)) {
    clock.after(options.warmUpMs + startMs, () => visit(client, lengthMs))
  }

  const peers: number[] = []
  const coverage: number[] = []
  const stale: number[] = []
  const clientCoverage: number[] = []
  const onlineCounts: number[] = []
  const listed = (directory: SimRelay['directory'], self: Place | undefined) => {
    let up = 0
    let down = 0
    for (const { descriptor } of directory.list()) {
      if (byMid.get(toHex(descriptor.publicKey.mid))?.program !== undefined) up++
      else down++
    }
    const there = places.filter((place) => place.program !== undefined && place !== self).length
    return { coverage: up / there, stale: down / Math.max(1, up + down) }
  }
  const sample = () => {
    const up = places.filter((place) => place.program !== undefined)
    for (const { program, index } of up) {
      if (index >= options.bootstraps) peers.push(program?.walker.peers().length ?? 0)
    }
    for (let i = 0; i < Math.min(SAMPLED_DIRECTORIES, up.length); i++) {
      const place = up[Math.floor(random.fraction() * up.length)]
      if (place?.program === undefined) continue
      const seen = listed(place.program.directory, place)
      coverage.push(seen.coverage)
      stale.push(seen.stale)
    }
    let sampled = 0
    for (const client of online) {
      if (sampled++ >= SAMPLED_DIRECTORIES) break
      clientCoverage.push(
        client.network.pooled().length === 0 ? 0 : client.network.relays().length / up.length,
      )
    }
    onlineCounts.push(online.size)
  }

  const advance = async (ms: number) => {
    for (let at = 0; at < ms; at += SLICE_MS) {
      clock.advance(SLICE_MS)
      for (let i = 0; i < SETTLING_TURNS; i++) await Promise.resolve()
    }
  }
  await advance(options.warmUpMs)
  meter.reset()
  const lifeMs = options.hours * HOUR_MS
  const stepMs = Math.min(SAMPLE_MS, lifeMs)
  for (let at = stepMs; at <= lifeMs; at += stepMs) {
    await advance(stepMs)
    sample()
    progress?.(at / HOUR_MS, online.size, figures)
  }
  for (const { program } of places) if (program) keep(program.counters)
  return figures()

  function figures(): ScaleFigures {
    const hours = (clock.now() - options.warmUpMs) / HOUR_MS
    let onlineMs = clientMs
    for (const client of online) onlineMs += clock.now() - client.startedMs
    const clientHours = onlineMs / HOUR_MS
    const perHour = (role: 'relay' | 'client', what: 'packets' | 'bytes') => {
      const nodeHours = role === 'relay' ? options.relays * hours : clientHours
      return Object.fromEntries(
        PACKET_KINDS.map((kind) => [kind, Math.round(meter.of(role, kind)[what] / nodeHours)]),
      )
    }
    const load = (wanted: (place: Place) => boolean) =>
      places.filter(wanted).map(({ node }) => meter.cells.get(node) ?? 0)
    return {
      options,
      sessions: log.sessions,
      online: distribution(onlineCounts),
      circuitsBuilt: log.built,
      circuitsFailed: log.failed,
      buildMs: distribution(log.buildMs),
      firstCircuitMs: distribution(log.firstCircuitMs),
      repairMs: distribution(log.repairMs),
      sessionsWithoutCircuit: log.withoutCircuit,
      trafficAnswered: log.receivedDatagrams / (log.sentDatagrams * options.answers),
      peersPerTable: distribution(peers),
      directoryCoverage: distribution(coverage),
      directoryStale: distribution(stale),
      clientCoverage: distribution(clientCoverage),
      giniAll: gini(load(() => true)),
      giniExits: gini(load(({ exit }) => exit)),
      giniOthers: gini(load(({ exit }) => !exit)),
      cellsPerRelayHour: distribution(load(() => true).map((cells) => cells / hours)),
      packetsPerRelayHour: perHour('relay', 'packets'),
      bytesPerRelayHour: perHour('relay', 'bytes'),
      packetsPerClientHour: perHour('client', 'packets'),
      bytesPerClientHour: perHour('client', 'bytes'),
      relayLives: lives,
      counters: counters.snapshot(),
    }
  }
}

function keptGuards(): GuardStore {
  let kept: Uint8Array | undefined
  return {
    load: async () => kept,
    save: async (bytes) => {
      kept = bytes
    },
  }
}
