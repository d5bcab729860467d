import { type IpAddress, ipv4Address } from '../bytes/address.ts'
import { type Codec, fixed, raw, struct, u8, u16, u64 } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { COMMUNITY_ID_BYTES } from './constants.ts'

const communityId = fixed(COMMUNITY_ID_BYTES)
/** Communities that one message may name; py-ipv8 names a few dozen at most. */
const MAX_COMMUNITIES = 64

/** Community ids up to the end of the message. */
const communitiesToEnd: Codec<Uint8Array[]> = {
  write: (writer, ids) => {
    for (const id of ids) communityId.write(writer, id)
  },
  read: (reader) => readCommunities(reader.remaining / COMMUNITY_ID_BYTES, () => communityId.read(reader)),
}

/** Count as u16, then community ids. */
const countedCommunities: Codec<Uint8Array[]> = {
  write: (writer, ids) => {
    u16.write(writer, ids.length)
    communitiesToEnd.write(writer, ids)
  },
  read: (reader) => readCommunities(reader.u16(), () => communityId.read(reader)),
}

function readCommunities(count: number, read: () => Uint8Array): Uint8Array[] {
  if (!Number.isInteger(count) || count > MAX_COMMUNITIES) {
    throw new CodecError(
      'codec-count',
      `${count} community ids where at most ${MAX_COMMUNITIES} whole ones belong`,
    )
  }
  return Array.from({ length: count }, read)
}

/** DiscoveryCommunity 1, signed: which communities the sender is in. */
export interface SimilarityRequest {
  readonly time: bigint
  readonly identifier: number
  readonly lan: IpAddress
  readonly wan: IpAddress
  /** Connection type in the two most significant bits. */
  readonly bits: number
  readonly communities: Uint8Array[]
}

export const similarityRequest: Codec<SimilarityRequest> = struct({
  time: u64,
  identifier: u16,
  lan: ipv4Address,
  wan: ipv4Address,
  bits: u8,
  communities: communitiesToEnd,
})

/** DiscoveryCommunity 2, signed. */
export interface SimilarityResponse {
  readonly time: bigint
  readonly identifier: number
  readonly communities: Uint8Array[]
  /** Trust overlap; nobody fills it any more. */
  readonly overlap: Uint8Array
}

export const similarityResponse: Codec<SimilarityResponse> = struct({
  time: u64,
  identifier: u16,
  communities: countedCommunities,
  overlap: raw,
})

/** DiscoveryCommunity 3 and 4, unsigned: ping, and pong with the ping's identifier. */
export const ping: Codec<{ time: bigint; identifier: number }> = struct({ time: u64, identifier: u16 })
