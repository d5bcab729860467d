import type { Lookup } from './api.ts'

/** Begins a lookup; it calls `finished` when it is over. */
export type Begin = (finished: () => void) => Lookup

/** Lookups under way, so many at once; others wait their turn, and all of them wait while we look for a way into the DHT. */
export class LookupQueue {
  private readonly atOnce: number
  private readonly waitingMost: number
  private readonly ready: () => boolean
  private readonly running = new Set<Lookup>()
  private readonly waiting = new Map<object, Begin>()

  constructor(atOnce: number, waitingMost: number, ready: () => boolean) {
    this.atOnce = atOnce
    this.waitingMost = waitingMost
    this.ready = ready
  }

  get size(): number {
    return this.running.size
  }

  /** @returns undefined if there are too many already */
  add(begin: Begin): Lookup | undefined {
    if (this.running.size < this.atOnce && this.ready()) return this.begin(begin)
    if (this.waiting.size >= this.waitingMost) return undefined
    const ticket = {}
    let begun: Lookup | undefined
    this.waiting.set(ticket, (finished) => {
      begun = begin(finished)
      return begun
    })
    return {
      cancel: () => {
        if (this.waiting.delete(ticket)) return
        if (begun) this.cancel(begun)
      },
    }
  }

  /** To be called when `ready` may have come true. */
  go(): void {
    while (this.running.size < this.atOnce && this.ready()) {
      const next = this.waiting.entries().next()
      if (next.done) return
      const [ticket, begin] = next.value
      this.waiting.delete(ticket)
      this.begin(begin)
    }
  }

  stop(): void {
    this.waiting.clear()
    for (const lookup of this.running) lookup.cancel()
    this.running.clear()
  }

  private begin(begin: Begin): Lookup {
    const lookup = begin(() => {
      this.running.delete(lookup)
      this.go()
    })
    this.running.add(lookup)
    return { cancel: () => this.cancel(lookup) }
  }

  private cancel(lookup: Lookup): void {
    if (!this.running.delete(lookup)) return
    lookup.cancel()
    this.go()
  }
}
