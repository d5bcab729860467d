/** A map of at most `capacity` entries; setting one renews it, and the one longest not set is forgotten first. */
export class BoundedMap<K, V> {
  private readonly entries = new Map<K, V>()
  private readonly capacity: number

  constructor(capacity: number) {
    this.capacity = capacity
  }

  get size(): number {
    return this.entries.size
  }

  get(key: K): V | undefined {
    return this.entries.get(key)
  }

  has(key: K): boolean {
    return this.entries.has(key)
  }

  set(key: K, value: V): void {
    this.entries.delete(key)
    this.entries.set(key, value)
    if (this.entries.size <= this.capacity) return
    const oldest = this.entries.keys().next()
    if (!oldest.done) this.entries.delete(oldest.value)
  }

  delete(key: K): void {
    this.entries.delete(key)
  }

  /** What is there, longest not set first. */
  values(): V[] {
    return [...this.entries.values()]
  }

  /** Removes every entry that `gone` names. */
  prune(gone: (value: V) => boolean): void {
    for (const [key, value] of this.entries) if (gone(value)) this.entries.delete(key)
  }
}
