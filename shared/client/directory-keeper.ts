import { CodecError } from '../bytes/error.ts'
import type { Directory } from '../directory/directory.ts'
import type { TrustBook } from '../trust/trust-book.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { KEEP_DIRECTORY_MS, SIGHTINGS } from './constants.ts'
import { type DirectoryStore, readKept, writeKept } from './kept-directory.ts'
import type { Sightings } from './sightings.ts'

export interface DirectoryKeeperOptions {
  readonly clock: Clock
  readonly counters: Counters
  readonly store: DirectoryStore
  readonly directory: Directory
  readonly book: TrustBook
  readonly sightings: Sightings
}

/**
 * Keeps verified descriptors, what was confirmed of relays and the trust book, so that the next run need not begin with the word
 * of a single entry relay. Written a minute after something changed, and at the end.
 */
export class DirectoryKeeper {
  private readonly options: DirectoryKeeperOptions
  private timer: Timer | undefined
  private dueMs = 0
  private loaded = false

  constructor(options: DirectoryKeeperOptions) {
    this.options = options
  }

  /** Takes up what was kept. Never rejects: what is damaged counts as nothing. */
  async load(): Promise<void> {
    const { store, directory, book, sightings, counters, clock } = this.options
    try {
      const bytes = await store.load()
      if (bytes !== undefined) {
        const { descriptors, confirmed, trust } = readKept(bytes)
        const wallMs = clock.wall()
        for (const { mid, wallMs: atMs } of confirmed) {
          if (wallMs - atMs < SIGHTINGS.rememberedMs) sightings.remember(mid, Math.min(atMs, wallMs))
        }
        for (const descriptor of descriptors) directory.add(descriptor)
        book.restore(trust)
      }
    } catch (error) {
      // A store that fails, or what is no longer understood; the network tells all of it again.
      counters.add(error instanceof CodecError ? `client-kept-${error.code}` : 'client-kept-unreadable')
    }
    this.loaded = true
  }

  /** Something has changed. @param withinMs when it is to be written at the latest */
  changed(withinMs: number = KEEP_DIRECTORY_MS): void {
    const atMs = this.options.clock.now() + withinMs
    if (this.timer && this.dueMs <= atMs) return
    this.timer?.cancel()
    this.dueMs = atMs
    this.timer = this.options.clock.after(withinMs, () => this.save())
  }

  /** Writes what there is now, as the last thing. */
  stop(): void {
    if (this.timer === undefined) return
    this.timer.cancel()
    this.save()
  }

  private save(): void {
    this.timer = undefined
    // Before all was read there is nothing to write it over with.
    if (!this.loaded) return
    const { store, directory, book, sightings, counters } = this.options
    const bytes = writeKept({
      descriptors: directory.list().map(({ descriptor }) => descriptor.bytes),
      confirmed: sightings.remembered(),
      trust: book.snapshot(),
    })
    store.save(bytes).catch(() => counters.add('client-kept-unwritable'))
  }
}
