import { sha1 } from '@noble/hashes/legacy.js'
import { type IpAddress, parseIpv4, parseIpv6 } from '../bytes/address.ts'
import { concat } from '../bytes/bytes.ts'
import { equalSecret } from '../crypto/equal-secret.ts'
import type { Clock } from '../world/clock.ts'
import type { Random } from '../world/random.ts'

/** As often the secret changes; tokens of the one before are taken too, so a token is good for five to ten minutes (BEP 5). */
export const TOKEN_ROTATION_MS = 5 * 60_000
const SECRET_BYTES = 16
/** More than anybody guesses within its life. */
const TOKEN_BYTES = 8

/**
 * Tokens that only somebody who reads at an IP address has got: asked back before anything is stored for that address. Nothing is
 * kept for a token. Not bound to the port: those behind some NATs send from another one each time.
 */
export class Tokens {
  private readonly clock: Clock
  private readonly random: Random
  private current: Uint8Array
  private before: Uint8Array
  private changedMs: number

  constructor(clock: Clock, random: Random) {
    this.clock = clock
    this.random = random
    this.current = random.bytes(SECRET_BYTES)
    this.before = random.bytes(SECRET_BYTES)
    this.changedMs = clock.now()
  }

  /** 8 bytes. */
  issue(address: IpAddress): Uint8Array {
    this.rotate()
    return tokenOf(address, this.current)
  }

  accepts(address: IpAddress, token: Uint8Array): boolean {
    this.rotate()
    return (
      equalSecret(token, tokenOf(address, this.current)) || equalSecret(token, tokenOf(address, this.before))
    )
  }

  /** When asked, not by a timer: secrets of nodes that nobody asks need not change. */
  private rotate(): void {
    const age = this.clock.now() - this.changedMs
    if (age < TOKEN_ROTATION_MS) return
    this.before = age < 2 * TOKEN_ROTATION_MS ? this.current : this.random.bytes(SECRET_BYTES)
    this.current = this.random.bytes(SECRET_BYTES)
    this.changedMs = this.clock.now()
  }
}

function tokenOf(address: IpAddress, secret: Uint8Array): Uint8Array {
  const ip = address.kind === 'ipv4' ? parseIpv4(address.host) : parseIpv6(address.host)
  // Eight of twenty bytes are told, so nothing can be appended to what was hashed.
  return sha1(concat(secret, ip ?? new Uint8Array())).slice(0, TOKEN_BYTES)
}
