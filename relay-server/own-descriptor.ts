import { utf8ToBytes } from '@noble/hashes/utils.js'
import { type IpAddress, sameAddress } from '../shared/bytes/address.ts'
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
  /** Where others reach us by UDP; undefined until known. */
  readonly udp: () => IpAddress | undefined
}

/** What this relay says of itself, signed when first asked for, when it changes, and from time to time. */
export class OwnDescriptor {
  private readonly options: OwnDescriptorOptions
  private signed: { bytes: Uint8Array; udp: IpAddress; atMs: number } | undefined

  constructor(options: OwnDescriptorOptions) {
    this.options = options
  }

  /** Undefined until the relay knows how it is reached. */
  bytes(): Uint8Array | undefined {
    const { clock, keyPair, network, nickname, family, flags } = this.options
    const udp = this.options.udp()
    if (udp === undefined) return undefined
    const old = this.signed
    if (old && clock.now() - old.atMs < RENEW_MS && sameAddress(old.udp, udp)) return old.bytes
    const fields = {
      nickname,
      flags,
      family: utf8ToBytes(family),
      udp,
      websocket: this.options.websocket(),
      bandwidth: 0,
      published: Math.floor(clock.wall() / 1000),
      lifetime: LIFETIME_S,
    }
    const bytes = signDescriptor(fields, keyPair, network)
    this.signed = { bytes, udp, atMs: clock.now() }
    return bytes
  }
}
