import { type IpAddress, ipAddress } from '../bytes/address.ts'
import { concat } from '../bytes/bytes.ts'
import { decodePrefix, encode, struct, u32, varlen16 } from '../bytes/codec.ts'
import { KEY_BYTES, PUBLIC_TAG } from '../identity/keys.ts'

const bareKey = varlen16(KEY_BYTES - PUBLIC_TAG.length, KEY_BYTES - PUBLIC_TAG.length)
const layout = struct({ address: ipAddress, lastSeen: u32, nodeKey: bareKey, seederKey: bareKey })

/** Where a seeder of a hidden swarm is introduced, as stock peers publish it under the swarm's lookup key. */
export interface PublishedPoint {
  readonly address: IpAddress
  /** Seconds since 1970. */
  readonly lastSeen: number
  /** 74 bytes each; they are stored without what every key begins with. */
  readonly nodeKey: Uint8Array
  readonly seederKey: Uint8Array
}

export function encodePoint({ nodeKey, seederKey, ...rest }: PublishedPoint): Uint8Array {
  const bare = (key: Uint8Array) => key.subarray(PUBLIC_TAG.length)
  return encode(layout, { ...rest, nodeKey: bare(nodeKey), seederKey: bare(seederKey) })
}

/** What follows is ignored, as py-ipv8 does. @throws CodecError */
export function decodePoint(data: Uint8Array): PublishedPoint {
  const { nodeKey, seederKey, ...rest } = decodePrefix(layout, data)
  const whole = (key: Uint8Array) => concat(PUBLIC_TAG, key)
  return { ...rest, nodeKey: whole(nodeKey), seederKey: whole(seederKey) }
}
