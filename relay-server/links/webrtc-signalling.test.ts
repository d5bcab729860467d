import { describe, expect, it } from 'vitest'
import { equalBytes } from '../../shared/bytes/bytes.ts'
import { KeyPair } from '../../shared/identity/keys.ts'
import { OFFER } from '../../shared/link/session-description.fixture.ts'
import { SignalEnd, type SignalEndReason, type SignalEvents } from '../../shared/link/signalling.ts'
import { SESSIONS_PER_LINK, SESSIONS_PER_RELAY } from '../../shared/link/signalling-limits.ts'
import { encodeSignal, NO_MID } from '../../shared/link/signalling-messages.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { Counters } from '../../shared/world/counters.ts'
import { RelaySignalling, type RelaySignallingOptions, type SignalWay } from './webrtc-signalling.ts'

const clock = new VirtualClock()
const random = new SeededRandom(3)
const key = () => KeyPair.generate(random).publicKey

/** A way to somebody; what is sent goes on in the same turn. */
class TestWay implements SignalWay {
  readonly publicKey = key()
  arrives: (body: Uint8Array) => void = () => {}

  sendSignal(body: Uint8Array): void {
    this.arrives(body)
  }
}

function signalling(options: Partial<RelaySignallingOptions> = {}) {
  const counters = new Counters()
  const relay = new RelaySignalling({
    clock,
    random,
    counters,
    ownMid: key().mid,
    forward: true,
    allowPrivate: false,
    openNeighbour: () => undefined,
    isRelay: () => false,
    ...options,
  })
  return { relay, counters }
}

function heard() {
  const descriptions: string[] = []
  const ends: SignalEndReason[] = []
  const events: SignalEvents = {
    onDescription: (sdp) => descriptions.push(sdp),
    onCandidate: () => {},
    onEnd: (reason) => ends.push(reason),
  }
  return { events, descriptions, ends }
}

/** A relay that answers every call with a description, and a middle that has a way to it and to a page. */
function town(known: boolean, forward = true) {
  const [toCalled, toPage, upOfCalled] = [new TestWay(), new TestWay(), new TestWay()]
  const middle = signalling({
    forward,
    openNeighbour: (mid) => (equalBytes(mid, toCalled.publicKey.mid) ? toCalled : undefined),
    isRelay: (way) => known && way === toCalled,
  })
  const called = signalling({
    ownMid: toCalled.publicKey.mid,
    onCall: (session) => ({ ...heard().events, onDescription: () => session.describe(OFFER) }),
  })
  toCalled.arrives = (body) => called.relay.receive(upOfCalled, body)
  upOfCalled.arrives = (body) => middle.relay.receive(toCalled, body)
  const page = new SignalEnd<string>({
    clock,
    random,
    counters: new Counters(),
    ownMid: NO_MID,
    send: (_way, body) => middle.relay.receive(toPage, body),
  })
  toPage.arrives = (body) => page.receive('middle', body)
  return { middle, called, page, toCalled }
}

describe('signalling of a relay: for itself and for others (L-06)', () => {
  it.each([
    ['that has a descriptor', true],
    ['that is not known for a relay yet', false],
  ])('brings a page’s call to a relay %s, and the answer back to the page', (_what, known) => {
    const { page, toCalled } = town(known)
    const { events, descriptions } = heard()
    page.call('middle', toCalled.publicKey.mid, events).describe(OFFER)
    expect(descriptions).toHaveLength(1)
  })

  it('takes answers to its own calls, also of a signaller that takes it for a page', () => {
    const { called } = town(false)
    const other = town(false)
    // The called one calls in turn, through the other middle, where nobody knows it for a relay.
    const up = new TestWay()
    const down = new TestWay()
    up.arrives = (body) => other.middle.relay.receive(down, body)
    down.arrives = (body) => called.relay.receive(up, body)
    const { events, descriptions } = heard()
    called.relay.end.call(up, other.toCalled.publicKey.mid, events).describe(OFFER)
    expect(descriptions).toHaveLength(1)
  })

  it('signals for nobody where that is switched off', () => {
    const { page, toCalled, middle } = town(true, false)
    const { events, ends } = heard()
    page.call('middle', toCalled.publicKey.mid, events).describe(OFFER)
    expect(ends).toEqual(['signal-unreachable'])
    expect(middle.counters.get('forward-session')).toBe(0)
  })

  it('is called so often in a minute by a page, and more often by a relay that passes on', () => {
    const ownMid = key().mid
    const [page, forwarder] = [new TestWay(), new TestWay()]
    const { relay, counters } = signalling({
      ownMid,
      isRelay: (way) => way === forwarder,
      onCall: () => heard().events,
    })
    const call = (way: SignalWay) => {
      const [session, piece] = [random.bytes(16), Uint8Array.of(1)]
      const offer = {
        session,
        kind: 'offer' as const,
        from: NO_MID,
        to: ownMid,
        message: 0,
        part: 0,
        parts: 2,
        piece,
      }
      relay.receive(way, encodeSignal(offer))
    }
    for (let i = 0; i < 100; i++) call(page)
    expect(counters.get('signal-called')).toBe(SESSIONS_PER_LINK)
    for (let i = 0; i < 100; i++) call(forwarder)
    expect(counters.get('signal-called')).toBe(SESSIONS_PER_LINK + SESSIONS_PER_RELAY)
    relay.close()
  })
})
