import { bytesOf, type Kept, kept } from '../engine/database.ts'
import { type RelayPreferences, readPreferences } from './preferences.ts'

/** What is kept of relays between one visit and the next, for each network apart. */

/** Verified descriptors and what is thought of their relays, as shared/client packs them. */
export function directoryStore(network: string): Kept<Uint8Array> | undefined {
  return kept({ database: 'culvert-directory', store: 'directory', key: network }, bytesOf)
}

export function preferencesStore(network: string): Kept<RelayPreferences> | undefined {
  return kept({ database: 'culvert-preferences', store: 'relays', key: network }, readPreferences)
}
