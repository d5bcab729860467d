import { utf8ToBytes } from '@noble/hashes/utils.js'
import { formatAddress, type IpAddress } from '../shared/bytes/address.ts'
import { MAX_CLOCK_SKEW_S } from '../shared/directory/constants.ts'
import { signDescriptor } from '../shared/directory/descriptor.ts'
import type { RelayAddresses } from '../shared/directory/descriptor-addresses.ts'
import { type ExitSummary, portRanges } from '../shared/directory/exit-summary.ts'
import type { KeyPair } from '../shared/identity/keys.ts'
import { MAIL_PORTS } from '../shared/onion/exit-policy.ts'
import type { Clock } from '../shared/world/clock.ts'
import type { RelayConfig } from './config.ts'

/** For how long others may use what is signed now, and how often it is signed anew. */
const LIFETIME_S = 3 * 3600
const RENEW_S = 3600
/** How long a relay that has other addresses waits to be told by neighbours where its UDP port is seen. */
const UDP_AWAITED_MS = 10_000
/** It is signed anew sooner if the relay has shown that it carries twice as much, but not sooner than this. */
const RENEW_FASTER_S = 600

export interface OwnDescriptorOptions {
  readonly keyPair: KeyPair
  readonly clock: Clock
  readonly network: string
  readonly nickname: string
  readonly family: string
  readonly flags: number
  readonly websocket: () => string | undefined
  /** Where others reach us by other links. */
  readonly links?: () => OwnLinks
  /** Where others reach us by UDP, at most one address for each IP version; undefined until known, none if nobody can. */
  readonly udp: () => readonly IpAddress[] | undefined
  /** Where the operator may be written to; empty for nowhere. */
  readonly contact?: string
  /** What this relay lets out; undefined if it is no exit. */
  readonly exit?: () => ExitSummary | undefined
  /** Where an address is, as far as it is known. */
  readonly geo?: (address: IpAddress) => Located | undefined
  /** Bytes per second that it has carried; 0 for unknown. */
  readonly bandwidth?: () => number
}

/** Addresses of links as a descriptor has them. */
export type OwnLinks = Pick<RelayAddresses, 'tcp' | 'onion' | 'webrtc'>

interface Located {
  readonly country?: string
  readonly as?: number
}

/** What this relay says of itself, signed when first asked for, when it changes, and from time to time. */
export class OwnDescriptor {
  private readonly options: OwnDescriptorOptions
  private readonly startedMs: number
  private signed:
    | {
        readonly bytes: Uint8Array
        readonly places: string
        readonly published: number
        readonly bandwidth: number
      }
    | undefined

  constructor(options: OwnDescriptorOptions) {
    this.options = options
    this.startedMs = options.clock.now()
  }

  /** Undefined until the relay knows how it is reached, or if nobody can reach it. */
  bytes(): Uint8Array | undefined {
    const { clock, keyPair, network, nickname, family, flags, contact } = this.options
    const addresses = this.udpAddresses()
    const others = { websocket: this.options.websocket(), ...this.options.links?.() }
    const texts = Object.entries(others).flatMap(([kind, url]) => (url === undefined ? [] : `${kind} ${url}`))
    if (addresses === undefined || addresses.length + texts.length === 0) return undefined
    const places = [...addresses.map(formatAddress), ...texts].join(' ')
    const bandwidth = this.options.bandwidth?.() ?? 0
    const nowS = Math.floor(clock.wall() / 1000)
    // What a clock signed that was ahead is taken by nobody.
    const old = this.signed && this.signed.published - nowS <= MAX_CLOCK_SKEW_S ? this.signed : undefined
    // By the wall: a machine that was asleep has grown older for others.
    const renewS = old && bandwidth > 2 * old.bandwidth ? RENEW_FASTER_S : RENEW_S
    if (old && old.places === places && nowS - old.published < renewS) return old.bytes
    // Readers that know one UDP address take the first: more of them speak IPv4.
    const [udp, udp6] = [...addresses].sort((a, b) => (a.kind < b.kind ? -1 : 1))
    const fields = {
      nickname,
      flags,
      family: utf8ToBytes(family),
      udp,
      ...(udp6 ? { udp6 } : {}),
      ...others,
      bandwidth,
      ...(contact ? { contact } : {}),
      ...(udp && this.options.geo?.(udp)),
      exit: this.options.exit?.(),
      // Others take what is newer, to the second.
      published: Math.max(nowS, (old?.published ?? 0) + 1),
      lifetime: LIFETIME_S,
    }
    const bytes = signDescriptor(fields, keyPair, network)
    this.signed = { bytes, places, bandwidth, published: fields.published }
    return bytes
  }

  /** It may never be known where UDP is blocked. */
  private udpAddresses(): readonly IpAddress[] | undefined {
    const isLate = this.options.clock.now() - this.startedMs >= UDP_AWAITED_MS
    return this.options.udp() ?? (isLate ? [] : undefined)
  }
}

/** What an exit of this configuration lets out, by the addresses that others see the relay at. */
export function exitSummaryOf(
  exit: Pick<RelayConfig['exit'], 'enabled' | 'tcp' | 'bittorrent' | 'ipv8'>,
  addresses: readonly IpAddress[],
): ExitSummary | undefined {
  if (!exit.enabled) return undefined
  const kinds = addresses.map(({ kind }) => kind)
  return {
    tcp: exit.tcp,
    udp: exit.bittorrent,
    ipv8: exit.ipv8,
    ipv4: kinds.length === 0 || kinds.includes('ipv4'),
    ipv6: kinds.includes('ipv6'),
    refusedTcpPorts: exit.tcp ? portRanges(MAIL_PORTS) : [],
  }
}
