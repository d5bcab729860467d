/**
 * Sizes, times and limits of hidden swarms. Values marked "protocol" are what py-ipv8 3.2.0 does (IPV8-WIRE "Messages");
 * the others are ours to choose.
 */

/** Introduction circuits that a seeder keeps, and relays that a downloader asks. */
export const INTRODUCTION_POINTS = 3
/** Relays drawn, at most, until there is a way to one that a seeder can wait at. */
export const RENDEZVOUS_POINTS = 8
/** The port of an end-to-end circuit's virtual address (protocol). */
export const VIRTUAL_PORT = 1024
/** The most introduction points in one answer (protocol). */
export const PEERS_PER_RESPONSE = 7

/** A peers-request between relays is padded to this: as large as the largest answer. */
export const PADDED_REQUEST_BYTES = 1_300

/** Where an introduction point was learnt: message 18 (protocol). */
export const SOURCE = { unknown: 0, dht: 1, pex: 2 } as const

/** What a relay keeps for owners of hidden swarms. Each is counted when reached. */
export interface HiddenRelayLimits {
  /** Seeders introduced here, in all and through one circuit. */
  readonly introductions: number
  readonly introductionsPerCircuit: number
  /** Cookies that wait for a link, in all and through one circuit. */
  readonly rendezvous: number
  readonly rendezvousPerCircuit: number
  /** A rendezvous that nobody linked to is forgotten. */
  readonly rendezvousMs: number
  /** A circuit that introduces lives this long (protocol: 24 h). */
  readonly introductionMs: number
  /** Create end-to-end passed on to one seeder: per second, and at once. */
  readonly requestsPerSecond: number
  readonly requestBurst: number
  /** Answers to peers-requests, all circuits together, and all other sources together: per second, and at once. */
  readonly answersPerSecond: number
  readonly answerBurst: number
  /** Circuits that wait for the seeder's answer, and how long each may. */
  readonly waiting: number
  readonly waitingMs: number
  /** Introduction points of other relays, in all and of one of them, and how long they are believed. */
  readonly told: number
  readonly toldByOne: number
  readonly toldMs: number
  /** Between reports of a seeder introduced here to the relays where it is looked for. */
  readonly tellMs: number
  /** Other relays asked or told: per second, and at once. */
  readonly asksPerSecond: number
  readonly askBurst: number
  /** Look-ups at other relays that wait for answers, how long they do, and the circuits that wait for one of them. */
  readonly lookups: number
  readonly askMs: number
  readonly askersPerLookup: number
  /** After nobody was found, others are not asked again for so long. */
  readonly emptyMs: number
  /** What IPv8's DHT has of a swarm is told again for so long, that it has nothing for so long, and this many swarms are remembered. */
  readonly dhtFreshMs: number
  readonly dhtEmptyMs: number
  readonly dhtSwarms: number
  /** Look-ups there, and values stored there, all circuits together: per second, and at once. */
  readonly dhtPerSecond: number
  readonly dhtBurst: number
  /** Look-ups there for one circuit: per second, and at once. */
  readonly dhtPerSecondAndCircuit: number
  readonly dhtBurstOfCircuit: number
  /** A seeder introduced here is stored there again after so long, and after a time that it could not be. */
  readonly publishMs: number
  readonly publishSoonMs: number
}

export const HIDDEN_RELAY_LIMITS: HiddenRelayLimits = {
  introductions: 2_000,
  introductionsPerCircuit: 4,
  rendezvous: 2_000,
  rendezvousPerCircuit: 2,
  rendezvousMs: 60_000,
  introductionMs: 24 * 3_600_000,
  requestsPerSecond: 2,
  requestBurst: 10,
  answersPerSecond: 100,
  answerBurst: 200,
  waiting: 2_000,
  waitingMs: 60_000,
  told: 2_000,
  toldByOne: 100,
  toldMs: 900_000,
  tellMs: 300_000,
  asksPerSecond: 5,
  askBurst: 20,
  lookups: 100,
  askMs: 1_500,
  askersPerLookup: 10,
  emptyMs: 20_000,
  dhtFreshMs: 60_000,
  dhtEmptyMs: 10_000,
  dhtSwarms: 200,
  dhtPerSecond: 2,
  dhtBurst: 10,
  dhtPerSecondAndCircuit: 0.2,
  dhtBurstOfCircuit: 3,
  publishMs: 1_800_000,
  publishSoonMs: 30_000,
}

/** What an owner of a hidden swarm waits for, and how long. */
export interface HiddenOwnerSettings {
  /** Until an answer to 9, 11, 13, 15 or 17 is asked for again, and how often it is asked. */
  readonly answerMs: number
  readonly tries: number
  /** The same for create end-to-end: the seeder builds a circuit before it answers, and knows the question again. */
  readonly createMs: number
  readonly createTries: number
  /** A circuit that is not ready by then is given up, and another tried, so often in a row. */
  readonly buildMs: number
  readonly buildTries: number
  /** From created end-to-end to the first cell of the other end. Below the 20 s after which relays end a silent circuit. */
  readonly linkMs: number
  /** Pause before an introduction circuit is replaced, by failures in a row; the last value counts for all further ones. */
  readonly backOffMs: readonly number[]
  /** Between look-ups of a downloader that has fewer than `connections`, and of one that has none. */
  readonly lookupMs: number
  readonly lookupEmptyMs: number
  /** Until relays are looked for again, where none was known or reachable. */
  readonly noRelayMs: number
  /** For so long a relay that did not answer is passed over. */
  readonly silentMs: number
  /** End-to-end circuits of one swarm, being built or open. */
  readonly connections: number
  /** Rendezvous circuits that a seeder begins for strangers: per second, and at once. */
  readonly rendezvousPerSecond: number
  readonly rendezvousBurst: number
}

export const HIDDEN_OWNER_SETTINGS: HiddenOwnerSettings = {
  answerMs: 3_000,
  tries: 3,
  createMs: 3_000,
  createTries: 10,
  buildMs: 10_000,
  buildTries: 3,
  linkMs: 18_000,
  backOffMs: [1_000, 2_000, 5_000, 15_000, 60_000],
  lookupMs: 120_000,
  lookupEmptyMs: 15_000,
  noRelayMs: 2_000,
  silentMs: 300_000,
  connections: 8,
  rendezvousPerSecond: 0.5,
  rendezvousBurst: 6,
}
