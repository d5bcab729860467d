import libsodium from 'libsodium'
import { describe, expect, it } from 'vitest'
import { curvesSuite } from '../../shared/crypto/curves.suite.fixture.ts'
import { nobleCurves } from '../../shared/crypto/curves.ts'
import { loadWasmCurves } from './wasm-curves.ts'

curvesSuite('WebAssembly curves (C-01)', await loadWasmCurves())

describe('loading the WebAssembly curves (C-01)', () => {
  it('is the WebAssembly ones where that works', async () => {
    expect((await loadWasmCurves()).name).toBe('libsodium-wasm')
  })

  it('falls back to the reference where WebAssembly fails or does not do what it should', async () => {
    const forbidden = () => Promise.reject(new WebAssembly.CompileError('forbidden'))
    expect(await loadWasmCurves(forbidden)).toBe(nobleCurves)
    const broken = { ...(await libsodium()), _crypto_sign_verify_detached: () => 0 }
    expect(await loadWasmCurves(async () => broken)).toBe(nobleCurves)
  })

  it('signs and checks what is longer than its buffer', async () => {
    const curves = await loadWasmCurves()
    const seed = new Uint8Array(32).fill(9)
    const publicKey = curves.ed25519Public(seed)
    const message = new Uint8Array(5_000).fill(1)
    expect(curves.verify(curves.sign(message, seed, publicKey), message, publicKey)).toBe(true)
  })
})
