import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { ADDRESS_CANDIDATES } from './candidates.ts'
import { sampleDescription } from './session-description.fixture.ts'
import { expectRoomForNewcomers, signals } from './signalling.fixture.ts'
import { SignalEnd, type SignalEndReason, type SignalEvents, type SignalSession } from './signalling.ts'
import { isSignalTo, SignalForwarder } from './signalling-forwarder.ts'
import {
  FORWARDED_SESSION_BYTES,
  FORWARDED_SESSIONS,
  OWN_SESSIONS,
  SESSIONS_PER_LINK,
  SESSIONS_PER_RELAY,
  SIGNAL_REPEAT_MS,
  SIGNAL_REPEATS,
  SIGNAL_SESSION_MS,
} from './signalling-limits.ts'
import { decodeSignal, encodeSignal, NO_MID, type Signal } from './signalling-messages.ts'

const OFFER = sampleDescription({ ufrag: 'offer', more: Array(40).fill('a=sendrecv') })
const ANSWER = sampleDescription({ ufrag: 'answer', setup: 'active' })
const CANDIDATE = 'candidate:1 1 UDP 2114977791 9.1.2.3 4000 typ host'

const midOf = (name: string) => new Uint8Array(20).fill(name.charCodeAt(0))

interface Heard extends SignalEvents {
  readonly descriptions: string[]
  readonly candidates: string[]
  readonly ends: SignalEndReason[]
}

function heard(): Heard {
  const [descriptions, candidates, ends]: [string[], string[], SignalEndReason[]] = [[], [], []]
  return {
    descriptions,
    candidates,
    ends,
    onDescription: (sdp) => descriptions.push(sdp),
    onCandidate: (candidate) => candidates.push(candidate),
    onEnd: (reason) => ends.push(reason),
  }
}

/** A page and a relay, both with a link to a forwarder. A link is named after who is at its end. */
class Town {
  readonly clock = new VirtualClock()
  readonly counters = new Counters()
  readonly random = new SeededRandom(11)
  /** Each packet passes here; false loses it. */
  travel: (to: string, body: Uint8Array) => boolean = () => true
  readonly packets: { readonly to: string; readonly signal: Signal }[] = []
  readonly links = new Map<string, { readonly name: string }>()
  readonly calls: { readonly session: SignalSession; readonly heard: Heard }[] = []
  onCall: ((session: SignalSession) => void) | undefined
  readonly relayUplink = { name: 'uplink' }
  readonly relay = new SignalEnd({
    ...this.world,
    ownMid: midOf('r'),
    send: (_way, body) => this.toForwarder('relay', body),
    onCall: (session) => {
      const events = heard()
      this.calls.push({ session, heard: events })
      this.onCall?.(session)
      return events
    },
  })
  readonly pages = new Map<string, SignalEnd<object>>()
  readonly forwarder = new SignalForwarder<{ readonly name: string }>({
    ...this.world,
    wayTo: (mid) => (mid[0] === 'r'.charCodeAt(0) ? this.linkTo('relay') : undefined),
    midOf: ({ name }) => (name === 'relay' ? midOf('r') : NO_MID),
    send: (way, body) => this.deliver(way.name, body),
  })

  private get world() {
    return { clock: this.clock, random: this.random, counters: this.counters }
  }

  linkTo(name: string): { readonly name: string } {
    const link = this.links.get(name) ?? { name }
    this.links.set(name, link)
    return link
  }

  page(name: string, onCall?: () => SignalEvents): SignalEnd<object> {
    const page = new SignalEnd<object>({
      ...this.world,
      ownMid: NO_MID,
      send: (_way, body) => this.toForwarder(name, body),
      ...(onCall && { onCall }),
    })
    this.pages.set(name, page)
    return page
  }

  toForwarder(from: string, body: Uint8Array): void {
    if (this.travel('forwarder', body)) this.forwarder.receive(this.linkTo(from), body)
  }

  private deliver(name: string, body: Uint8Array): void {
    this.packets.push({ to: name, signal: decodeSignal(body) })
    if (!this.travel(name, body)) return
    if (name === 'relay') this.relay.receive(this.relayUplink, body)
    else this.pages.get(name)?.receive(PAGE_WAY, body)
  }
}
const PAGE_WAY = { name: 'way of a page' }

/** A page that has called, and said its offer. */
function called(town: Town, name = 'page') {
  const events = heard()
  const session = (town.pages.get(name) ?? town.page(name)).call(PAGE_WAY, midOf('r'), events)
  session.describe(OFFER)
  return { events, session }
}

describe('signalling through a relay that forwards (L-06)', () => {
  it('brings offer, answer and candidates to the other end, each once', () => {
    const town = new Town()
    const { events, session } = called(town)
    session.candidate(CANDIDATE)
    const [call] = town.calls
    expect(call?.session.peer).toEqual(NO_MID)
    expect(call?.heard.descriptions).toEqual([expect.stringContaining('a=ice-ufrag:offer')])
    expect(call?.heard.candidates).toEqual([CANDIDATE])
    call?.session.describe(ANSWER)
    call?.session.candidate(CANDIDATE)
    expect(events.descriptions).toEqual([expect.stringContaining('a=ice-ufrag:answer')])
    expect(events.candidates).toEqual([CANDIDATE])
    session.end()
    expect(call?.heard.ends).toEqual(['signal-ended-there'])
    expect([town.relay.size, town.pages.get('page')?.size]).toEqual([0, 0])
  })

  it('tells the called relay nothing of a page, and the page whom it reached, whatever they claim', () => {
    const town = new Town()
    const page = town.page('page')
    const session = page.call(PAGE_WAY, midOf('r'), heard())
    town.travel = (to, body) => {
      if (to !== 'forwarder') return true
      town.travel = () => true
      town.forwarder.receive(town.linkTo('page'), encodeSignal({ ...decodeSignal(body), from: midOf('x') }))
      return false
    }
    session.describe(ANSWER)
    town.calls[0]?.session.describe(ANSWER)
    expect(town.packets.map(({ to, signal }) => [to, signal.from])).toEqual([
      ['relay', NO_MID],
      ['page', midOf('r')],
    ])
  })

  it('comes through when packets are lost, by saying them again, a bounded number of times', () => {
    const town = new Town()
    let lost = 0
    town.travel = () => lost++ % 3 !== 1
    town.onCall = () => {}
    const { events } = called(town)
    for (let i = 0; i < SIGNAL_REPEATS && town.calls[0]?.heard.descriptions.length !== 1; i++) {
      town.clock.advance(SIGNAL_REPEAT_MS)
    }
    expect(town.calls[0]?.heard.descriptions).toHaveLength(1)
    town.travel = (to) => to !== 'page'
    town.calls[0]?.session.describe(ANSWER)
    expect(events.descriptions).toHaveLength(0)
    town.travel = () => true
    town.clock.advance(SIGNAL_REPEAT_MS)
    expect(events.descriptions).toHaveLength(1)
    const sent = town.counters.get('signal-sent')
    town.clock.advance(SIGNAL_SESSION_MS)
    expect(town.counters.get('signal-sent')).toBe(sent)
    expect(town.clock.idle).toBe(true)
  })

  it('says what nobody hears so many times, then gives up in time', () => {
    const town = new Town()
    town.travel = () => false
    const { events } = called(town)
    const once = town.counters.get('signal-sent')
    town.clock.advance(SIGNAL_SESSION_MS)
    expect(town.counters.get('signal-sent')).toBe(once * (1 + SIGNAL_REPEATS))
    expect(events.ends).toEqual(['signal-timeout'])
  })

  it('hands candidates over after the description, in whatever order they came', () => {
    const town = new Town()
    const held: Uint8Array[] = []
    const page = town.page('page')
    const session = page.call(PAGE_WAY, midOf('r'), heard())
    town.travel = (to, body) => {
      if (to === 'relay') held.push(body)
      return to !== 'relay'
    }
    session.describe(OFFER)
    session.candidate(CANDIDATE)
    town.travel = () => true
    const [first, ...rest] = held as [Uint8Array, ...Uint8Array[]]
    town.relay.receive(town.relayUplink, first)
    for (const body of rest.reverse()) town.relay.receive(town.relayUplink, body)
    expect(town.calls[0]?.heard.descriptions).toHaveLength(1)
    expect(town.calls[0]?.heard.candidates).toEqual([CANDIDATE])
  })

  it('tells the caller why not: no such relay, switched off, full', () => {
    const town = new Town()
    const page = town.page('page')
    const nobody = heard()
    page.call(PAGE_WAY, midOf('z'), nobody).describe(ANSWER)
    expect(nobody.ends).toEqual(['signal-unreachable'])
    const offer = (end: SignalEnd<object>, i: number) =>
      end.receive(
        PAGE_WAY,
        encodeSignal({ ...SHORT, session: new Uint8Array(16).fill(i), piece: Uint8Array.of(1) }),
      )
    offer(town.page('deaf'), 1)
    expect(town.counters.get('signal-off')).toBe(1)
    const open = town.page('open', heard)
    for (let i = 0; i < OWN_SESSIONS + 2; i++) {
      open.receive(
        { name: `way ${i}` },
        encodeSignal({ ...SHORT, parts: 2, session: new Uint8Array(16).fill(i), piece: Uint8Array.of(1) }),
      )
    }
    expect(open.size).toBe(OWN_SESSIONS)
    expect(town.counters.get('signal-full')).toBe(2)
  })

  it('ends what went over a link that is lost, and lets nobody else speak in a session', () => {
    const town = new Town()
    const { events, session } = called(town)
    const before = town.packets.length
    const id = (town.packets[0] as { signal: Signal }).signal.session
    town.forwarder.receive(town.linkTo('stranger'), encodeSignal({ ...SHORT, session: id, kind: 'end' }))
    town.relay.receive({ name: 'another' }, encodeSignal({ ...SHORT, session: id, kind: 'end' }))
    expect(town.packets).toHaveLength(before)
    expect(town.counters.get('forward-other-link')).toBe(1)
    expect(town.counters.get('signal-other-way')).toBe(1)
    expect(town.calls[0]?.session.open).toBe(true)
    town.pages.get('page')?.lost(PAGE_WAY)
    expect(events.ends).toEqual(['signal-lost'])
    expect(session.open).toBe(false)
    town.forwarder.lost(town.linkTo('page'))
    expect(town.forwarder.size).toBe(0)
  })
})

const SHORT: Signal = {
  session: new Uint8Array(16),
  kind: 'offer',
  from: NO_MID,
  to: midOf('r'),
  message: 0,
  part: 0,
  parts: 1,
  piece: Uint8Array.of(1),
}

describe('signalling: limits (L-06)', () => {
  it('opens so many sessions for one link, and to one relay, in a minute, and answers no more than it is asked', () => {
    const town = new Town()
    let asked = 0
    town.travel = () => false
    const ask = (name: string, i: number) => {
      const session = town.random.bytes(16)
      asked += 1
      town.forwarder.receive(town.linkTo(name), encodeSignal({ ...SHORT, session, message: i % 2 }))
    }
    for (let i = 0; i < 2 * SESSIONS_PER_LINK; i++) ask('one', i)
    expect(town.forwarder.size).toBe(SESSIONS_PER_LINK)
    for (let i = 0; i < SESSIONS_PER_RELAY; i++) ask(`page ${i}`, i)
    expect(town.forwarder.size).toBe(SESSIONS_PER_RELAY)
    expect(town.packets).toHaveLength(asked)
    expect(town.packets.every(({ signal }) => signal.piece.length === 1)).toBe(true)
  })

  it('remembers a bounded number of sessions, and each for a bounded time', () => {
    const town = new Town()
    for (let i = 0; town.forwarder.size < FORWARDED_SESSIONS && i < 10_000; i++) {
      town.clock.advance(20)
      const link = town.linkTo(`page ${i}`)
      town.forwarder.receive(link, encodeSignal({ ...SHORT, session: town.random.bytes(16) }))
    }
    expect(town.forwarder.size).toBeLessThanOrEqual(FORWARDED_SESSIONS)
    town.clock.advance(SIGNAL_SESSION_MS)
    town.forwarder.receive(town.linkTo('late'), encodeSignal({ ...SHORT, kind: 'end' }))
    expect(town.forwarder.size).toBe(0)
  })

  it('has room for who has called seldom, where others have called so often that there is none', () => {
    const random = new SeededRandom(3)
    const counters = new Counters()
    const sent: object[] = []
    const forwarder = new SignalForwarder<object>({
      clock: new VirtualClock(),
      counters,
      wayTo: () => ({}),
      midOf: () => NO_MID,
      send: (way) => sent.push(way),
    })
    const call = (way: object) =>
      forwarder.receive(way, encodeSignal({ ...SHORT, session: random.bytes(16), piece: Uint8Array.of(1) }))
    const used = () => forwarder.size
    expectRoomForNewcomers({
      room: FORWARDED_SESSIONS,
      call,
      used,
      taken: () => counters.get('forward-session'),
    })
    expect(counters.get('forward-displaced')).toBeGreaterThan(0)
  })

  it('forgets in time what it called itself, though nobody ever calls it', () => {
    const town = new Town()
    const page = town.page('page')
    for (let i = 0; i < 100; i++) {
      called(town).session.end()
      town.clock.advance(SIGNAL_SESSION_MS / 4)
    }
    expect(page.size).toBe(0)
    expect(page.remembered).toBeLessThanOrEqual(5)
  })

  it('passes a bounded number of bytes on in a session', () => {
    const town = new Town()
    const piece = new Uint8Array(1_200)
    for (let i = 0; i < 1_000; i++) {
      town.forwarder.receive(town.linkTo('page'), encodeSignal({ ...SHORT, parts: 2, piece }))
    }
    const passed = town.packets.filter(({ to }) => to === 'relay')
    expect(passed.length * 1_200).toBeLessThanOrEqual(FORWARDED_SESSION_BYTES)
    expect(town.counters.get('forward-limit')).toBeGreaterThan(0)
  })

  it('ends a session in which something else comes than belongs, and says so', () => {
    const malformed: Partial<Signal>[] = [
      { piece: new TextEncoder().encode('not a description') },
      { piece: Uint8Array.of(0, 1, 2) },
      { kind: 'answer' },
    ]
    for (const what of malformed) {
      const town = new Town()
      town.relay.receive(town.relayUplink, encodeSignal({ ...SHORT, parts: 2 }))
      town.relay.receive(town.relayUplink, encodeSignal({ ...SHORT, parts: 2, part: 1, ...what }))
      expect(town.calls[0]?.heard.ends).toEqual(['signal-malformed'])
      expect(town.counters.get('signal-malformed')).toBe(1)
    }
  })

  it('hands up so many addresses and no more, whoever they belong to', () => {
    const town = new Town()
    const { session } = called(town)
    const name = '0fb6ea2b-4a0a-4c1f-9d1e-1f0a3c7be4f0.local'
    for (let i = 0; i < 20; i++) session.candidate(CANDIDATE.replace('9.1.2.3', `9.1.2.${i}`))
    session.candidate(CANDIDATE.replace('9.1.2.3', name))
    expect(town.calls[0]?.heard.candidates).toHaveLength(ADDRESS_CANDIDATES + 1)
    expect(town.calls[0]?.heard.candidates.at(-1)).toContain(name)
  })

  it('tells what is for itself from what is to be passed on', () => {
    expect(isSignalTo(midOf('r'), encodeSignal(SHORT))).toBe(true)
    expect(isSignalTo(midOf('s'), encodeSignal(SHORT))).toBe(false)
    expect(isSignalTo(midOf('r'), Uint8Array.of(1))).toBe(false)
  })

  it('never bring an end or a forwarder down, whatever comes', () => {
    const town = new Town()
    town.page('page')
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), signals.map(encodeSignal)), (body) => {
        town.forwarder.receive(town.linkTo('page'), body)
        town.relay.receive(town.relayUplink, body)
      }),
    )
  })
})
