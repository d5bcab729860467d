import { sha1 } from '@noble/hashes/legacy.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { MESSAGE_MTU } from './constants.ts'

/** The community of fragments: SHA-1 of its name. Stock peers do not know it, so they are sent none. */
export const FRAGMENT_COMMUNITY_ID = sha1(utf8ToBytes('culvert fragment 1'))
export const FRAGMENT = 1

/** UDP payload that fits an Ethernet frame (1,500 bytes) after the IP and UDP headers. */
export const DATAGRAM_BYTES = { ipv4: 1_472, ipv6: 1_452 } as const
/** Prefix 22, message id 1, set 4, index 1, count 1. */
export const FRAGMENT_HEADER_BYTES = 29
/** The largest packet that travels in fragments: what a link of messages carries. */
export const FRAGMENTED_MTU = MESSAGE_MTU
/** Fragments of one packet: that many of the smaller datagrams hold the largest packet. */
export const MAX_FRAGMENTS = Math.ceil(FRAGMENTED_MTU / (DATAGRAM_BYTES.ipv6 - FRAGMENT_HEADER_BYTES))

/**
 * What may wait for its missing fragments (N-03). Bytes are those received and PACKET_OVERHEAD_BYTES a fragment. Beyond a
 * bound the oldest packet gives way: fragments of one packet come within milliseconds of each other, or not at all.
 */
export const FRAGMENT_LIMITS = {
  bytes: 1_048_576,
  bytesPerSource: 131_072,
  packets: 512,
  packetsPerSource: 32,
  ageMs: 2_000,
} as const
export type FragmentLimits = { readonly [K in keyof typeof FRAGMENT_LIMITS]: number }
