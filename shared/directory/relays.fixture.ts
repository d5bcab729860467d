import type { IpAddress } from '../bytes/address.ts'
import { KeyPair } from '../identity/keys.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { type DescriptorFields, signDescriptor } from './descriptor.ts'

export const NETWORK = 'lab'
export const NOW_MS = 1_790_000_000_000

/** The key pair of relay `n`, and a descriptor of its, signed. */
export function keyOf(n: number): KeyPair {
  return KeyPair.generate(new SeededRandom(n + 1))
}

export function addressOfRelay(n: number): IpAddress {
  return { kind: 'ipv4', host: `198.${18 + (n >> 8)}.${n & 255}.1`, port: 7000 }
}

export function descriptorOf(
  n: number,
  fields: Partial<DescriptorFields> = {},
  network = NETWORK,
): Uint8Array {
  const all: DescriptorFields = {
    nickname: `relay ${n}`,
    flags: 1,
    family: new Uint8Array(),
    udp: addressOfRelay(n),
    websocket: undefined,
    bandwidth: 0,
    published: NOW_MS / 1000,
    lifetime: 3_600,
    ...fields,
  }
  return signDescriptor(all, keyOf(n), network)
}
