import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { BandwidthSnapshot } from '../../shared/link/bandwidth.ts'
import type { Log } from '../log.ts'
import { writeWhole } from '../state-file.ts'

const NAME = 'month.json'
/** More than the file can have. */
const MAX_BYTES = 4_096

const count = z.int().min(0)
const month = z.strictObject({ monthStartMs: count, bytesIn: count, bytesOut: count })
const form = month.extend({ before: month.exactOptional() })

/** What the links have carried this month, and in the one counted before, in the relay's state folder. */
export class MonthFile {
  private readonly folder: string
  private readonly log: Log
  private saving: Promise<void> = Promise.resolve()
  private saved = ''
  private failed = false

  constructor(folder: string, log: Log) {
    this.folder = folder
    this.log = log
  }

  /** Undefined if there is none yet, or none that can be read: which is told of, and begins anew. */
  async load(): Promise<BandwidthSnapshot | undefined> {
    const path = join(this.folder, NAME)
    try {
      const text = await readFile(path, 'utf8')
      if (text.length > MAX_BYTES) throw new SyntaxError('too long')
      return form.parse(JSON.parse(text))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.log.error(`${path} cannot be read: what links have carried this month is counted anew`)
      }
      return undefined
    }
  }

  /** Never throws; what cannot be written is told of once. */
  save(snapshot: BandwidthSnapshot): Promise<void> {
    this.saving = this.saving.then(() => this.write(JSON.stringify(snapshot)))
    return this.saving
  }

  private async write(text: string): Promise<void> {
    if (text === this.saved) return
    try {
      await writeWhole(this.folder, NAME, text)
      this.saved = text
      this.failed = false
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      const path = join(this.folder, NAME)
      if (!this.failed) this.log.error(`what links carry cannot be written to ${path} (${code})`)
      this.failed = true
    }
  }
}
