import { type IDBPDatabase, openDB } from 'idb'
import { CulvertError } from '../../shared/bytes/error.ts'

/** A database that another tab blocks, or a disk that hangs, does not keep the page from starting. */
const TIME_LIMIT_MS = 2_000

/** One value that is kept between one visit and the next. */
export interface Kept<T> {
  /** Undefined if nothing is kept, or nothing that can be read. */
  load(): Promise<T | undefined>
  save(value: T): Promise<void>
}

/**
 * Keeps one value in this origin's IndexedDB. Undefined where there is none (some browsers' private windows): nothing is kept
 * then. Load and save reject with `storage-late` or the database's own error.
 * @param database a database of its own, with one store of the name `store`
 * @param read what stands there may be anything: gives what it is, or undefined
 */
export function kept<T>(
  { database, store, key }: { readonly database: string; readonly store: string; readonly key: string },
  read: (value: unknown) => T | undefined,
): Kept<T> | undefined {
  if (globalThis.indexedDB === undefined) return undefined
  const within = <R>(work: (db: IDBPDatabase) => Promise<R>): Promise<R> =>
    inTime(
      openDB(database, 1, {
        upgrade: (created) => {
          created.createObjectStore(store)
        },
      }).then((db) => work(db).finally(() => db.close())),
    )
  return {
    load: () => within((db) => db.get(store, key)).then(read),
    save: (value) => within((db) => db.put(store, value, key)).then(() => undefined),
  }
}

/** Bytes, or as good as nothing. */
export function bytesOf(value: unknown): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined
}

function inTime<T>(work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new CulvertError('storage-late', 'the browser’s database does not answer'))
    const timer = setTimeout(late, TIME_LIMIT_MS)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
