/** AES's own. */
const BLOCK_BYTES = 16
/** Bits of the counter that count blocks. */
const COUNTER_BITS = 64

/**
 * Encrypts what is written to disk, so that nobody can read what a tab leaves there that is closed or killed. The key is of one
 * file, and nowhere but in memory. It works by place, so that each part can be read by itself, and the same place is never given other
 * bytes, for a piece is stored once its hash is right.
 */
export class StoreCipher {
  private readonly key: CryptoKey

  private constructor(key: CryptoKey) {
    this.key = key
  }

  static async fresh(): Promise<StoreCipher> {
    const key = await crypto.subtle.generateKey({ name: 'AES-CTR', length: 256 }, false, ['encrypt'])
    return new StoreCipher(key)
  }

  /**
   * Encrypts, and decrypts what it has encrypted.
   * @param at where in the file the bytes lie
   */
  async crypt(at: number, data: Uint8Array): Promise<Uint8Array> {
    const lead = at % BLOCK_BYTES
    const counter = new Uint8Array(BLOCK_BYTES)
    new DataView(counter.buffer).setBigUint64(8, BigInt((at - lead) / BLOCK_BYTES))
    const input = new Uint8Array(lead + data.length)
    input.set(data, lead)
    const algorithm = { name: 'AES-CTR', counter, length: COUNTER_BITS }
    return new Uint8Array(await crypto.subtle.encrypt(algorithm, this.key, input)).subarray(lead)
  }
}
