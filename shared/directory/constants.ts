import { sha1 } from '@noble/hashes/legacy.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { concat } from '../bytes/bytes.ts'

/** A descriptor must later fit a BEP 44 item, whose value is at most 1,000 bytes with its length before it. */
export const MAX_DESCRIPTOR_BYTES = 995
export const MAX_NICKNAME_BYTES = 32
export const MAX_FAMILY_BYTES = 32
export const MAX_ADDRESSES = 8
export const MAX_ADDRESS_BYTES = 255
export const MAX_NETWORK_NAME_BYTES = 64
/** How far a relay's clock may run ahead of ours. */
export const MAX_CLOCK_SKEW_S = 600
/** What a relay may ask to be remembered for: a week. */
export const MAX_LIFETIME_S = 604_800

/** Where the operator may be written to. */
export const MAX_CONTACT_BYTES = 64
/** Ranges of TCP ports in a descriptor's exit policy. */
export const MAX_REFUSED_PORT_RANGES = 8

/**
 * The info hash under which the relays of a network announce themselves and find each other in the DHT and at trackers: SHA-1
 * of "culvert relays 1", 00, the network's name.
 * @returns 20 bytes
 */
export function relayInfoHash(network: string): Uint8Array {
  return sha1(concat(utf8ToBytes('culvert relays 1'), new Uint8Array([0]), utf8ToBytes(network)))
}

/**
 * The salt of the BEP 44 item in which a relay keeps its descriptor, under its own Ed25519 key: "culvert:" and the network's
 * name, cut to the 64 bytes that BEP 44 allows.
 */
export function relayItemSalt(network: string): Uint8Array {
  return utf8ToBytes(`culvert:${network}`).slice(0, 64)
}

/** The directory's own community: SHA-1 of its name. */
export const DIRECTORY_COMMUNITY_ID = sha1(utf8ToBytes('culvert directory 1'))
export const DESCRIPTOR_REQUEST = 1
export const DESCRIPTOR_RESPONSE = 2
/** Bytes of a request packet, header and padding included; no response is larger. */
export const REQUEST_BYTES = 1_100

export const DIRECTORY_DEFAULTS = {
  maxDescriptors: 2_000,
  /** Relays of one IPv4 /24, IPv6 /48 or WebSocket host. */
  maxPerNetwork: 8,
  /** Relays that say that they are of one family. Whoever likes may say so: what is proven or was heard stays. */
  maxPerFamily: 64,
  /** A proof of key and address holds so long; it is asked for anew before (trust/constants.ts). */
  provenForMs: 6 * 3_600_000,
} as const
export type DirectorySettings = { readonly [K in keyof typeof DIRECTORY_DEFAULTS]: number }

export const EXCHANGE_DEFAULTS = {
  /** First wait for a response; doubled with each try. */
  retryMs: 1_000,
  tries: 4,
  /** Fetches at once; more are answered with "nothing added". */
  maxFetches: 16,
  /** Fetches at once that ask for descriptors; the others only make us known meanwhile. */
  maxAsking: 2,
  /** News takes this long to get around: a fetch asks for what was learnt since the last one began, and so much before. */
  slackMs: 120_000,
  /** Requests of one fetch; 1,000 descriptors take about 250. */
  maxRequests: 600,
  /** Descriptors that one fetch may hand us and we refuse, before we hang up. */
  maxRefused: 8,
  /** Requests answered, per link; and of all kinds together of one machine over UDP. */
  requestsPerSecond: 10,
  requestsBurst: 300,
  /** Descriptors of askers that are verified, over all links: a signature costs about a millisecond. */
  askersPerSecond: 20,
} as const
export type ExchangeSettings = { readonly [K in keyof typeof EXCHANGE_DEFAULTS]: number }

/** "Which stock peers do you walk with?" */
export const NEIGHBOURS_REQUEST = 3
export const NEIGHBOURS_RESPONSE = 4
/** Peers in one response: key 74, IPv4 address 7, flags 2, round trip 2 each; with 28 bytes before them 1,048 of 1,100. */
export const NEIGHBOURS_PER_RESPONSE = 12

export const STOCK_PEERS = {
  maxTellers: 8,
  maxPerTeller: 64,
  /** A relay is asked each minute, and tells 12 by chance. */
  forgottenAfterMs: 600_000,
  /** Requests answered, per link; one a minute is asked. */
  requestsPerSecond: 0.2,
  requestsBurst: 4,
  /** Questions open at once, and for how long. */
  maxQuestions: 8,
  questionMs: 10_000,
} as const

/** "What did you find of others?" */
export const VERDICTS_REQUEST = 7
export const VERDICTS_RESPONSE = 8
/** Records in one response: 25 bytes each; with 29 bytes before them 1,079 of 1,100. */
export const VERDICTS_PER_RESPONSE = 42

/** "Whom have you dropped?" */
export const DROPS_REQUEST = 9
export const DROPS_RESPONSE = 10
/** Drops in one response: 21 bytes each; with 28 bytes before them 1,078 of 1,100. */
export const DROPS_PER_RESPONSE = 50

export const DROPS = { remembered: 512 } as const

export const QUESTIONS = {
  /** Open at once, for how long, and how often each is sent. */
  maxOpen: 32,
  retryMs: 2_000,
  tries: 3,
} as const

export const VERDICTS = {
  /** Questions of one pull: with 42 records each they bring 2,000. */
  maxRequests: 48,
  /** Requests answered, per link. */
  requestsPerSecond: 5,
  requestsBurst: 96,
  /** What is told is put together anew after this. */
  cachedMs: 30_000,
} as const

/** Requests answered, per link: one is asked in each round of exchange. */
export const DROPS_SERVED = { requestsPerSecond: 0.2, requestsBurst: 4 } as const

/** Packets of the directory that a relay takes through circuits, all of them together. */
export const CIRCUIT_REQUESTS = { perSecond: 500, burst: 1_000 } as const
