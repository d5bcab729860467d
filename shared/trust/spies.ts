import { BoundedMap } from '../ipv8/bounded-map.ts'

/** One spy, for a snapshot. */
export interface RememberedSpy {
  readonly key: string
  /** Wall time of its check. */
  readonly foundMs: number
  /** Of an address: the relay that claimed it, as the hexadecimal text of its mid. */
  readonly claimedBy?: string | undefined
}

/** Spies, by whatever text names them; the longest known give way when there are too many (requirement D-06). */
export class SpyMemory {
  private readonly found: BoundedMap<string, RememberedSpy>
  private readonly rememberedMs: number

  /** @param rememberedMs how long each is remembered */
  constructor(capacity: number, rememberedMs: number) {
    this.found = new BoundedMap(capacity)
    this.rememberedMs = rememberedMs
  }

  add(spy: RememberedSpy): void {
    this.found.set(spy.key, spy)
  }

  /** Forgets the addresses that this relay claimed. */
  deleteOf(mid: string): void {
    this.found.prune(({ claimedBy }) => claimedBy === mid)
  }

  delete(key: string): void {
    this.found.delete(key)
  }

  has(key: string, nowMs: number): boolean {
    const spy = this.found.get(key)
    return spy !== undefined && nowMs - spy.foundMs < this.rememberedMs
  }

  /** Those still remembered, longest known first. */
  list(nowMs: number): readonly RememberedSpy[] {
    return this.found.values().filter(({ foundMs }) => nowMs - foundMs < this.rememberedMs)
  }
}
