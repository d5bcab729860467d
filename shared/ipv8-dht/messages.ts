import { type IpAddress, ipAddress } from '../bytes/address.ts'
import { type Codec, fixed, list8, struct, u8, u32, type ValueOf, varlen16 } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { PublicKey } from '../identity/keys.ts'
import { ID_BYTES, TOKEN_BYTES } from './constants.ts'

/** Bodies of the DHT community's messages, behind the sender's key; all are signed, and none has a Lamport time. */

/** What py-ipv8 makes room for; entries are shorter. */
const MAX_VALUE_BYTES = 1_024
/** Keys of other kinds than ours are read, and passed over: one such node shall not spoil an answer. */
const MAX_KEY_BYTES = 512

const flag: Codec<boolean> = {
  write: (writer, value) => {
    writer.u8(value ? 1 : 0)
  },
  read: (reader) => u8.read(reader) !== 0,
}

const target = fixed(ID_BYTES)
const token = fixed(TOKEN_BYTES)
const values = list8(varlen16(MAX_VALUE_BYTES))
const toldNode = struct({ address: ipAddress, key: varlen16(MAX_KEY_BYTES) })
const nodes = list8(toldNode)

/** Ping, pong, stored, peer stored: nothing but an identifier. */
export const acknowledgement = struct({ identifier: u32 })
export const storeRequest = struct({ identifier: u32, token, target, values })
/** `lan` is the asker's, for a node behind the same NAT that is to puncture it. */
export const findRequest = struct({ identifier: u32, lan: ipAddress, target, offset: u32, forceNodes: flag })
export const findResponse = struct({ identifier: u32, token, values, nodes })
export const storePeerRequest = struct({ identifier: u32, token, target })
export const connectPeerRequest = struct({ identifier: u32, lan: ipAddress, target })
export const connectPeerResponse = struct({ identifier: u32, nodes })

export type FindRequest = ValueOf<typeof findRequest>
export type ToldNode = ValueOf<typeof toldNode>

/** Who is where. */
export interface NodeContact {
  readonly address: IpAddress
  readonly publicKey: PublicKey
}

export function told({ address, publicKey }: NodeContact): ToldNode {
  return { address, key: publicKey.bytes }
}

/** Of nodes in a message, those whose keys are of our kind. */
export function contactsOf(list: readonly ToldNode[]): NodeContact[] {
  return list.flatMap(({ address, key }) => {
    try {
      return [{ address, publicKey: PublicKey.parse(key) }]
    } catch (error) {
      if (error instanceof CodecError) return []
      throw error
    }
  })
}
