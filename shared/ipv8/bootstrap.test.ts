import { describe, expect, it } from 'vitest'
import { formatAddress, type IpAddress, NO_ADDRESS } from '../bytes/address.ts'
import { KeyPair } from '../identity/keys.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { INTRODUCTION_REQUEST, NEW_INTRODUCTION_REQUEST, TUNNEL_COMMUNITY_ID } from './constants.ts'
import { OLD_STYLE } from './introduction.ts'
import { openSigned, prefixOf, signedPacket } from './packet.ts'
import { ip, Town } from './town.fixture.ts'

const prefix = prefixOf(TUNNEL_COMMUNITY_ID)
const addresses = Array.from({ length: 13 }, (_, n) => ip(100 + n))
const isRequest = (packet: Uint8Array) =>
  [INTRODUCTION_REQUEST, NEW_INTRODUCTION_REQUEST].includes(packet[22] as number)
const askedOf = (town: Town) =>
  new Set(town.sent.filter(({ packet }) => isRequest(packet)).map(({ to }) => to))

describe('bootstrap (N-05)', () => {
  it('contacts the whole list on start, and later additions at once', () => {
    const town = new Town()
    const walker = town.add(1, { bootstrap: addresses })
    expect(town.sent).toEqual([])
    walker.start()
    expect(askedOf(town).size).toBe(13)
    walker.addBootstrap([ip(200), ip(100)])
    expect(askedOf(town).size).toBe(14)
    expect(walker.status).toMatchObject({ state: 'starting', bootstrapKnown: 14, bootstrapAnswered: 0 })
    town.stop()
  })

  it('forgets an address that another has taken the place of', () => {
    const town = new Town()
    const walker = town.add(1, { bootstrap: [ip(100), ip(101)] })
    walker.start()
    for (let n = 102; n < 202; n++) walker.addBootstrap([ip(n)], [ip(n - 1)])
    expect(walker.status.bootstrapKnown).toBe(2)
    town.clock.advance(10_000)
    town.sent.length = 0
    town.clock.advance(60_000)
    expect(askedOf(town)).toEqual(new Set([ip(100), ip(201)].map(formatAddress)))
    town.stop()
  })

  it('goes on with any one that answers, and with another when that one falls silent', () => {
    const town = new Town()
    const walker = town.add(1, { bootstrap: addresses })
    town.add(100 + 7)
    walker.start()
    town.clock.advance(1_000)
    expect(walker.status).toMatchObject({ state: 'joined', bootstrapAnswered: 1, peers: 1 })
    town.sent.length = 0
    // One at a time from now on, and a backup for each that does not answer.
    town.clock.advance(60_000)
    expect(askedOf(town).size).toBeGreaterThan(2)
    expect(town.sent.length).toBeLessThan(60 * 5 * 2)
    town.stop()
  })

  it('takes a tracker, which is of no community and has no flags, for no relay', () => {
    const town = new Town()
    const tracker = KeyPair.generate(new SeededRandom(77))
    const walker = town.add(1, { bootstrap: [ip(50)] })
    walker.start()
    const { value: request } = openSigned(town.sent[0]!.packet, OLD_STYLE.request)
    const { identifier } = request
    const head = { time: 1n, destination: ip(1), lan: ip(50), wan: ip(50), bits: 0, identifier }
    const introduced = { introducedLan: NO_ADDRESS, introducedWan: ip(60), extra: new Uint8Array() }
    const answer = { ...head, ...introduced }
    walker.receive(ip(50), signedPacket(prefix, OLD_STYLE.responseId, tracker, OLD_STYLE.response, answer))
    expect(walker.peers()).toEqual([])
    expect(walker.status).toMatchObject({ state: 'starting', bootstrapAnswered: 1 })
    // What it says counts all the same.
    expect(walker.wan).toEqual(ip(1))
    expect(walker.walkable()).toEqual([ip(60)])
    town.stop()
  })
})

describe('degraded mode (N-06)', () => {
  it('says so when nobody answers, tries every 30 s, and recovers by itself, more than once', () => {
    const town = new Town()
    for (const n of [100, 101]) town.add(n, { bootstrap: [ip(100), ip(101)] }).start()
    const here = formatAddress(ip(1))
    town.mute.add(here)
    const walker = town.add(1, { bootstrap: addresses })
    walker.start()
    const states = () => town.statuses.get(walker)?.map(({ state }) => state)
    town.clock.advance(9_000)
    expect(states()).toEqual(['starting'])
    town.clock.advance(51_000)
    expect(states()).toEqual(['starting', 'degraded'])
    // Rounds: all 13, five times each.
    const rounds = () =>
      town.sent.filter(({ from, to }) => from === here && to === formatAddress(ip(112))).length / 5
    const before = rounds()
    town.clock.advance(120_000)
    expect(rounds() - before).toBe(4)

    town.mute.clear()
    town.clock.advance(31_000)
    expect(states()).toEqual(['starting', 'degraded', 'joined'])

    town.mute.add(here)
    town.clock.advance(150_000)
    expect(walker.peers()).toEqual([])
    expect(states()?.at(-1)).toBe('degraded')
    town.mute.clear()
    town.clock.advance(41_000)
    expect(states()?.at(-1)).toBe('joined')
    expect(town.counters.get('ipv8-degraded')).toBeGreaterThanOrEqual(2)
    town.stop()
  })
})

describe('without any bootstrap node (N-06, D-01)', () => {
  it('joins by members that are known from elsewhere, whenever they are known', () => {
    const town = new Town()
    town.add(100).start()
    const known: IpAddress[] = []
    const walker = town.add(1, { more: { alsoAsk: () => known } })
    walker.start()
    town.clock.advance(60_000)
    expect(walker.status.state).toBe('degraded')
    known.push(ip(100))
    town.clock.advance(3_000)
    expect(walker.status).toMatchObject({ state: 'joined', peers: 1, bootstrapKnown: 0 })
    town.mute.add(formatAddress(ip(1)))
    town.clock.advance(150_000)
    expect(walker.status).toMatchObject({ state: 'degraded', peers: 0 })
    town.mute.clear()
    // Whoever fell silent is left alone for a while.
    town.clock.advance(320_000)
    expect(walker.status.state).toBe('joined')
    town.stop()
  })
})

describe('size and pace of the walk (N-07)', () => {
  it('brings each of 40 nodes to 20 peers within two minutes, asks them all again within the next five, and replaces the dead', {
    timeout: 120_000,
  }, () => {
    const town = new Town()
    const all = Array.from({ length: 40 }, (_, n) => town.add(n, { bootstrap: n === 0 ? [] : [ip(0)] }))
    for (const walker of all) walker.start()
    town.clock.advance(120_000)
    for (const walker of all) expect(walker.peers().length).toBeGreaterThanOrEqual(20)

    const watched = all[5]!
    const from = formatAddress(ip(5))
    const known = new Set(watched.peers().map(({ address }) => formatAddress(address)))
    town.sent.length = 0
    town.clock.advance(310_000)
    const asked = town.sent.filter(({ from: by, packet }) => by === from && isRequest(packet))
    const talked = new Set(asked.map(({ to }) => to))
    for (const { to, from: by, packet } of town.sent) if (to === from && isRequest(packet)) talked.add(by)
    for (const peer of known) expect(talked).toContain(peer)

    const dead = watched.peers().slice(0, 10)
    for (const { address } of dead) town.mute.add(formatAddress(address))
    town.clock.advance(180_000)
    const alive = watched.peers().filter(({ address }) => !town.mute.has(formatAddress(address)))
    expect(alive.length).toBe(watched.peers().length)
    expect(alive.length).toBeGreaterThanOrEqual(20)
    town.stop()
  })
})
