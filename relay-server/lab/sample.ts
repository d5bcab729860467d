import { readdir, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import createTorrent from 'create-torrent'
import { CulvertError } from '../../shared/bytes/error.ts'
import { LAB_SAMPLE } from './constants.ts'

/** What the lab seeds, and tells pages about it. */
export interface LabSample {
  readonly title: string
  readonly description: string
  readonly seconds: number
  readonly bytes: number
  /** Paths of the film and its subtitles, the film first. */
  readonly files: readonly string[]
}

/** Finds the film and its subtitles in a folder. Throws a CulvertError `sample-missing`. */
export async function readSample(folder: string): Promise<LabSample> {
  const names = await readdir(folder).catch(() => [])
  const ofKind = (extension: string) => names.filter((name) => name.endsWith(extension)).sort()
  const films = ofKind('.mp4')
  if (films.length === 0) {
    throw new CulvertError('sample-missing', `there is no film (.mp4) in ${folder}`)
  }
  const files = [...films, ...ofKind('.vtt')].map((name) => resolve(folder, name))
  const sizes = await Promise.all(files.map(async (path) => (await stat(path)).size))
  return { ...LAB_SAMPLE, files, bytes: sizes.reduce((sum, size) => sum + size, 0) }
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
  const torrent = await new Promise<Uint8Array>((resolve, reject) => {
    createTorrent(
      sample.files,
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
