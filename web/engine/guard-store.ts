import { openDB } from 'idb'
import { CulvertError } from '../../shared/bytes/error.ts'
import type { GuardStore } from '../../shared/path/guards.ts'

const DATABASE = 'culvert-guards'
const STORE = 'guards'
/** A database that another tab blocks, or a disk that hangs, does not keep the page from starting. */
const TIME_LIMIT_MS = 2_000

/**
 * Keeps the guards of one network in this origin's IndexedDB. Where there is none (some browsers' private windows) nothing is
 * kept: guards are sampled anew each time.
 */
export function guardStore(network: string): GuardStore | undefined {
  if (globalThis.indexedDB === undefined) return undefined
  const database = () =>
    openDB(DATABASE, 1, {
      upgrade: (created) => {
        created.createObjectStore(STORE)
      },
    })
  return {
    load: () =>
      inTime(database().then((db) => db.get(STORE, network).finally(() => db.close()))).then(bytesOf),
    save: (bytes) =>
      inTime(
        database().then(async (db) => {
          await db.put(STORE, bytes, network).finally(() => db.close())
        }),
      ),
  }
}

/** Whatever stands in the database: bytes, or as good as nothing. */
function bytesOf(value: unknown): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined
}

function inTime<T>(work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new CulvertError('storage-late', 'the browser’s database does not answer'))
    const timer = setTimeout(late, TIME_LIMIT_MS)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
