import { mkdir, open, rename } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Writes a file whole to another one that then takes its place: whenever the relay dies there is the old one or the new one.
 * The file is for its owner alone, and so is `folder`, which is made if it is not there.
 */
export async function writeWhole(folder: string, name: string, content: string | Uint8Array): Promise<void> {
  const path = join(folder, name)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const file = await open(`${path}.new`, 'w', 0o600)
  try {
    await file.writeFile(content)
    // The new name must not come to disk before what it names.
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
}
