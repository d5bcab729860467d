import type { Aead } from '../crypto/aead.ts'
import type { SessionKeys } from '../crypto/handshake.ts'
import { CELL_HEADER_BYTES, COUNTER_BYTES, LAYER_BYTES, MAX_MESSAGE_BYTES, MESSAGE } from './constants.ts'
import { EndToEndLayer, type EndToEndRole } from './end-to-end.ts'
import type { Hop } from './hop.ts'
import type { LayerResult, LayerSealer } from './layer.ts'

const AEAD_TAG = LAYER_BYTES - COUNTER_BYTES

/** What opening a cell came to; `empty`: there is no message under the layers. */
export type OpenResult = LayerResult | 'empty'

/**
 * The layers of an owner's cells (C-02): one of each hop that has answered, and innermost the one of an end-to-end circuit.
 * Works in place; where the message of the cell opened last stands is told in `at` and `end`.
 */
export class CircuitLayers {
  /** The hops that have answered, first hop first. */
  hops: readonly Hop[] = []
  at = 0
  end = 0
  /** Whether the cell opened last was sealed by the other end of an end-to-end circuit. */
  fromPeer = false
  private endToEnd: EndToEndLayer | undefined

  add(hop: Hop): void {
    this.hops = [...this.hops, hop]
  }

  addEndToEnd(aead: Aead, keys: SessionKeys, role: EndToEndRole): void {
    this.endToEnd = new EndToEndLayer(aead, keys, role)
  }

  get isEndToEnd(): boolean {
    return this.endToEnd !== undefined
  }

  /** Waits for the other end: the rendezvous point still answers by itself. */
  get isWaiting(): boolean {
    return this.endToEnd !== undefined && !this.endToEnd.linked
  }

  /** The largest message, its id included. */
  get maxMessageBytes(): number {
    return this.endToEnd === undefined ? MAX_MESSAGE_BYTES : MAX_MESSAGE_BYTES - LAYER_BYTES
  }

  /** How many layers go around a message. While the other end is waited for, pings are the rendezvous point's. */
  countFor(message: number): number {
    const alone = this.endToEnd === undefined || (message === MESSAGE.ping && !this.endToEnd.linked)
    return alone ? this.hops.length : this.hops.length + 1
  }

  /** Adds `count` layers in place, the innermost first, around the message that ends at `end`. @returns the cell's end */
  seal(cell: Uint8Array, count: number, end: number): number {
    for (let i = count - 1; i >= 0; i--) {
      const sealer = this.sealerOf(i)
      if (sealer !== undefined) end = sealer.seal(cell, CELL_HEADER_BYTES + i * COUNTER_BYTES, end)
    }
    return end
  }

  /** Takes all layers off, first hop's first. Each that opens proves its hop, which `proven` is told once. */
  open(cell: Uint8Array, proven: (hop: Hop) => void): OpenResult {
    this.fromPeer = false
    this.at = CELL_HEADER_BYTES
    this.end = cell.length
    for (const hop of this.hops) {
      const result = hop.opener?.open(cell, this.at, this.end) ?? 'forged'
      if (result !== 'opened') return result
      this.at += COUNTER_BYTES
      this.end -= AEAD_TAG
      if (hop.state === 'unproven') proven(hop)
    }
    if (this.at === CELL_HEADER_BYTES || this.at === this.end) return 'empty'
    return this.endToEnd === undefined ? 'opened' : this.openEndToEnd(this.endToEnd, cell)
  }

  private openEndToEnd(layer: EndToEndLayer, cell: Uint8Array): OpenResult {
    const result = layer.open(cell, this.at, this.end)
    if (result === 'plain') return 'opened'
    if (result !== 'opened') return result
    this.at += COUNTER_BYTES
    this.end -= AEAD_TAG
    this.fromPeer = true
    return this.at === this.end ? 'empty' : 'opened'
  }

  private sealerOf(index: number): LayerSealer | undefined {
    return index < this.hops.length ? this.hops[index]?.sealer : this.endToEnd?.sealer
  }
}
