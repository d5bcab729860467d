import { describe, expect, it } from 'vitest'
import { vectorFile } from '../../fixtures/vectors.ts'
import { toHex } from '../bytes/bytes.ts'
import * as ours from './constants.ts'
import { prefixOf } from './packet.ts'

const theirs = vectorFile<{
  prefix: string
  tribler_community_id: string
  discovery_community_id: string
  message_ids: { introduction: Record<string, number> }
  peer_flags: Record<string, number>
  max_peers: number
  random_walk: { node_timeout: number; window_size: number; reset_chance_of_256: number }
  random_churn: { sample_size: number; ping_interval: number; inactive_time: number; drop_time: number }
}>('constants')

describe('numbers of py-ipv8 (N-08)', () => {
  it('community ids, message ids and flags are the same', () => {
    expect(toHex(prefixOf(ours.TUNNEL_COMMUNITY_ID))).toBe(theirs.prefix)
    expect(toHex(ours.TUNNEL_COMMUNITY_ID)).toBe(theirs.tribler_community_id)
    expect(toHex(ours.DISCOVERY_COMMUNITY_ID)).toBe(theirs.discovery_community_id)
    expect(theirs.message_ids.introduction).toEqual({
      IntroductionRequestPayload: ours.INTRODUCTION_REQUEST,
      IntroductionResponsePayload: ours.INTRODUCTION_RESPONSE,
      PuncturePayload: ours.PUNCTURE,
      PunctureRequestPayload: ours.PUNCTURE_REQUEST,
      NewIntroductionRequestPayload: ours.NEW_INTRODUCTION_REQUEST,
      NewIntroductionResponsePayload: ours.NEW_INTRODUCTION_RESPONSE,
      NewPuncturePayload: ours.NEW_PUNCTURE,
      NewPunctureRequestPayload: ours.NEW_PUNCTURE_REQUEST,
    })
    expect(theirs.peer_flags).toEqual({
      PEER_FLAG_RELAY: ours.FLAG_RELAY,
      PEER_FLAG_EXIT_BT: ours.FLAG_EXIT_BITTORRENT,
      PEER_FLAG_EXIT_IPV8: ours.FLAG_EXIT_IPV8,
      PEER_FLAG_SPEED_TEST: ours.FLAG_SPEED_TEST,
    })
  })

  it('the flag of our own is none of Tribler’s', () => {
    const tribler = 1 | 2 | 4 | 8 | 16_384 | 32_768
    expect(ours.FLAG_EXIT_STREAM & tribler).toBe(0)
    expect(ours.FLAG_EXIT_STREAM).toBeLessThanOrEqual(0xffff)
  })

  it('walk and churn keep its pace', () => {
    const { random_walk, random_churn } = theirs
    expect(ours.WALK_DEFAULTS).toMatchObject({
      window: random_walk.window_size,
      requestTimeoutMs: random_walk.node_timeout * 1000,
      resetChance: random_walk.reset_chance_of_256,
      maxPeers: theirs.max_peers,
      livenessSample: random_churn.sample_size,
      pingIntervalMs: random_churn.ping_interval * 1000,
      pingAfterSilenceMs: random_churn.inactive_time * 1000,
      dropAfterSilenceMs: random_churn.drop_time * 1000,
    })
  })
})
