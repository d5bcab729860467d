/*
 * What somebody learns who sees of each link only when how many bytes went which way: the wire is encrypted (L-09). Two attacks,
 * each the plain one of its kind; a better one exists, so that what these fail at is no proof, and what they can is.
 */

/** A message or datagram that the watcher saw. */
export interface Seen {
  readonly atMs: number
  readonly bytes: number
  /** `in`: towards the relay that is watched. */
  readonly direction: 'in' | 'out'
}

/** A message of which it is known, to whoever counts the right answers, at which position of its circuit the link is. */
export interface Labelled {
  readonly bytes: number
  /** 1: between owner and first hop; 2, 3. */
  readonly position: number
}

/**
 * How well sizes tell the position of a cell: the watcher knows how often each size comes at each position, from circuits of
 * his own (`known`), and guesses the position at which it comes most often.
 * @returns the mean over the positions of the share of right answers, so that guessing gives 1 / positions
 */
export function positionAccuracy(known: readonly Labelled[], seen: readonly Labelled[]): number {
  const positions = [...new Set(known.map(({ position }) => position))].sort()
  const shares = positions.map((position) => sharesOfSizes(known, position))
  const guess = (bytes: number) => {
    const chances = shares.map((share) => share.get(bytes) ?? 0)
    return positions[chances.indexOf(Math.max(...chances))]
  }
  const right = positions.map((position) => {
    const there = seen.filter((message) => message.position === position)
    return there.filter(({ bytes }) => guess(bytes) === position).length / Math.max(1, there.length)
  })
  return mean(right)
}

function sharesOfSizes(messages: readonly Labelled[], position: number): Map<number, number> {
  return histogram(messages.filter((message) => message.position === position))
}

/** Share of the messages that are of each size. */
function histogram(messages: readonly { readonly bytes: number }[]): Map<number, number> {
  const shares = new Map<number, number>()
  for (const { bytes } of messages) shares.set(bytes, (shares.get(bytes) ?? 0) + 1 / messages.length)
  return shares
}

/** Bytes that a cell has more on one link of a relay than on the other. */
const LAYER_BYTES = 24
/** Cells in one message, at the most. */
const MESSAGE_CELLS = 11

/** Sizes on a link, as shares of the messages of each direction. */
interface Sizes {
  readonly in: ReadonlyMap<number, number>
  readonly out: ReadonlyMap<number, number>
}

function sizesOf(seen: readonly Seen[]): Sizes {
  const of = (direction: Seen['direction']) =>
    histogram(seen.filter((message) => message.direction === direction))
  return { in: of('in'), out: of('out') }
}

/**
 * How alike the sizes are on each near link and each far link: the part of the messages that have a counterpart of their size,
 * or of their size but for one layer of each cell in them, those counting more that few of the far links have.
 * @returns by near link, then by far link
 */
export function sizeLikeness(
  near: readonly (readonly Seen[])[],
  far: readonly (readonly Seen[])[],
): number[][] {
  const farSizes = far.map(sizesOf)
  const found = new Map<number, number>()
  for (const sizes of farSizes) {
    for (const bytes of new Set([...sizes.in.keys(), ...sizes.out.keys()])) {
      found.set(bytes, (found.get(bytes) ?? 0) + 1)
    }
  }
  const weight = (bytes: number) => Math.log(1 + far.length / (found.get(bytes) ?? far.length))
  const overlap = (
    a: ReadonlyMap<number, number>,
    b: ReadonlyMap<number, number>,
    cells: readonly number[],
  ) =>
    [...a].reduce((sum, [bytes, share]) => {
      const counterparts = cells.map((count) => bytes - count * LAYER_BYTES)
      return sum + Math.max(...counterparts.map((of) => Math.min(share, b.get(of) ?? 0) * weight(of)))
    }, 0)
  const kinds = [[0], Array.from({ length: MESSAGE_CELLS }, (_, i) => i + 1)]
  return near
    .map(sizesOf)
    .map((own) =>
      farSizes.map((sizes) =>
        Math.max(
          ...kinds.map((cells) => overlap(own.in, sizes.out, cells) + overlap(own.out, sizes.in, cells)),
        ),
      ),
    )
}

/** How alike the course of two links is: the correlation of the bytes in each bin of time, mean of both directions. */
export function timingLikeness(
  near: readonly Seen[],
  far: readonly Seen[],
  untilMs: number,
  binMs: number,
): number {
  const bins = (seen: readonly Seen[], direction: Seen['direction']) => {
    const counts = new Float64Array(Math.ceil(untilMs / binMs))
    for (const message of seen) {
      const bin = Math.floor(message.atMs / binMs)
      if (message.direction === direction && bin < counts.length)
        counts[bin] = (counts[bin] ?? 0) + message.bytes
    }
    return counts
  }
  const forward = correlation(bins(near, 'in'), bins(far, 'out'))
  const backward = correlation(bins(far, 'in'), bins(near, 'out'))
  return (forward + backward) / 2
}

/** Pearson's coefficient, -1 to 1; 0 where one does not vary. */
export function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const length = Math.min(a.length, b.length)
  const meanOf = (values: ArrayLike<number>) => mean(Array.from(values).slice(0, length))
  const [meanA, meanB] = [meanOf(a), meanOf(b)]
  let [both, ofA, ofB] = [0, 0, 0]
  for (let i = 0; i < length; i++) {
    const x = (a[i] as number) - meanA
    const y = (b[i] as number) - meanB
    both += x * y
    ofA += x * x
    ofB += y * y
  }
  return ofA === 0 || ofB === 0 ? 0 : both / Math.sqrt(ofA * ofB)
}

/**
 * Gives each circuit that comes in a link that it leaves by: the most alike pair first, and so on, as many to a link as it
 * has circuits.
 * @param likeness by circuit, then by link
 * @returns the link of each circuit
 */
export function assign(likeness: readonly (readonly number[])[], circuitsPerLink: number): number[] {
  const pairs = likeness.flatMap((row, circuit) => row.map((value, link) => ({ circuit, link, value })))
  const links = new Map<number, number>()
  const taken = new Map<number, number>()
  for (const { circuit, link } of pairs.sort((a, b) => b.value - a.value)) {
    const used = taken.get(link) ?? 0
    if (links.has(circuit) || used >= circuitsPerLink) continue
    links.set(circuit, link)
    taken.set(link, used + 1)
  }
  return likeness.map((_row, circuit) => links.get(circuit) ?? -1)
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length
}
