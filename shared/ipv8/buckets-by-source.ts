import { BoundedMap } from './bounded-map.ts'
import type { TokenBucket } from './token-bucket.ts'

/** Sources remembered per limit. One forgotten starts with a full bucket; the limits over all sources hold then. */
const SOURCES = 1_024

/** A token bucket for each source. */
export class BucketsBySource {
  private readonly buckets = new BoundedMap<string, TokenBucket>(SOURCES)
  private readonly make: () => TokenBucket

  constructor(make: () => TokenBucket) {
    this.make = make
  }

  take(source: string): boolean {
    const bucket = this.buckets.get(source) ?? this.make()
    this.buckets.set(source, bucket)
    return bucket.take()
  }
}
