/** How the pieces of a torrent are laid out as cells in a box. Pure, so that 20 and 20,000 pieces can be tested alike. */
export interface PieceGrid {
  readonly columns: number
  readonly rows: number
  /** Side of a cell's square and the gap after it, in CSS pixels. */
  readonly cell: number
  readonly gap: number
  readonly cells: readonly PieceCell[]
}

export interface PieceCell {
  /** Share of the cell's pieces that are here, 0 to 1. */
  readonly here: number
  /** True when one of the cell's pieces is being fetched. */
  readonly fetching: boolean
}

const largest = 18
const smallest = 5

/** The largest cells with which all pieces fit; where they would be too small, several pieces share one. */
export function layPieces(pieces: Uint8Array, width: number, height: number): PieceGrid {
  const room = (pitch: number) => Math.floor(width / pitch) * Math.floor(height / pitch)
  let pitch = largest
  while (pitch > smallest && room(pitch) < pieces.length) pitch -= 1
  const gap = pitch >= 9 ? 2 : 1
  const columns = Math.max(1, Math.floor(width / pitch))
  const count = Math.min(pieces.length, Math.max(1, room(pitch)))
  return {
    columns,
    rows: Math.ceil(count / columns),
    cell: pitch - gap,
    gap,
    cells: Array.from({ length: count }, (_, index) => cellOf(pieces, index, count)),
  }
}

function cellOf(pieces: Uint8Array, index: number, count: number): PieceCell {
  const from = Math.floor((index * pieces.length) / count)
  const to = Math.max(from + 1, Math.floor(((index + 1) * pieces.length) / count))
  const part = pieces.subarray(from, to)
  let here = 0
  let fetching = false
  for (const state of part) {
    if (state === 2) here += 1
    else if (state === 1) fetching = true
  }
  return { here: here / part.length, fetching }
}

export function countPieces(pieces: Uint8Array): { readonly here: number; readonly fetching: number } {
  let here = 0
  let fetching = 0
  for (const state of pieces) {
    if (state === 2) here += 1
    else if (state === 1) fetching += 1
  }
  return { here, fetching }
}
