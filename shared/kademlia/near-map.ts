import { toHex } from '../bytes/bytes.ts'
import { compareDistance } from './distance.ts'

interface Entry<V> {
  readonly target: Uint8Array
  readonly value: V
}

/**
 * A map by target (20 bytes) of bounded size, that holds on to what is near to a point: a node keeps what it will be asked for, and
 * who wants to flush something out has to offer much that is nearer still.
 */
export class NearMap<V> {
  private readonly entries = new Map<string, Entry<V>>()
  private readonly capacity: number

  constructor(capacity: number) {
    this.capacity = capacity
  }

  get size(): number {
    return this.entries.size
  }

  get(target: Uint8Array): V | undefined {
    return this.entries.get(toHex(target))?.value
  }

  /** @returns what had to go: another value, or this one, if it is the farthest; undefined if there was room */
  set(target: Uint8Array, value: V, point: Uint8Array): V | undefined {
    const entry = { target: Uint8Array.from(target), value }
    this.entries.set(toHex(target), entry)
    if (this.entries.size <= this.capacity) return undefined
    let farthest: Entry<V> = entry
    for (const each of this.entries.values()) {
      if (compareDistance(point, each.target, farthest.target) > 0) farthest = each
    }
    this.delete(farthest.target)
    return farthest.value
  }

  delete(target: Uint8Array): void {
    this.entries.delete(toHex(target))
  }

  /** Removes every entry that `gone` names. */
  prune(gone: (value: V) => boolean): void {
    for (const [key, { value }] of this.entries) if (gone(value)) this.entries.delete(key)
  }

  targets(): Uint8Array[] {
    return [...this.entries.values()].map(({ target }) => target)
  }

  values(): V[] {
    return [...this.entries.values()].map(({ value }) => value)
  }
}
