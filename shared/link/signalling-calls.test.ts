import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { expectRoomForNewcomers } from './signalling.fixture.ts'
import { SignalEnd, type SignalEvents } from './signalling.ts'
import { REMEMBERED_SESSIONS, SESSIONS_PER_LINK } from './signalling-limits.ts'
import { decodeSignal, encodeSignal, NO_MID, type Signal } from './signalling-messages.ts'

const OWN_MID = new Uint8Array(20).fill(7)
const NOBODY: SignalEvents = { onDescription: () => {}, onCandidate: () => {}, onEnd: () => {} }
/** Half an offer. */
const SHORT: Signal = {
  session: new Uint8Array(16),
  kind: 'offer',
  from: NO_MID,
  to: OWN_MID,
  message: 0,
  part: 0,
  parts: 2,
  piece: Uint8Array.of(1),
}

/** An end that ends each session that somebody calls it in. */
function busyEnd() {
  const [clock, random, counters] = [new VirtualClock(), new SeededRandom(5), new Counters()]
  const sent: Signal[] = []
  const end = new SignalEnd<object>({
    ...{ clock, random, counters },
    ownMid: OWN_MID,
    send: (_way, body) => sent.push(decodeSignal(body)),
    callsPerMinute: () => SESSIONS_PER_LINK,
    onCall: (session) => {
      clock.after(0, () => session.end())
      return NOBODY
    },
  })
  const call = (way: object, more: Partial<Signal> = {}) => {
    end.receive(way, encodeSignal({ ...SHORT, session: random.bytes(16), ...more }))
    clock.advance(0)
  }
  return { clock, end, call, sent, counters }
}

describe('calls that end here (L-06)', () => {
  it('takes so many calls in a minute that come one way, refuses the others, and hears the other ways', () => {
    const { end, call, sent, counters, clock } = busyEnd()
    const [page, other] = [{ name: 'page' }, { name: 'other' }]
    for (let i = 0; i < 512; i++) call(page)
    expect(counters.get('signal-called')).toBe(SESSIONS_PER_LINK)
    expect([end.size, end.remembered]).toEqual([0, SESSIONS_PER_LINK])
    expect(counters.get('signal-limit')).toBe(512 - SESSIONS_PER_LINK)
    const refusals = sent.filter(({ kind }) => kind === 'refusal')
    expect(refusals).toHaveLength(512 - SESSIONS_PER_LINK)
    expect(refusals.at(-1)).toMatchObject({ to: NO_MID, from: OWN_MID, piece: Uint8Array.of(2) })
    call(page, { part: 1 })
    call(page, { piece: new Uint8Array(0) })
    expect(sent.filter(({ kind }) => kind === 'refusal')).toHaveLength(512 - SESSIONS_PER_LINK)
    call(other)
    expect(counters.get('signal-called')).toBe(SESSIONS_PER_LINK + 1)
    clock.advance(60_000)
    call(page)
    expect(counters.get('signal-called')).toBe(SESSIONS_PER_LINK + 2)
  })

  it('forgets what is over of who has called most, where there is no room to remember another call', () => {
    const { end, call, counters } = busyEnd()
    const used = () => end.remembered
    expectRoomForNewcomers({
      room: REMEMBERED_SESSIONS,
      call,
      used,
      taken: () => counters.get('signal-called'),
    })
    expect(counters.get('signal-displaced')).toBe(1)
  })
})
