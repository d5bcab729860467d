import { CulvertError } from '../../../shared/bytes/error.ts'

/** The page makes no torrents. */
export default function createTorrent(): never {
  throw new CulvertError('bundling-left-out', 'making torrents is left out of the page')
}

export const parseInput = createTorrent
