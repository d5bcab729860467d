import { describe, expect, it } from 'vitest'
import { BROKER_REST_MS, type BrokerLimits } from '../../shared/link/bridge-limits.ts'
import { ANSWER, OFFER } from '../../shared/link/session-description.fixture.ts'
import { SignalEnd, type SignalSession } from '../../shared/link/signalling.ts'
import { NO_MID } from '../../shared/link/signalling-messages.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { Counters } from '../../shared/world/counters.ts'
import { BridgeBroker } from './bridge-broker.ts'

const CANDIDATE = 'candidate:1 1 UDP 2130706431 127.0.0.1 4000 typ host'

type Manner = 'answers' | 'refuses' | 'silent'

/** A relay, and pages that offer to pass others on. */
function town(manners: readonly Manner[], limits: Partial<BrokerLimits> = {}) {
  const clock = new VirtualClock()
  const world = { clock, random: new SeededRandom(7), counters: new Counters() }
  const called: number[] = []
  const offers: string[] = []
  const relay: SignalEnd<number> = new SignalEnd<number>({
    ...world,
    ownMid: new Uint8Array(20).fill(9),
    allowPrivate: true,
    send: (way, body) => void clock.after(5, () => pages[way]?.receive(way, body)),
  })
  const answer = (session: SignalSession) => {
    session.describe(ANSWER)
    clock.after(50, () => session.candidate(CANDIDATE))
  }
  const pages = manners.map(
    (manner, way) =>
      new SignalEnd<number>({
        ...world,
        ownMid: NO_MID,
        allowPrivate: true,
        send: (_, body) => void clock.after(5, () => relay.receive(way, body)),
        onCall: (session) => {
          called.push(way)
          if (manner === 'refuses') return 'signal-full'
          return {
            onDescription: (sdp) => {
              offers.push(sdp)
              if (manner === 'answers') answer(session)
            },
            onCandidate: () => {},
            onEnd: () => {},
          }
        },
      }),
  )
  const broker = new BridgeBroker<number>({
    ...world,
    limits,
    allowPrivate: true,
    call: (way, to, events) => relay.call(way, to, events),
  })
  const ask = (asker = 'a') => broker.ask(asker, OFFER)
  return { clock, broker, called, offers, ask, counters: world.counters }
}

/** What comes of a promise while virtual time goes on. */
async function outcomeOf<T>(clock: VirtualClock, promise: Promise<T>): Promise<T | string> {
  let outcome: T | string | undefined
  promise.then(
    (value) => {
      outcome = value
    },
    (error: { code: string }) => {
      outcome = error.code
    },
  )
  for (let ms = 0; ms < 60_000 && outcome === undefined; ms += 100) {
    clock.advance(100)
    await Promise.resolve()
    await Promise.resolve()
    await Promise.resolve()
  }
  return outcome ?? 'nothing'
}

describe('who is brought together with a volunteer (L-06, issue: volunteers)', () => {
  it('is one who asks, with the answer and its candidates in one piece', async () => {
    const { clock, broker, offers, ask, counters } = town(['answers'])
    broker.offered(0, 1)
    const sdp = await outcomeOf(clock, ask())
    expect(sdp).toContain('a=setup:active')
    expect(sdp).toContain(`a=${CANDIDATE}`)
    expect(offers[0]).toContain('a=setup:actpass')
    expect(counters.get('bridge-brokered')).toBe(1)
  })

  it('is nobody where nobody offers, or offers no more', async () => {
    const { clock, broker, called, ask } = town(['answers'])
    expect(await outcomeOf(clock, ask())).toBe('bridge-nobody')
    broker.offered(0, 2)
    broker.offered(0, 0)
    expect(await outcomeOf(clock, ask())).toBe('bridge-nobody')
    broker.offered(0, 2)
    broker.lost(0)
    expect(await outcomeOf(clock, ask())).toBe('bridge-nobody')
    expect(called).toEqual([])
  })

  it('fills the places that a page offers, and no more', async () => {
    const { clock, broker, called, ask } = town(['answers'])
    broker.offered(0, 2)
    expect(await outcomeOf(clock, ask())).toContain('a=setup')
    expect(await outcomeOf(clock, ask())).toContain('a=setup')
    expect(await outcomeOf(clock, ask())).toBe('bridge-nobody')
    expect(called).toEqual([0, 0])
  })

  it('goes to another where one refuses or says nothing, and does not come back to that one', async () => {
    const { clock, broker, called, ask } = town(['refuses', 'silent', 'answers'])
    for (const way of [0, 1]) broker.offered(way, 3)
    expect(await outcomeOf(clock, ask())).toBe('bridge-nobody')
    expect([...called].sort()).toEqual([0, 1])
    expect(broker.volunteers).toBe(0)
    broker.offered(2, 3)
    expect(await outcomeOf(clock, ask())).toContain('a=setup')
  })

  it('does not come back to one that failed for a minute, however often it offers', async () => {
    const { clock, broker, called, ask } = town(['silent', 'answers'])
    broker.offered(0, 3)
    expect(await outcomeOf(clock, ask('a'))).toBe('bridge-nobody')
    broker.offered(0, 255)
    expect(await outcomeOf(clock, ask('b'))).toBe('bridge-nobody')
    broker.offered(1, 255)
    for (const asker of ['c', 'd', 'e', 'f']) expect(await outcomeOf(clock, ask(asker))).toContain('a=setup')
    expect(called).toEqual([0, 1, 1, 1, 1])
    broker.offered(1, 0)
    clock.advance(BROKER_REST_MS)
    expect(await outcomeOf(clock, ask('g'))).toBe('bridge-nobody')
    expect(called.at(-1)).toBe(0)
  })

  it('is drawn by chance', async () => {
    const { clock, broker, called } = town(['answers', 'answers', 'answers', 'answers'])
    for (const way of [0, 1, 2, 3]) broker.offered(way, 255)
    for (let i = 0; i < 40; i++)
      expect(await outcomeOf(clock, broker.ask(`${i}`, OFFER))).toContain('a=setup')
    for (const way of [0, 1, 2, 3]) expect(called.filter((each) => each === way).length).toBeGreaterThan(2)
  })

  it('is asked so often in a minute, by one address and by all', async () => {
    const { clock, broker, ask, counters } = town([], { asksPerMinute: 5, asksPerMinutePerAddress: 2 })
    expect(broker.volunteers).toBe(0)
    for (const expected of ['bridge-nobody', 'bridge-nobody', 'bridge-limit']) {
      expect(await outcomeOf(clock, ask('a'))).toBe(expected)
    }
    for (const asker of ['b', 'c', 'd']) expect(await outcomeOf(clock, ask(asker))).toBe('bridge-nobody')
    expect(await outcomeOf(clock, ask('e'))).toBe('bridge-limit')
    clock.advance(60_000)
    expect(await outcomeOf(clock, ask('a'))).toBe('bridge-nobody')
    expect(counters.get('bridge-limit')).toBe(2)
  })

  it('is forgotten when the minute is over, though nobody asks again', async () => {
    const { clock, broker, ask } = town([])
    for (const asker of ['a', 'b']) expect(await outcomeOf(clock, ask(asker))).toBe('bridge-nobody')
    expect(broker.askers).toBe(2)
    clock.advance(60_000)
    expect([broker.askers, clock.idle]).toEqual([0, true])
  })

  it('leaves nothing behind that runs when the relay has stopped', async () => {
    const { clock, broker, ask } = town(['refuses'])
    broker.offered(0, 1)
    expect(await outcomeOf(clock, ask())).toBe('bridge-nobody')
    broker.stop()
    expect([broker.volunteers, broker.askers]).toEqual([0, 0])
    clock.advance(10_000)
    expect(clock.idle).toBe(true)
  })

  it('remembers no more volunteers than it may, and takes nothing that is no offer', async () => {
    const { clock, broker, called, counters } = town(['answers', 'answers'], { volunteers: 1 })
    broker.offered(0, 1)
    broker.offered(1, 1)
    expect(broker.volunteers).toBe(1)
    expect(counters.get('bridge-volunteers-full')).toBe(1)
    for (const garbage of ['', 'v=0', OFFER.repeat(30), OFFER.replace('m=application', 'm=audio')]) {
      expect(await outcomeOf(clock, broker.ask(`${garbage.length}`, garbage))).toBe('bridge-malformed')
    }
    expect(called).toEqual([])
  })
})
