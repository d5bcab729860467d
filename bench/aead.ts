import { createCipheriv, createDecipheriv } from 'node:crypto'
import { sodiumAead } from '../relay-server/crypto/sodium-aead.ts'
import type { Aead } from '../shared/crypto/aead.ts'
import { nobleAead } from '../shared/crypto/noble-aead.ts'
import { loadWasmAead } from '../web/crypto/wasm-aead.ts'
import { median, type Section } from './report.ts'

const CELL_BYTES = 1_400
const ROUNDS = 7
const CELLS = 8_000

/** node:crypto, for comparison only: a cipher object per cell. */
const nodeAead: Aead = {
  name: 'node:crypto',
  seal(out, plaintext, nonce, key) {
    const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 })
    out.set(cipher.update(plaintext))
    cipher.final()
    out.set(cipher.getAuthTag(), plaintext.length)
  },
  open(out, sealed, nonce, key) {
    const decipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 })
    decipher.setAuthTag(sealed.subarray(-16))
    out.set(decipher.update(sealed.subarray(0, -16)))
    decipher.final()
    return true
  },
}

/** Microseconds to seal and open one cell in place. */
function measure(aead: Aead): number {
  const key = new Uint8Array(32).fill(7)
  const nonce = new Uint8Array(12)
  const cell = new Uint8Array(CELL_BYTES + 16)
  const plaintext = cell.subarray(0, CELL_BYTES)
  const cells = aead.name === 'noble' ? CELLS / 4 : CELLS
  const round = () => {
    const start = performance.now()
    for (let i = 0; i < cells; i++) {
      nonce[0] = i
      aead.seal(cell, plaintext, nonce, key)
      if (!aead.open(plaintext, cell, nonce, key)) throw new Error(`${aead.name} did not open its own cell`)
    }
    return ((performance.now() - start) * 1000) / cells
  }
  round()
  return median(Array.from({ length: ROUNDS }, round))
}

export async function benchAead(): Promise<Section> {
  const noble = measure(nobleAead)
  const others = [nodeAead, sodiumAead, await loadWasmAead()]
  return {
    title: `AEAD: seal and open one cell of ${CELL_BYTES} bytes`,
    figures: [
      { what: 'noble (reference)', value: noble, unit: 'us' },
      ...others.map((aead) => ({
        what: aead.name,
        value: measure(aead),
        unit: 'us',
        against: { name: 'noble', value: noble },
      })),
    ],
  }
}
