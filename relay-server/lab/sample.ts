import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import createTorrent from 'create-torrent'
import { CulvertError } from '../../shared/bytes/error.ts'

/** What the lab seeds. */
export interface LabSample {
  /** A folder with the film, its subtitles, and `sample.json` that tells about them. */
  readonly folder: string
  readonly title: string
  readonly description: string
  readonly bytes: number
  readonly seconds: number
}

/** Reads the sample's folder. Throws a CulvertError `sample-missing`. */
export async function readSample(folder: string): Promise<LabSample> {
  try {
    const about: unknown = JSON.parse(await readFile(join(folder, 'sample.json'), 'utf8'))
    const { title, description, seconds } = about as Partial<Record<string, unknown>>
    const sizes = await Promise.all((await contents(folder)).map(async (path) => (await stat(path)).size))
    return {
      folder,
      title: String(title),
      description: String(description),
      seconds: Math.round(Number(seconds)),
      bytes: sizes.reduce((sum, size) => sum + size, 0),
    }
  } catch (cause) {
    throw new CulvertError('sample-missing', `there is no sample in ${folder}`, { cause })
  }
}

async function contents(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => /\.(mp4|vtt|jpg)$/.test(name)).sort()
  return names.map((name) => join(folder, name))
}

/**
 * The torrent of a sample. The same files and name make the same info hash wherever and whenever this runs; the tracker is
 * not part of what is hashed.
 */
export async function makeTorrent(
  sample: LabSample,
  name: string,
  announceUrl: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const files = await contents(sample.folder)
  const torrent = await new Promise<Uint8Array>((resolve, reject) => {
    createTorrent(
      files,
      {
        name,
        announceList: [[announceUrl]],
        createdBy: 'culvert lab',
        creationDate: new Date(0),
        pieceLength: 64 * 1024,
      },
      (error, bytes) => (error ? reject(error) : resolve(bytes)),
    )
  })
  return Uint8Array.from(torrent)
}
