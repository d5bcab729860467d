import { readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { CodecError } from '../../shared/bytes/error.ts'
import { MAX_SNAPSHOT_BYTES } from '../../shared/trust/constants.ts'
import type { TrustJudge } from '../../shared/trust/trust-judge.ts'
import type { Clock, Timer } from '../../shared/world/clock.ts'
import type { Log } from '../log.ts'
import { writeWhole } from '../state-file.ts'

export interface TrustStoreOptions {
  /** The relay's state folder; made if it is not there. */
  readonly folder: string
  readonly book: Pick<TrustJudge, 'snapshot' | 'restore' | 'version'>
  readonly clock: Clock
  readonly log: Log
}

const NAME = 'trust.book'
/** What changed is written this often. */
const SAVE_MS = 60_000

/**
 * The trust book in a file that its owner alone may read. A file that cannot be read is set aside, never overwritten; one that
 * cannot be written is told of once, and the relay goes on without.
 */
export class TrustStore {
  private readonly options: TrustStoreOptions
  private savedVersion: number
  private timer: Timer | undefined
  private saving: Promise<void> = Promise.resolve()
  private failed = false

  /** Reads what is there into the book. Never throws: a relay without its memory is better than none. */
  static async open(options: TrustStoreOptions): Promise<TrustStore> {
    await load(options)
    return new TrustStore(options)
  }

  private constructor(options: TrustStoreOptions) {
    this.options = options
    this.savedVersion = options.book.version
    this.saveLater()
  }

  /** Writes the book if it has changed since it was last written. */
  save(): Promise<void> {
    this.saving = this.saving.then(() => this.write())
    return this.saving
  }

  /** Writes the book a last time. */
  async stop(): Promise<void> {
    this.timer?.cancel()
    this.timer = undefined
    await this.save()
  }

  private saveLater(): void {
    this.timer = this.options.clock.after(SAVE_MS, () => {
      this.saveLater()
      void this.save()
    })
  }

  private async write(): Promise<void> {
    const { book, folder, log } = this.options
    const { version } = book
    if (version === this.savedVersion) return
    try {
      await writeWhole(folder, NAME, book.snapshot())
      this.savedVersion = version
      this.failed = false
    } catch (error) {
      if (!this.failed)
        log.error(`the trust book cannot be written to ${join(folder, NAME)} (${reasonOf(error)})`)
      this.failed = true
    }
  }
}

async function load({ folder, book, log }: TrustStoreOptions): Promise<void> {
  const path = join(folder, NAME)
  try {
    book.restore(await readBounded(path))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    const aside = `${path}.damaged`
    const isDamaged = error instanceof CodecError
    if (isDamaged) await rename(path, aside).catch(() => {})
    const then = isDamaged ? `it was set aside as ${aside}` : 'what is found will take its place'
    log.error(
      `${path} is no trust book that can be read (${reasonOf(error)}); ${then}, and relays are checked anew`,
    )
  }
}

async function readBounded(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path)
  if (bytes.length <= MAX_SNAPSHOT_BYTES) return new Uint8Array(bytes)
  throw new CodecError('trust-snapshot', `${bytes.length} bytes are too many`)
}

function reasonOf(error: unknown): string {
  return error instanceof CodecError ? error.message : String((error as NodeJS.ErrnoException).code ?? error)
}
