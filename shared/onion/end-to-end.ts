import type { Aead } from '../crypto/aead.ts'
import type { SessionKeys } from '../crypto/handshake.ts'
import { FIRST_COUNTER } from './constants.ts'
import { LayerOpener, type LayerResult, LayerSealer } from './layer.ts'

/** Which end of an end-to-end circuit: who seeds behind an introduction point, or who came to fetch. */
export type EndToEndRole = 'seeder' | 'downloader'

/**
 * The innermost layer of an end-to-end circuit, under those of the hops (IPV8-WIRE "Keys of a hop"): the seeder seals with
 * the forward key, the downloader with the backward key. The seeder's counters start one later, because the rendezvous
 * information of created-e2e has been sealed with the forward key and the first counter.
 *
 * The downloader adds it when the rendezvous point has said that the circuits are linked. The seeder is told nothing: for it
 * the circuits are linked from the first cell on that opens, and until then what does not open is the rendezvous point's own.
 */
export class EndToEndLayer {
  linked: boolean
  readonly sealer: LayerSealer
  private readonly opener: LayerOpener

  constructor(aead: Aead, keys: SessionKeys, role: EndToEndRole) {
    const seeds = role === 'seeder'
    this.linked = !seeds
    this.sealer = seeds
      ? new LayerSealer(aead, keys.forwardKey, keys.forwardSalt, FIRST_COUNTER + 1)
      : new LayerSealer(aead, keys.backwardKey, keys.backwardSalt, FIRST_COUNTER)
    this.opener = seeds
      ? new LayerOpener(aead, keys.backwardKey, keys.backwardSalt)
      : new LayerOpener(aead, keys.forwardKey, keys.forwardSalt)
  }

  /** Opens `[at, end)` in place. `plain`: not yet linked, and left as it was. */
  open(cell: Uint8Array, at: number, end: number): LayerResult | 'plain' {
    if (this.linked) return this.opener.open(cell, at, end)
    const copy = cell.slice(at, end)
    if (this.opener.open(copy, 0, copy.length) !== 'opened') return 'plain'
    cell.set(copy, at)
    this.linked = true
    return 'opened'
  }
}
