import type { Wire, WireRequest } from 'webtorrent'

/** For so long a block that was taken back is not asked for again of the same peer. */
const REST_MS = 3_000

/**
 * Requests that are taken back, and asked for again later at the earliest. A WebTorrent peer that still looks for a block when
 * it is taken back and asked for again takes its answer to the first request for one to the second, and sends neither: the
 * download would stand still until the request times out, half a minute later.
 */
export class TakenBack {
  /** By peer and block: when it may be asked for again. */
  private readonly resting = new WeakMap<Wire, Map<string, number>>()

  takeBack(wire: Wire, { piece, offset, length }: WireRequest): void {
    this.blocksOf(wire).set(`${piece} ${offset}`, performance.now() + REST_MS)
    wire.cancel(piece, offset, length)
  }

  private blocksOf(wire: Wire): Map<string, number> {
    const known = this.resting.get(wire)
    if (known) return known
    const blocks = new Map<string, number>()
    this.resting.set(wire, blocks)
    const ask = wire.request.bind(wire)
    wire.request = (piece, offset, length, done) => {
      const key = `${piece} ${offset}`
      const waitMs = (blocks.get(key) ?? 0) - performance.now()
      if (waitMs <= 0) {
        blocks.delete(key)
        ask(piece, offset, length, done)
      } else {
        // A wire that has closed by then says so to `done`.
        setTimeout(() => ask(piece, offset, length, done), waitMs)
      }
    }
    return blocks
  }
}
