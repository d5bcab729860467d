import type { IpAddress } from '../../bytes/address.ts'
import type { WalkSettings } from '../../ipv8/constants.ts'
import type { SeededRandom } from '../seeded-random.ts'

const HOUR_MS = 3_600_000

/** What is simulated, and how the people and machines in it behave. */
export interface ScaleOptions {
  readonly relays: number
  readonly clients: number
  readonly hours: number
  readonly seed: number
  /** Relays start within half of this; clients come after it. */
  readonly warmUpMs: number
  /** Share of relays that are exits. */
  readonly exitShare: number
  /** Distinct IPv4 /16 that relays are spread over, some holding more than others. */
  readonly networks: number
  /** Relays that stay up and are known beforehand, as bootstrap peers are. */
  readonly bootstraps: number
  /** Times are exponential with these means. */
  readonly relayUpMs: number
  readonly relayDownMs: number
  /** Share of relays' ends that nobody is told of: power, network, SIGKILL. */
  readonly silentEnds: number
  /** A client builds circuits once it knows so many relays (N-07). */
  readonly minRelays: number
  /** How long a visit lasts on average. */
  readonly sessionMs: number
  /** Visits of a client in 24 hours on average: 1 to 2. */
  readonly visits: number
  /** While it is there it sends one datagram each so many milliseconds, and gets so many back. */
  readonly trafficMs: number
  readonly answers: number
  /** Chance that a datagram between relays is lost. */
  readonly loss: number
  /** How often relays ask each other for what is new in the directory. */
  readonly exchangeMs: number
  /** How often relays sign their descriptors anew; these live for 3 hours. */
  readonly renewMs: number
  /** How often clients ask. */
  readonly refreshMs: number
  /** The walk's own settings, or slower ones (`COARSE_WALK`). */
  readonly walk: Partial<WalkSettings>
  /** Whether relays walk the DiscoveryCommunity too. */
  readonly discovery: boolean
}

const COARSE_WALK: Partial<WalkSettings> = {
  tickMs: 30_000,
  restingMs: 60_000,
  livenessSample: 64,
  refreshMs: 1_200_000,
  pingIntervalMs: 20_000,
  pingAfterSilenceMs: 110_000,
  dropAfterSilenceMs: 230_000,
}

/**
 * For long runs: relays look at their tables each 30 s, not each 0.5 s, at all peers at once, ping after four times the silence,
 * introduce themselves anew a quarter as often, look for others than they know each minute, and everybody asks for what is new in
 * the directory each 15 minutes, and signs anew each 2 hours what is good for 3. Visits are fewer and shorter. What relays and clients do is the same.
 */
export const COARSE = {
  walk: COARSE_WALK,
  discovery: false,
  exchangeMs: 900_000,
  renewMs: 2 * HOUR_MS,
  refreshMs: 900_000,
  sessionMs: 900_000,
  visits: 1,
  trafficMs: 20_000,
} satisfies Partial<ScaleOptions>

/** Bootstrap peers answer everybody, as those of IPv8 do: a table of 30 would be full for good after the first 30 relays. */
export const BOOTSTRAP_WALK: Partial<WalkSettings> = { maxPeers: 4_000, maxPeersPerNetwork: 4_000 }

export const SCALE_DEFAULTS: ScaleOptions = {
  relays: 1_000,
  clients: 10_000,
  hours: 24,
  seed: 1,
  warmUpMs: 600_000,
  exitShare: 0.3,
  networks: 400,
  bootstraps: 8,
  relayUpMs: 12 * HOUR_MS,
  relayDownMs: HOUR_MS / 6,
  silentEnds: 0.3,
  minRelays: 20,
  sessionMs: 0.75 * HOUR_MS,
  visits: 1.5,
  trafficMs: 10_000,
  answers: 2,
  loss: 0.005,
  exchangeMs: 300_000,
  renewMs: HOUR_MS,
  refreshMs: 60_000,
  walk: {},
  discovery: true,
}

/** Exponentially distributed with mean 1. */
export function exponential(random: SeededRandom): number {
  return -Math.log(1 - random.fraction())
}

/**
 * Addresses of relays: /16s by chance, low ones more often (half of all relays are in a quarter of the networks), and each
 * relay a /24 of its own.
 */
export function relayAddresses(options: ScaleOptions, random: SeededRandom): IpAddress[] {
  const used = new Set<string>()
  const addresses: IpAddress[] = []
  while (addresses.length < options.relays) {
    const network = Math.floor(random.fraction() ** 2 * options.networks)
    const third = Math.floor(random.fraction() * 256)
    const host = `${30 + (network >> 8)}.${network & 255}.${third}.1`
    if (used.has(host)) continue
    used.add(host)
    addresses.push({ kind: 'ipv4', host, port: 7000 })
  }
  return addresses
}

export interface Session {
  readonly client: number
  readonly startMs: number
  readonly lengthMs: number
}

/** Busy in the evening, quiet before dawn: the chance that a session starts at an hour, least 0.3 of the most. */
function busyness(hour: number): number {
  return 0.65 + 0.35 * Math.cos(((hour - 21) / 24) * 2 * Math.PI)
}

/** All sessions of all clients, in order of time. In a run of less than a day only a share of the clients comes. */
export function sessionsOf(options: ScaleOptions, random: SeededRandom): Session[] {
  const sessions: Session[] = []
  for (let client = 0; client < options.clients; client++) {
    const times = random.fraction() < 2 - options.visits ? 1 : 2
    for (let i = 0; i < times; i++) {
      let hour: number
      do hour = random.fraction() * 24
      while (random.fraction() > busyness(hour))
      // The day begins at noon, so that a short run falls into a lively time.
      const startMs = ((hour + 12) % 24) * HOUR_MS
      const lengthMs = Math.min(4, 0.2 + 0.8 * exponential(random)) * options.sessionMs
      if (startMs < options.hours * HOUR_MS) sessions.push({ client, startMs, lengthMs })
    }
  }
  return sessions.sort((a, b) => a.startMs - b.startMs)
}
