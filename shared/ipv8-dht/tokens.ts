import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { formatAddress } from '../bytes/address.ts'
import { concat } from '../bytes/bytes.ts'
import { equalSecret } from '../crypto/equal-secret.ts'
import type { Clock } from '../world/clock.ts'
import type { Random } from '../world/random.ts'
import { TOKEN_BYTES } from './constants.ts'
import type { NodeContact } from './messages.ts'

const SECRET_BYTES = 32

/**
 * Tokens that only a node that reads at its address has got: told in a found, and asked back before anything is stored for it. Bound
 * to address and key; nothing is kept for one.
 */
export class Tokens {
  private readonly clock: Clock
  private readonly random: Random
  private readonly rotationMs: number
  private secrets: readonly [Uint8Array, Uint8Array]
  private changedMs: number

  constructor(clock: Clock, random: Random, rotationMs: number) {
    this.clock = clock
    this.random = random
    this.rotationMs = rotationMs
    this.secrets = [random.bytes(SECRET_BYTES), random.bytes(SECRET_BYTES)]
    this.changedMs = clock.now()
  }

  /** 20 bytes. */
  issue(node: NodeContact): Uint8Array {
    this.rotate()
    return tokenOf(node, this.secrets[0])
  }

  accepts(node: NodeContact, token: Uint8Array): boolean {
    this.rotate()
    return this.secrets.some((secret) => equalSecret(token, tokenOf(node, secret)))
  }

  /** When asked, not by a timer: secrets of nodes that nobody asks need not change. */
  private rotate(): void {
    const ageMs = this.clock.now() - this.changedMs
    if (ageMs < this.rotationMs) return
    const before = ageMs < 2 * this.rotationMs ? this.secrets[0] : this.random.bytes(SECRET_BYTES)
    this.secrets = [this.random.bytes(SECRET_BYTES), before]
    this.changedMs = this.clock.now()
  }
}

function tokenOf({ address, publicKey }: NodeContact, secret: Uint8Array): Uint8Array {
  const subject = concat(publicKey.bytes, utf8ToBytes(formatAddress(address)))
  return hmac(sha256, secret, subject).slice(0, TOKEN_BYTES)
}
