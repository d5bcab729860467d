import { describe, expect, it } from 'vitest'
import { VOLUNTEER_LIMITS } from '../../shared/link/bridge-limits.ts'
import { bridgeTermsOf } from '../../shared/link/bridge-terms.ts'
import { channelEnd, channelEndCode } from '../../shared/link/channel-end.ts'
import { closeCodeOf } from '../../shared/link/close-codes.ts'
import { ANSWER, OFFER } from '../../shared/link/session-description.fixture.ts'
import type { SignalEvents } from '../../shared/link/signalling.ts'
import { CANDIDATE, PlayedChannel, PlayedSession, PlayedSocket, world } from './bridge.fixture.ts'
import { BridgeVolunteer, type VolunteerState } from './bridge-volunteer.ts'

const DAY_MS = 86_400_000

function page(over: Partial<VolunteerState> = {}) {
  const { clock, counters } = world()
  const channels: PlayedChannel[] = []
  const sockets: PlayedSocket[] = []
  const offers: number[] = []
  const kept: VolunteerState[] = []
  const volunteer = new BridgeVolunteer({
    clock,
    counters,
    state: { on: true, limits: VOLUNTEER_LIMITS, day: 0, bytes: 0, ...over },
    openPort: (request) => {
      const channel = new PlayedChannel(request)
      channels.push(channel)
      return channel.port
    },
    openSocket: (events) => {
      const socket = new PlayedSocket(events)
      sockets.push(socket)
      return socket
    },
    stun: () => undefined,
    offer: (places) => offers.push(places),
    keep: (state) => kept.push(state),
    changed: () => {},
  })
  /** Somebody is passed on, as far as both ends being open. */
  const person = () => {
    const session = new PlayedSession()
    const events = volunteer.called(session) as SignalEvents
    events.onDescription(OFFER)
    const channel = channels.at(-1) as PlayedChannel
    channel.report({ type: 'description', sdp: ANSWER })
    channel.report({ type: 'open' })
    const socket = sockets.at(-1) as PlayedSocket
    socket.events.onOpen()
    return { session, channel, socket }
  }
  return { clock, counters, volunteer, channels, sockets, offers, kept, person }
}

/** What came to the other page, without the volunteer's own words. */
function passed(channel: PlayedChannel): Uint8Array[] {
  return channel.sent.filter(
    (each) => bridgeTermsOf(each) === undefined && channelEndCode(each) === undefined,
  )
}

function rates(channel: PlayedChannel): number[] {
  return channel.sent.flatMap((each) => bridgeTermsOf(each) ?? [])
}

describe('a page that passes others on (issue: volunteers)', () => {
  it('does so only when it is switched on, and tells nobody of it before', () => {
    const { volunteer, offers, channels, kept } = page({ on: false })
    volunteer.linked(true)
    expect(offers).toEqual([])
    expect(volunteer.called(new PlayedSession())).toBe('signal-off')
    volunteer.switch(true)
    expect(offers).toEqual([3])
    expect(kept.at(-1)?.on).toBe(true)
    volunteer.switch(false)
    expect(offers).toEqual([3, 0])
    expect(channels).toEqual([])
  })

  it('answers the call with the signals of its browser', () => {
    const { volunteer, channels, clock } = page()
    volunteer.linked(true)
    const session = new PlayedSession()
    const events = volunteer.called(session) as SignalEvents
    events.onDescription(OFFER)
    const [channel] = channels as [PlayedChannel]
    expect(channel.request.initiator).toBe(false)
    expect(channel.commands).toEqual([{ type: 'description', sdp: OFFER }])
    channel.report({ type: 'candidate', candidate: CANDIDATE })
    channel.report({ type: 'description', sdp: ANSWER })
    channel.report({ type: 'candidate', candidate: CANDIDATE })
    expect(session.described).toEqual([ANSWER])
    expect(session.candidates).toEqual([CANDIDATE, CANDIDATE])
    // A channel that never opens takes no place for long.
    expect(volunteer.people).toBe(1)
    clock.advance(20_000)
    expect(volunteer.people).toBe(0)
  })

  it('carries whole messages both ways, unread and in order', () => {
    const { volunteer, channels, sockets } = page()
    volunteer.linked(true)
    const events = volunteer.called(new PlayedSession()) as SignalEvents
    events.onDescription(OFFER)
    const [channel] = channels as [PlayedChannel]
    channel.report({ type: 'open' })
    const [socket] = sockets as [PlayedSocket]
    channel.message(Uint8Array.of(1, 2, 3))
    expect(socket.sent).toEqual([])
    socket.events.onOpen()
    channel.message(new Uint8Array(0))
    socket.events.onMessage(Uint8Array.of(9))
    socket.events.onMessage(Uint8Array.of(8, 7))
    expect(socket.sent.map((each) => [...each])).toEqual([[1, 2, 3], []])
    expect(passed(channel).map((each) => [...each])).toEqual([[9], [8, 7]])
  })

  it('ends when either side does, and tells the other why', () => {
    const { volunteer, person, offers } = page()
    volunteer.linked(true)
    const first = person()
    first.channel.message(channelEnd(closeCodeOf('unneeded')))
    expect(first.socket.closedWith).toBe(1000)
    const second = person()
    second.socket.events.onClosed(1006)
    expect(second.channel.sent.map(channelEndCode)).toContain(closeCodeOf('lost'))
    expect(second.channel.closed).toBe(true)
    expect(volunteer.people).toBe(0)
    expect(offers).toEqual([3, 2, 3, 2, 3])
  })

  it('closes with no code that a stranger made up', () => {
    const { volunteer, person } = page()
    volunteer.linked(true)
    const { channel, socket } = person()
    channel.message(channelEnd(77))
    expect(socket.closedWith).toBe(closeCodeOf('lost'))
  })

  it('takes as many people as it says, and no more', () => {
    const { volunteer, person, offers } = page({ limits: { ...VOLUNTEER_LIMITS, people: 2 } })
    volunteer.linked(true)
    person()
    const second = person()
    expect(volunteer.called(new PlayedSession())).toBe('signal-full')
    expect(offers).toEqual([2, 1, 0])
    second.socket.events.onClosed(1000)
    expect(offers).toEqual([2, 1, 0, 1])
    expect(volunteer.helped).toBe(2)
  })

  it('lets go of everybody when it is switched off', () => {
    const { volunteer, person } = page()
    volunteer.linked(true)
    const { channel, socket } = person()
    volunteer.switch(false)
    expect(channel.closed).toBe(true)
    expect(socket.closedWith).toBe(closeCodeOf('lost'))
    expect(volunteer.people).toBe(0)
    socket.events.onMessage(Uint8Array.of(1))
    expect(passed(channel)).toEqual([])
  })

  it('passes on nobody while it is passed on itself, and says its places to each relay link anew', () => {
    const { volunteer, offers } = page()
    expect(offers).toEqual([])
    expect(volunteer.called(new PlayedSession())).toBe('signal-full')
    volunteer.linked(true)
    volunteer.linked(false)
    volunteer.relinked()
    volunteer.linked(true)
    expect(offers).toEqual([3, 3])
  })

  it('keeps to its rate each way, all people together', () => {
    const { clock, volunteer, person } = page({ limits: { ...VOLUNTEER_LIMITS, bytesPerSecond: 50_000 } })
    volunteer.linked(true)
    const people = [person(), person()]
    // 10 s of more than both are told, in messages of 5,000 bytes.
    for (let tick = 0; tick < 100; tick++) {
      for (const { socket } of people) if (tick % 2 === 0) socket.events.onMessage(new Uint8Array(5_000))
      clock.advance(100)
    }
    const bytes = people
      .flatMap(({ channel }) => passed(channel))
      .reduce((sum, { length }) => sum + length, 0)
    // 10 s, and the second's worth that a bucket holds.
    expect(bytes).toBeLessThanOrEqual(50_000 * 11 + 10_000)
    expect(bytes).toBeGreaterThan(50_000 * 8)
  })

  it('ends the passage of somebody who sends faster than that, and of nobody else', () => {
    const { volunteer, person, counters } = page({ limits: { ...VOLUNTEER_LIMITS, bytesPerSecond: 50_000 } })
    volunteer.linked(true)
    const flood = person()
    const calm = person()
    for (let i = 0; i < 20 && !flood.channel.closed; i++) flood.channel.message(new Uint8Array(60_000))
    expect(flood.channel.closed).toBe(true)
    expect(flood.socket.closedWith).toBeDefined()
    expect(calm.channel.closed).toBe(false)
    expect(counters.get('bridge-passage-full')).toBe(1)
    expect(volunteer.people).toBe(1)
  })

  it('bears a flood of empty messages no longer', () => {
    const { volunteer, person } = page({ limits: { ...VOLUNTEER_LIMITS, bytesPerSecond: 50_000 } })
    volunteer.linked(true)
    const { channel } = person()
    let sent = 0
    for (; sent < 20_000 && !channel.closed; sent++) channel.message(new Uint8Array(0))
    expect(sent).toBeLessThan(5_000)
  })

  it('holds no more than 128 KiB for a relay that does not open, or a page that does not read', () => {
    const { volunteer, person, channels } = page()
    volunteer.linked(true)
    const events = volunteer.called(new PlayedSession()) as SignalEvents
    events.onDescription(OFFER)
    const unopened = channels.at(-1) as PlayedChannel
    unopened.report({ type: 'open' })
    unopened.message(new Uint8Array(60_000))
    unopened.message(new Uint8Array(60_000))
    expect(unopened.closed).toBe(false)
    unopened.message(new Uint8Array(60_000))
    expect(unopened.closed).toBe(true)
    const { channel, socket } = person()
    channel.writes = false
    for (let i = 0; i < 3; i++) socket.events.onMessage(new Uint8Array(60_000))
    expect(channel.closed).toBe(true)
  })

  it('tells a rate that begins low, grows while nothing waits, is shared, and halves when much waits', () => {
    const { clock, volunteer, person } = page()
    volunteer.linked(true)
    const first = person()
    expect(rates(first.channel)).toEqual([64_000])
    clock.advance(10_000)
    expect(rates(first.channel).at(-1)).toBe(225_000)
    person()
    clock.advance(500)
    expect(rates(first.channel).at(-1)).toBe(112_500)
    first.channel.writes = false
    first.socket.events.onMessage(new Uint8Array(40_000))
    clock.advance(500)
    expect(rates(first.channel).at(-1)).toBe(56_250)
    clock.advance(500)
    expect(rates(first.channel).at(-1)).toBe(56_250)
  })

  it('gives so much in a day, keeps count between visits, and goes on the next day', () => {
    const limits = { ...VOLUNTEER_LIMITS, bytesPerDay: 100_000 }
    const first = page({ limits })
    first.volunteer.linked(true)
    const { channel, socket } = first.person()
    for (let i = 0; i < 4; i++) socket.events.onMessage(new Uint8Array(20_000))
    expect(channel.closed).toBe(false)
    socket.events.onMessage(new Uint8Array(20_000))
    expect(channel.closed).toBe(true)
    expect(first.offers.at(-1)).toBe(0)

    const again = page({ ...(first.kept.at(-1) as VolunteerState), limits })
    again.volunteer.linked(true)
    expect(again.offers).toEqual([0])
    expect(again.volunteer.usedUp).toBe(true)
    expect(again.volunteer.called(new PlayedSession())).toBe('signal-full')
    again.clock.advance(DAY_MS)
    expect(again.offers).toEqual([0, 3])
    expect(again.volunteer.bytesToday).toBe(0)
  })

  it('lets go of everybody when its limits change, and keeps to the new ones', () => {
    const { clock, volunteer, person, offers, kept } = page()
    volunteer.linked(true)
    const before = person()
    volunteer.limit({ bytesPerSecond: 20_000, bytesPerDay: 1_000_000, people: 1 })
    expect(before.channel.closed).toBe(true)
    expect(kept.at(-1)?.limits.people).toBe(1)
    expect(offers.at(-1)).toBe(1)
    const { channel } = person()
    expect(rates(channel)).toEqual([18_000])
    expect(volunteer.called(new PlayedSession())).toBe('signal-full')
    clock.advance(5_000)
    expect(rates(channel)).toEqual([18_000])
  })

  it('gives the place of somebody who is silent to others', () => {
    const { clock, volunteer, person } = page()
    volunteer.linked(true)
    const { channel } = person()
    clock.advance(100_000)
    channel.message(Uint8Array.of(1))
    clock.advance(100_000)
    expect(volunteer.people).toBe(1)
    clock.advance(60_000)
    expect(volunteer.people).toBe(0)
  })
})
