import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { vectorFile } from '../../fixtures/vectors.ts'
import { fromHex } from '../bytes/bytes.ts'
import { FLAG_EXIT_BITTORRENT, FLAG_EXIT_IPV8, TUNNEL_COMMUNITY_ID } from './constants.ts'
import { isOwnCommunity, looksLikeBitTorrent, looksLikeIpv8 } from './datagram-shape.ts'
import { prefixOf } from './packet.ts'

interface Vector {
  name: string
  data: string
  utp: boolean
  udp_tracker: boolean
  dht: boolean
  ipv8: boolean
  allowed_by_mask: Record<string, boolean>
}
const { vectors } = vectorFile<{ vectors: Vector[] }>('exit-policy')
const prefix = prefixOf(TUNNEL_COMMUNITY_ID)

describe('shapes of datagrams at an exit (O-06)', () => {
  for (const vector of vectors) {
    it(vector.name, () => {
      const data = fromHex(vector.data)
      expect(looksLikeBitTorrent(data)).toBe(vector.utp || vector.udp_tracker || vector.dht)
      expect(looksLikeIpv8(data)).toBe(vector.ipv8)
      for (const [mask, allowed] of Object.entries(vector.allowed_by_mask)) {
        const flags = Number(mask)
        const passes =
          ((flags & FLAG_EXIT_BITTORRENT) !== 0 && looksLikeBitTorrent(data)) ||
          ((flags & FLAG_EXIT_IPV8) !== 0 && looksLikeIpv8(data)) ||
          isOwnCommunity(data, prefix)
        expect(passes).toBe(allowed)
      }
    })
  }

  it('takes any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (data) => {
        const own = isOwnCommunity(data, prefix)
        expect(own && !looksLikeIpv8(data)).toBe(false)
        expect(typeof looksLikeBitTorrent(data)).toBe('boolean')
      }),
    )
  })
})
