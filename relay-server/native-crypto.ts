import type { Aead } from '../shared/crypto/aead.ts'
import { useCurves } from '../shared/crypto/curves.ts'
import { nobleAead } from '../shared/crypto/noble-aead.ts'
import type { Log } from './log.ts'

/**
 * Has this process compute with the fastest that its machine has: libsodium as native code, or the reference in its place.
 * @returns the AEAD for cells
 */
export async function loadNativeCrypto(log: Log): Promise<Aead> {
  try {
    useCurves((await import('./crypto/sodium-curves.ts')).sodiumCurves)
    return (await import('./crypto/sodium-aead.ts')).sodiumAead
  } catch {
    log.info('the native libsodium cannot be loaded here; cells take some ten times the processor time')
    return nobleAead
  }
}
