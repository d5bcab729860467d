import type { Aead } from '../shared/crypto/aead.ts'
import { nobleAead } from '../shared/crypto/noble-aead.ts'
import type { Log } from './log.ts'

/** The fastest AEAD that this machine has: libsodium as native code, or the reference in its place. */
export async function loadAead(log: Log): Promise<Aead> {
  try {
    return (await import('./crypto/sodium-aead.ts')).sodiumAead
  } catch {
    log.info('the native libsodium cannot be loaded here; cells take some ten times the processor time')
    return nobleAead
  }
}
