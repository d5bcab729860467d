import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressOf } from '../bytes/address.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { bridgeTerms, bridgeTermsOf } from './bridge-terms.ts'
import { channelEnd } from './channel-end.ts'
import { isControl, pacePacket, parseControl, placesPacket } from './control.ts'
import { Gathering } from './gathering.ts'
import { QueuedLink } from './queued-link.ts'

describe('what volunteers say (issue: volunteers)', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.nat(255), (rate, count) => {
        expect(bridgeTermsOf(bridgeTerms(rate))).toBe(rate)
        expect(isControl(pacePacket(rate))).toBe(true)
        expect(parseControl(pacePacket(rate))).toEqual({ type: 'pace', bytesPerSecond: rate })
        expect(parseControl(placesPacket(count))).toEqual({ type: 'places', places: count })
      }),
    )
  })

  it('is mistaken for nothing else', () => {
    expect(bridgeTermsOf(channelEnd(1000))).toBeUndefined()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 16 }), (bytes) => {
        if (bytes[0] !== 0xff || bytes[1] !== 0xfe) expect(bridgeTermsOf(bytes)).toBeUndefined()
      }),
    )
  })
})

describe('a link that keeps to the pace of its neighbour (issue: volunteers)', () => {
  function paced() {
    const clock = new VirtualClock()
    let bytes = 0
    const link = new QueuedLink({
      kind: 'bridge',
      address: addressOf('127.0.0.1', 1),
      clock,
      counters: new Counters(),
      pipe: {
        send: (message) => {
          bytes += message.length
        },
        bufferedBytes: () => 0,
        close: () => {},
      },
      onPacket: () => {},
    })
    /** More than it may, for a time. */
    const send = (seconds: number) => {
      const before = bytes
      for (let i = 0; i < 100 * seconds; i++) {
        for (let n = 0; n < 4; n++) link.send(new Uint8Array(1_400), 1)
        clock.advance(10)
      }
      return bytes - before
    }
    return { link, send }
  }

  it('sends no faster than it was asked, and as fast', () => {
    const { link, send } = paced()
    expect(send(1)).toBeGreaterThan(500_000)
    link.pace(50_000)
    const sent = send(10)
    expect(sent).toBeLessThan(50_000 * 10 + 65_536)
    expect(sent).toBeGreaterThan(50_000 * 9)
    link.pace(200_000)
    expect(send(10)).toBeGreaterThan(200_000 * 9)
  })

  it('is brought to a stand by nobody', () => {
    const { link, send } = paced()
    link.pace(0)
    send(40)
    expect(send(60)).toBeGreaterThan(40_000)
  })
})

describe('a description with all of its candidates (issue: volunteers)', () => {
  function gathering() {
    const clock = new VirtualClock()
    const whole: string[] = []
    return { clock, whole, gathering: new Gathering(clock, (sdp) => whole.push(sdp)) }
  }

  it('is whole when no more candidates come', () => {
    const { clock, whole, gathering: all } = gathering()
    all.candidate('candidate:0')
    all.describe('v=0\r\n')
    clock.advance(400)
    all.candidate('candidate:1')
    clock.advance(499)
    expect(whole).toEqual([])
    clock.advance(1)
    expect(whole).toEqual(['v=0\r\na=candidate:0\r\na=candidate:1\r\n'])
    all.candidate('candidate:2')
    clock.advance(10_000)
    expect(whole).toHaveLength(1)
  })

  it('is whole after 3 s, whatever may still come, and never without a description', () => {
    const { clock, whole, gathering: all } = gathering()
    all.describe('v=0\r\n')
    clock.advance(2_999)
    expect(whole).toEqual([])
    clock.advance(1)
    expect(whole).toEqual(['v=0\r\n'])
    const none = gathering()
    none.gathering.candidate('candidate:0')
    none.clock.advance(60_000)
    expect(none.whole).toEqual([])
  })

  it('has so many candidates and no more', () => {
    const { clock, whole, gathering: all } = gathering()
    all.describe('v=0\r\n')
    for (let i = 0; i < 1_000; i++) all.candidate(`candidate:${i}`)
    clock.advance(3_000)
    expect(whole[0]?.match(/candidate/g)).toHaveLength(16)
  })
})
