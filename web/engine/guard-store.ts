import type { GuardStore } from '../../shared/path/guards.ts'
import { bytesOf, kept } from './database.ts'

/**
 * Keeps the guards of one network. Where there is no database nothing is kept: guards are sampled anew each time.
 */
export function guardStore(network: string): GuardStore | undefined {
  return kept({ database: 'culvert-guards', store: 'guards', key: network }, bytesOf)
}
