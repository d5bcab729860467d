import type { VerifierSettings } from './constants.ts'

/** What the queue needs of what is in it. */
export interface Queued {
  readonly id: string
  readonly network: string
}

/** Who waits and who has his turn: first come, first served, but bounded in all and for each network. */
export class VerificationQueue<T extends Queued> {
  private readonly settings: VerifierSettings
  private readonly waitingById = new Map<string, T>()
  private readonly runningById = new Map<string, T>()

  constructor(settings: VerifierSettings) {
    this.settings = settings
  }

  get waiting(): number {
    return this.waitingById.size
  }

  get running(): number {
    return this.runningById.size
  }

  find(id: string): T | undefined {
    return this.runningById.get(id) ?? this.waitingById.get(id)
  }

  /** Whether one more of this network may wait. */
  hasRoom(network: string): boolean {
    const { maxWaiting, maxWaitingPerNetwork } = this.settings
    return this.waiting < maxWaiting && countOf(this.waitingById, network) < maxWaitingPerNetwork
  }

  add(each: T): void {
    this.waitingById.set(each.id, each)
  }

  /** Gives the next one its turn; undefined if nobody may have one now. */
  next(): T | undefined {
    const { concurrency, concurrencyPerNetwork } = this.settings
    if (this.running >= concurrency) return undefined
    for (const each of this.waitingById.values()) {
      if (countOf(this.runningById, each.network) >= concurrencyPerNetwork) continue
      this.waitingById.delete(each.id)
      this.runningById.set(each.id, each)
      return each
    }
    return undefined
  }

  delete(id: string): void {
    this.waitingById.delete(id)
    this.runningById.delete(id)
  }

  all(): readonly T[] {
    return [...this.runningById.values(), ...this.waitingById.values()]
  }
}

function countOf(map: ReadonlyMap<string, Queued>, network: string): number {
  let count = 0
  for (const each of map.values()) if (each.network === network) count++
  return count
}
