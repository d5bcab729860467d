import { formatAddress, type IpAddress } from '../../shared/bytes/address.ts'
import type { Dht } from '../../shared/kademlia/api.ts'
import { CANDIDATES, CANDIDATES_AT_ONCE } from './limits.ts'
import type { LookupOutcome, LookupWorld } from './lookup.ts'

/** No relay listens below; see the check `port`. */
const LOWEST_PORT = 1_024

/**
 * Addresses where relays may be: each is asked, over the DHT's own protocol, for its descriptor. So many in all, so many at
 * once, and each address once.
 */
export class Candidates {
  private readonly dht: Pick<Dht, 'askOwnItem'>
  private readonly world: LookupWorld
  private readonly seen = new Set<string>()
  private readonly waiting: IpAddress[] = []
  private asking = 0
  private met = 0
  private found = 0
  private finished: (() => void)[] = []

  constructor(dht: Pick<Dht, 'askOwnItem'>, world: LookupWorld) {
    this.dht = dht
    this.world = world
  }

  add(addresses: readonly IpAddress[]): void {
    for (const address of addresses) {
      const key = formatAddress(address)
      if (this.seen.has(key) || this.seen.size >= CANDIDATES) continue
      if (address.port < LOWEST_PORT || !this.world.mayReach(address)) continue
      this.seen.add(key)
      this.waiting.push(address)
    }
    this.next()
  }

  /** Resolves when all that were added have been asked. */
  settled(): Promise<void> {
    if (this.asking === 0 && this.waiting.length === 0) return Promise.resolve()
    return new Promise((resolve) => this.finished.push(resolve))
  }

  outcome(answered: boolean): LookupOutcome {
    return { met: this.met, found: this.found, answered: answered || this.met > 0 }
  }

  private next(): void {
    while (this.asking < CANDIDATES_AT_ONCE) {
      const address = this.waiting.shift()
      if (address === undefined) break
      this.asking++
      this.dht.askOwnItem(address, this.world.infoHash, (value) => {
        this.asking--
        if (value) this.take(value)
        this.next()
      })
    }
    if (this.asking > 0) return
    const { finished } = this
    this.finished = []
    for (const resolve of finished) resolve()
  }

  private take(descriptor: Uint8Array): void {
    const result = this.world.learn(descriptor)
    if (result === 'refused') return
    this.met++
    if (result === 'new') this.found++
  }
}
