import libsodium from 'libsodium'
import { describe, expect, it } from 'vitest'
import { aeadSuite } from '../../shared/crypto/aead.suite.fixture.ts'
import { nobleAead } from '../../shared/crypto/noble-aead.ts'
import { loadWasmAead } from './wasm-aead.ts'

aeadSuite('WebAssembly AEAD (C-02)', () => loadWasmAead())

describe('loading the WebAssembly AEAD (C-02)', () => {
  it('is the WebAssembly one where that works', async () => {
    expect((await loadWasmAead()).name).toBe('libsodium-wasm')
  })

  it('falls back to the reference where WebAssembly fails', async () => {
    expect(await loadWasmAead(() => Promise.reject(new WebAssembly.CompileError('forbidden')))).toBe(
      nobleAead,
    )
  })

  it('falls back to the reference where the module does not do what it should', async () => {
    const broken = await libsodium()
    const lazy = async () => ({ ...broken, _crypto_aead_chacha20poly1305_ietf_encrypt: () => 0 })
    expect(await loadWasmAead(lazy)).toBe(nobleAead)
  })

  it('seals and opens what is longer than its buffer', async () => {
    const aead = await loadWasmAead()
    const plain = new Uint8Array(40_000).fill(7)
    const sealed = new Uint8Array(40_016)
    const [nonce, key] = [new Uint8Array(12), new Uint8Array(32)]
    aead.seal(sealed, plain, nonce, key)
    const out = new Uint8Array(40_000)
    expect(aead.open(out, sealed, nonce, key)).toBe(true)
    expect(out).toEqual(plain)
  })
})
