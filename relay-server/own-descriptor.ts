import { utf8ToBytes } from '@noble/hashes/utils.js'
import { formatAddress, type IpAddress } from '../shared/bytes/address.ts'
import { signDescriptor } from '../shared/directory/descriptor.ts'
import type { KeyPair } from '../shared/identity/keys.ts'
import type { Clock } from '../shared/world/clock.ts'

/** For how long others may use what is signed now, and how often it is signed anew. */
const LIFETIME_S = 3 * 3600
const RENEW_MS = 3600_000

export interface OwnDescriptorOptions {
  readonly keyPair: KeyPair
  readonly clock: Clock
  readonly network: string
  readonly nickname: string
  readonly family: string
  readonly flags: number
  readonly websocket: () => string | undefined
  /** Where others reach us by UDP, at most one address for each IP version; undefined until known, none if nobody can. */
  readonly udp: () => readonly IpAddress[] | undefined
}

/** What this relay says of itself, signed when first asked for, when it changes, and from time to time. */
export class OwnDescriptor {
  private readonly options: OwnDescriptorOptions
  private signed: { bytes: Uint8Array; places: string; atMs: number } | undefined

  constructor(options: OwnDescriptorOptions) {
    this.options = options
  }

  /** Undefined until the relay knows how it is reached, or if nobody can reach it. */
  bytes(): Uint8Array | undefined {
    const { clock, keyPair, network, nickname, family, flags } = this.options
    const addresses = this.options.udp()
    const websocket = this.options.websocket()
    if (addresses === undefined || (addresses.length === 0 && websocket === undefined)) return undefined
    const places = addresses.map(formatAddress).join(' ')
    const old = this.signed
    if (old && clock.now() - old.atMs < RENEW_MS && old.places === places) return old.bytes
    // Readers that know one UDP address take the first: more of them speak IPv4.
    const [udp, udp6] = [...addresses].sort((a, b) => (a.kind < b.kind ? -1 : 1))
    const fields = {
      nickname,
      flags,
      family: utf8ToBytes(family),
      udp,
      ...(udp6 ? { udp6 } : {}),
      websocket,
      bandwidth: 0,
      published: Math.floor(clock.wall() / 1000),
      lifetime: LIFETIME_S,
    }
    const bytes = signDescriptor(fields, keyPair, network)
    this.signed = { bytes, places, atMs: clock.now() }
    return bytes
  }
}
