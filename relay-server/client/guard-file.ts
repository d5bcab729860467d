import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { GUARDS } from '../../shared/path/constants.ts'
import type { GuardStore } from '../../shared/path/guards.ts'
import { writeWhole } from '../state-file.ts'

/**
 * Keeps the guards of one network in a file of the state folder, for as many weeks as pages keep theirs (C-04). One that is
 * larger than guards are is not read.
 */
export class GuardFile implements GuardStore {
  private readonly folder: string
  private readonly name: string
  private saving: Promise<void> = Promise.resolve()

  /** @param folder the state folder; made with the first guards */
  constructor(folder: string, network: string) {
    this.folder = folder
    this.name = `guards.${network}`
  }

  async load(): Promise<Uint8Array | undefined> {
    const file = await open(join(this.folder, this.name))
    try {
      const bytes = new Uint8Array(GUARDS.maxStoredBytes + 1)
      const { bytesRead } = await file.read(bytes)
      return bytesRead > GUARDS.maxStoredBytes ? undefined : bytes.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  }

  /** One after the other: the last one given is what stays. */
  save(bytes: Uint8Array): Promise<void> {
    const write = () => writeWhole(this.folder, this.name, bytes)
    this.saving = this.saving.then(write, write)
    return this.saving
  }

  /** When what was given is written. @throws what the file system says if it could not be */
  saved(): Promise<void> {
    return this.saving
  }
}
