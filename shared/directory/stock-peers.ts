import { type IpAddress, sameAddress } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import type { PublicKey } from '../identity/keys.ts'
import { isUnicast } from '../ipv8/network-of.ts'
import type { Clock } from '../world/clock.ts'
import { STOCK_PEERS } from './constants.ts'

/** A peer of the tunnel community that has signed no descriptor: a stock IPv8 node, as another told of it. */
export interface StockPeer {
  readonly publicKey: PublicKey
  readonly address: IpAddress
  /** FLAG_... of ipv8/constants.ts. */
  readonly flags: number
  /** Round trip from who tells; undefined if not measured. */
  readonly rttMs: number | undefined
}

/** With those who told of it: hex of their public keys. */
export interface ToldPeer extends StockPeer {
  readonly tellers: readonly string[]
}

interface Told {
  readonly peer: StockPeer
  readonly heardMs: number
}

/**
 * Stock peers by the relay that told of each. Apart from the directory, since nobody has signed for them: who may be believed
 * how far is path selection's matter. Bounded per teller and in tellers; what is not repeated is forgotten.
 */
export class StockPeers {
  private readonly clock: Clock
  private readonly byTeller = new Map<string, Map<string, Told>>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Takes what one relay tells; the oldest of what it told goes when there is too much. */
  tell(teller: PublicKey, peers: readonly StockPeer[]): void {
    const key = toHex(teller.bytes)
    let told = this.byTeller.get(key)
    if (told === undefined) {
      if (this.byTeller.size >= STOCK_PEERS.maxTellers) this.forgetOldestTeller()
      told = new Map()
      this.byTeller.set(key, told)
    }
    for (const peer of peers) {
      if (!isUnicast(peer.address)) continue
      const id = toHex(peer.publicKey.bytes)
      told.delete(id)
      told.set(id, { peer, heardMs: this.clock.now() })
      if (told.size <= STOCK_PEERS.maxPerTeller) continue
      const [oldest] = told.keys()
      if (oldest !== undefined) told.delete(oldest)
    }
  }

  /**
   * All that were told of lately. Of one told of by several, what the first in the order of tellers says; who names another
   * address confirms nothing, and so is no teller of it.
   */
  list(): ToldPeer[] {
    const from = this.clock.now() - STOCK_PEERS.forgottenAfterMs
    const all = new Map<string, ToldPeer>()
    for (const [teller, told] of this.byTeller) {
      for (const [id, { peer, heardMs }] of told) {
        const before = all.get(id)
        if (heardMs < from) told.delete(id)
        else if (before === undefined) all.set(id, { ...peer, tellers: [teller] })
        else if (sameAddress(before.address, peer.address)) {
          all.set(id, { ...before, tellers: [...before.tellers, teller] })
        }
      }
    }
    return [...all.values()]
  }

  private forgetOldestTeller(): void {
    const [oldest] = this.byTeller.keys()
    if (oldest !== undefined) this.byTeller.delete(oldest)
  }
}
