import type { Timer } from '../world/clock.ts'
import type { Dht, Lookup, Publication, StoreResult } from './api.ts'
import type { Core } from './side.ts'

type Putting = Pick<Dht, 'announcePeer' | 'putImmutable' | 'putMutable'>

/** Puts a publication again and again: others keep it for a while only, and leave (K-05). */
export class Publications {
  private readonly core: Pick<Core, 'clock' | 'settings'>
  private readonly dht: Putting
  private readonly running = new Set<Lookup>()

  constructor(core: Pick<Core, 'clock' | 'settings'>, dht: Putting) {
    this.core = core
    this.dht = dht
  }

  add(publication: Publication, told: (result: StoreResult) => void): Lookup {
    const { clock, settings } = this.core
    let timer: Timer | undefined
    let putting: Lookup | undefined
    const put = () => {
      putting = this.put(publication, (result) => {
        putting = undefined
        timer = clock.after(result.ok ? settings.republishMs : settings.republishSoonMs, put)
        told(result)
      })
    }
    const lookup: Lookup = {
      cancel: () => {
        this.running.delete(lookup)
        timer?.cancel()
        putting?.cancel()
      },
    }
    this.running.add(lookup)
    put()
    return lookup
  }

  stop(): void {
    for (const lookup of [...this.running]) lookup.cancel()
  }

  private put(publication: Publication, done: (result: StoreResult) => void): Lookup {
    switch (publication.kind) {
      case 'peer':
        return this.dht.announcePeer(publication.infoHash, publication.port, done)
      case 'immutable':
        return this.dht.putImmutable(publication.value, done)
      case 'mutable':
        return this.dht.putMutable(publication.item(), done)
    }
  }
}
