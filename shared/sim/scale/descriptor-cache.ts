import { parseDescriptor, type UnverifiedDescriptor } from '../../directory/descriptor.ts'

/** More than are current at any time. */
const CAPACITY = 8_192
/** Of the signature: tells descriptors apart. */
const KEY_BYTES = 24

/** Descriptors taken apart once for all nodes of a simulation, which then keep the same ones in memory. */
export class DescriptorCache {
  private readonly known = new Map<string, UnverifiedDescriptor>()

  readonly parse = (bytes: Uint8Array): UnverifiedDescriptor => {
    const key = String.fromCharCode(...bytes.subarray(bytes.length - KEY_BYTES))
    let descriptor = this.known.get(key)
    if (descriptor === undefined) {
      descriptor = parseDescriptor(bytes)
      this.known.set(key, descriptor)
      const [oldest] = this.known.keys()
      if (this.known.size > CAPACITY && oldest !== undefined) this.known.delete(oldest)
    }
    return descriptor
  }
}
