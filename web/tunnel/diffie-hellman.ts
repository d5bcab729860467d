import { Buffer } from 'node:buffer'
import { fromHex, toHex } from '../../shared/bytes/bytes.ts'

/** 160 bits, as the specification of message stream encryption recommends for the private exponent. */
const EXPONENT_BYTES = 20

/**
 * Diffie-Hellman over a prime field, for the obfuscation of peer connections (MSE). It hides traffic from lazy filters, it
 * keeps no secret, so time that depends on the exponent is no matter here.
 */
export class DiffieHellman {
  private readonly prime: bigint
  private readonly size: number
  private readonly generator: bigint
  private exponent = 0n

  /** @param prime in hexadecimal, an even number of digits */
  constructor(prime: string, generator: number) {
    this.prime = BigInt(`0x${prime}`)
    this.size = prime.length / 2
    this.generator = BigInt(generator)
  }

  /** Makes a key pair; the public half, as many bytes as the prime has. */
  generateKeys(): Buffer {
    this.exponent = toBigInt(crypto.getRandomValues(new Uint8Array(EXPONENT_BYTES))) | 1n
    return this.toBytes(power(this.generator, this.exponent, this.prime))
  }

  /**
   * @param theirs the far side's public half. For one that forces the secret (0, 1, p - 1, or not below p) the answer is
   * random, so that the handshake fails in order: WebTorrent's parser would not catch an error
   */
  computeSecret(theirs: Uint8Array): Buffer {
    const key = toBigInt(theirs)
    if (key <= 1n || key >= this.prime - 1n) {
      return Buffer.from(crypto.getRandomValues(new Uint8Array(this.size)))
    }
    return this.toBytes(power(key, this.exponent, this.prime))
  }

  private toBytes(value: bigint): Buffer {
    return Buffer.from(fromHex(value.toString(16).padStart(this.size * 2, '0')))
  }
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes)}`)
}

/** base^exponent mod modulus, square and multiply. */
export function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n
  let square = base % modulus
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus
    square = (square * square) % modulus
  }
  return result
}
