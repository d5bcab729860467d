import { Buffer } from 'node:buffer'
import { sha1 } from '@noble/hashes/legacy.js'
import { CulvertError } from '../../shared/bytes/error.ts'
import { DiffieHellman } from './diffie-hellman.ts'

/** In place of Node's `crypto`: what the DHT (SHA-1) and message stream encryption (Diffie-Hellman) ask of it. */

export function createHash(algorithm: string): Hash {
  if (algorithm !== 'sha1') throw new CulvertError('crypto-unknown', `no hash ${algorithm} here`)
  return new Hash()
}

class Hash {
  private readonly state = sha1.create()

  update(data: Uint8Array): this {
    this.state.update(data)
    return this
  }

  digest(): Buffer {
    return Buffer.from(this.state.digest())
  }
}

export function createDiffieHellman(prime: string, encoding: string, generator: number): DiffieHellman {
  if (encoding !== 'hex') throw new CulvertError('crypto-unknown', 'the prime is wanted in hexadecimal')
  return new DiffieHellman(prime, generator)
}

/** WebTorrent takes the exception as "no native RC4" and uses its own. */
export function createCipheriv(algorithm: string): never {
  throw new CulvertError('crypto-unknown', `no cipher ${algorithm} here`)
}

export default { createHash, createDiffieHellman, createCipheriv }
