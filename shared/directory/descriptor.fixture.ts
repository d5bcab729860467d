import { parseDescriptor, type RelayDescriptor } from './descriptor.ts'

/** A descriptor, verified as one that came from anywhere. @param wallMs now, milliseconds since 1970 @throws CodecError */
export function readDescriptor(bytes: Uint8Array, network: string, wallMs: number): RelayDescriptor {
  return parseDescriptor(bytes).verify(network, wallMs)
}
