import { CulvertError } from '../bytes/error.ts'
import { AEAD_NONCE_BYTES, AEAD_TAG_BYTES, type Aead } from '../crypto/aead.ts'
import { COUNTER_BYTES, LAYER_BYTES, MAX_COUNTER } from './constants.ts'
import { ReplayWindow } from './replay-window.ts'

/**
 * One layer of a cell: counter 8, then the sealed content with its tag, 24 bytes more than the content. The nonce is salt 4
 * and counter 8; there is no associated data. Both classes work in place and keep one nonce buffer each: they run for every
 * layer of every cell.
 */

const SALT_BYTES = AEAD_NONCE_BYTES - COUNTER_BYTES
const HIGH = 0x1_0000_0000
/** High words from here on are counters of 2^53 and above. */
const HIGH_LIMIT = 0x20_0000

function nonceOf(salt: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(AEAD_NONCE_BYTES)
  nonce.set(salt)
  return nonce
}

/** Adds layers under one key. Counters rise by one. */
export class LayerSealer {
  private readonly aead: Aead
  private readonly key: Uint8Array
  private readonly nonce: Uint8Array
  private counter: number

  constructor(aead: Aead, key: Uint8Array, salt: Uint8Array, firstCounter: number) {
    this.aead = aead
    this.key = key
    this.nonce = nonceOf(salt)
    this.counter = firstCounter
  }

  /**
   * Seals the content at `[at + 8, end)`, and writes its counter at `at`. The buffer has 16 bytes of room behind `end`.
   * @returns the layer's end: `end` + 16
   */
  seal(buffer: Uint8Array, at: number, end: number): number {
    const counter = this.counter
    if (counter >= MAX_COUNTER) throw new CulvertError('layer-exhausted', 'no nonce is left under this key')
    this.counter = counter + 1
    const { nonce } = this
    const high = Math.floor(counter / HIGH)
    nonce[4] = high >>> 24
    nonce[5] = high >>> 16
    nonce[6] = high >>> 8
    nonce[7] = high
    nonce[8] = counter >>> 24
    nonce[9] = counter >>> 16
    nonce[10] = counter >>> 8
    nonce[11] = counter
    for (let i = 0; i < COUNTER_BYTES; i++) buffer[at + i] = nonce[SALT_BYTES + i] as number
    const content = at + COUNTER_BYTES
    const sealedEnd = end + AEAD_TAG_BYTES
    this.aead.seal(buffer.subarray(content, sealedEnd), buffer.subarray(content, end), nonce, this.key)
    return sealedEnd
  }
}

export type LayerResult = 'opened' | 'short' | 'replayed' | 'forged'

/** Takes layers off under one key, each counter once. */
export class LayerOpener {
  private readonly aead: Aead
  private readonly key: Uint8Array
  private readonly nonce: Uint8Array
  private readonly window = new ReplayWindow()

  constructor(aead: Aead, key: Uint8Array, salt: Uint8Array) {
    this.aead = aead
    this.key = key
    this.nonce = nonceOf(salt)
  }

  /** Opens the layer `[at, end)` in place: its content then stands at `[at + 8, end - 16)`. If it fails that is spoilt. */
  open(buffer: Uint8Array, at: number, end: number): LayerResult {
    if (end - at < LAYER_BYTES) return 'short'
    const { nonce } = this
    for (let i = 0; i < COUNTER_BYTES; i++) nonce[SALT_BYTES + i] = buffer[at + i] as number
    const high = word(nonce, SALT_BYTES)
    if (high >= HIGH_LIMIT) return 'replayed'
    const counter = high * HIGH + word(nonce, SALT_BYTES + 4)
    if (!this.window.isFresh(counter)) return 'replayed'
    const content = at + COUNTER_BYTES
    const out = buffer.subarray(content, end - AEAD_TAG_BYTES)
    if (!this.aead.open(out, buffer.subarray(content, end), nonce, this.key)) return 'forged'
    this.window.accept(counter)
    return 'opened'
  }
}

function word(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  )
}
