import { sha1 } from '@noble/hashes/legacy.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { concat, equalBytes } from '../bytes/bytes.ts'
import { type Codec, decode, fixed, struct } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { curves } from '../crypto/curves.ts'
import type { Random } from '../world/random.ts'

/** Bytes of a public and of a secret key in their IPv8 form: a tag of 10, and two halves of 32. */
export const KEY_BYTES = 74
/** Bytes of an Ed25519 signature. */
export const SIGNATURE_BYTES = 64

/** What a public key begins with, 10 bytes. Some messages leave it out. */
export const PUBLIC_TAG = utf8ToBytes('LibNaCLPK:')
const SECRET_TAG = utf8ToBytes('LibNaCLSK:')

const keyForm = struct({ tag: fixed(10), x25519: fixed(32), ed25519: fixed(32) })

/** Splits a key in its IPv8 form. The halves are views of `bytes`. */
function splitKey(
  bytes: Uint8Array,
  tag: Uint8Array,
  what: string,
): { x25519: Uint8Array; ed25519: Uint8Array } {
  if (bytes.length !== KEY_BYTES) {
    throw new CodecError('key-length', `a ${what} key of ${bytes.length} bytes, ${KEY_BYTES} belong`)
  }
  const parts = decode(keyForm, bytes)
  if (!equalBytes(parts.tag, tag)) throw new CodecError('key-tag', `not a dual ${what} key`)
  return parts
}

/**
 * An IPv8 public key: `LibNaCLPK:`, X25519 public key 32, Ed25519 public key 32, 74 bytes in all. Two keys are the same
 * neighbour exactly if their bytes are equal.
 */
export class PublicKey {
  /** The IPv8 form, 74 bytes. */
  readonly bytes: Uint8Array
  /** 32 bytes; a view of `bytes`. */
  readonly x25519: Uint8Array
  /** 32 bytes; a view of `bytes`. */
  readonly ed25519: Uint8Array
  private hash: Uint8Array | undefined

  private constructor(bytes: Uint8Array) {
    const parts = splitKey(bytes, PUBLIC_TAG, 'public')
    this.bytes = bytes
    this.x25519 = parts.x25519
    this.ed25519 = parts.ed25519
  }

  /**
   * Copies `bytes`. py-ipv8 takes a key that is a byte short or long as well, which gives one key several mids; here
   * anything but exactly 74 bytes with the tag is a CodecError (`key-length`, `key-tag`).
   */
  static parse(bytes: Uint8Array): PublicKey {
    return new PublicKey(Uint8Array.from(bytes))
  }

  /** SHA-1 of `bytes`, 20 bytes: the relay id, the message address, the point in Kademlia's space. */
  get mid(): Uint8Array {
    this.hash ??= sha1(this.bytes)
    return this.hash
  }

  /** Whether `signature` is this key's over `message` (Ed25519, RFC 8032 §5.1.7, canonical encodings only). Never throws. */
  verify(signature: Uint8Array, message: Uint8Array): boolean {
    return signature.length === SIGNATURE_BYTES && curves().verify(signature, message, this.ed25519)
  }

  equals(other: PublicKey): boolean {
    return equalBytes(this.bytes, other.bytes)
  }
}

/** A public key on the wire without a length before it: exactly 74 bytes. */
export const publicKeyCodec: Codec<PublicKey> = {
  write: (writer, key) => {
    writer.raw(key.bytes)
  },
  read: (reader) => PublicKey.parse(reader.view(KEY_BYTES)),
}

/** An IPv8 key pair: `LibNaCLSK:`, X25519 secret 32 (as given, not clamped), Ed25519 seed 32. */
export class KeyPair {
  readonly publicKey: PublicKey
  /** The IPv8 form, 74 bytes. Secret. */
  readonly secretBytes: Uint8Array
  /** 32 bytes; a view of `secretBytes`. Secret. */
  readonly x25519Secret: Uint8Array
  private readonly seed: Uint8Array

  private constructor(secretBytes: Uint8Array) {
    const parts = splitKey(secretBytes, SECRET_TAG, 'secret')
    this.secretBytes = secretBytes
    this.x25519Secret = parts.x25519
    this.seed = parts.ed25519
    this.publicKey = PublicKey.parse(
      concat(PUBLIC_TAG, curves().x25519Public(parts.x25519), curves().ed25519Public(parts.ed25519)),
    )
  }

  static generate(random: Random): KeyPair {
    return new KeyPair(concat(SECRET_TAG, random.bytes(32), random.bytes(32)))
  }

  /** Copies `secretBytes`. Throws a CodecError (`key-length`, `key-tag`) on anything but the 74-byte form. */
  static parse(secretBytes: Uint8Array): KeyPair {
    return new KeyPair(Uint8Array.from(secretBytes))
  }

  /** The Ed25519 signature over `message`, 64 bytes. */
  sign(message: Uint8Array): Uint8Array {
    return curves().sign(message, this.seed, this.publicKey.ed25519)
  }
}
