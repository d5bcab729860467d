import { describe, expect, it } from 'vitest'
import { addressOf, type IpAddress } from '../bytes/address.ts'
import { KeyPair } from '../identity/keys.ts'
import { MESSAGE } from '../onion/constants.ts'
import { PREFIX, TestLink } from '../onion/onion.fixture.ts'
import { Counters } from '../world/counters.ts'
import { HIDDEN_OWNER_SETTINGS, HIDDEN_RELAY_LIMITS } from './constants.ts'
import { HiddenDownloader } from './downloader.ts'
import { HiddenLab, type LabRelay } from './hidden.fixture.ts'
import { HiddenCircuit } from './hidden-circuit.ts'
import { Inquiry, type IntroductionPoint } from './inquiry.ts'
import { type ListedRelay, lookupKey, nearestRelays } from './lookup.ts'
import { encodePacket, packetId } from './packets.ts'
import { RelayLookup } from './relay-lookup.ts'
import { HiddenSeeder } from './seeder.ts'

const HASH = new Uint8Array(20).fill(5)
const KEY = lookupKey(HASH)

/** Relays in the order of their distance from the swarm's place. */
const byDistance = (lab: HiddenLab) => nearestRelays(KEY, lab.relays, lab.relays.length)

/** Asks one relay for introduction points, as a stock owner asks its exit. */
function ask(lab: HiddenLab, relay: LabRelay, hops = 3): IntroductionPoint[][] {
  const owner = lab.owner(hops)
  const answers: IntroductionPoint[][] = []
  const inquiry = Inquiry.open({ ...owner.swarm(HASH), settings: HIDDEN_OWNER_SETTINGS }, relay, {
    ready: () => inquiry?.peers(KEY, (points) => answers.push(points)),
    closed: () => undefined,
  })
  lab.clock.advance(4_000)
  return answers
}

/** Somebody who is introduced at a relay of its own choice, as stock seeders are. */
function introduceAt(lab: HiddenLab, relay: LabRelay) {
  const seederKey = KeyPair.generate(lab.random).publicKey.bytes
  const asked: number[] = []
  const circuit = HiddenCircuit.build(
    { ...lab.owner().swarm(HASH), settings: HIDDEN_OWNER_SETTINGS },
    relay,
    {
      ready: () => circuit?.ask(MESSAGE.establishIntro, { infoHash: KEY, seederKey }, () => undefined),
      datagram: (_, data) => asked.push(packetId(PREFIX, data) ?? 0),
      closed: () => undefined,
    },
  )
  lab.clock.advance(2_000)
  return { seederKey, asked }
}

const keys = (points: IntroductionPoint[] | undefined) => points?.map((point) => point.seederKey.bytes)

describe('relays that ask and tell each other (issue 3: hidden seeding)', () => {
  it('answer for a swarm that is introduced elsewhere: the nearest are asked', () => {
    const lab = new HiddenLab(10)
    const seeder = new HiddenSeeder(lab.owner().swarm(HASH))
    seeder.start()
    lab.clock.advance(2_000)
    const [answer] = ask(lab, byDistance(lab).at(-1) as LabRelay)
    expect(keys(answer)).toEqual([seeder.publicKey.bytes])
  })

  it('tell the nearest of who is introduced far away, so that everybody finds him', () => {
    const lab = new HiddenLab(10)
    const ranked = byDistance(lab)
    const { seederKey } = introduceAt(lab, ranked[8] as LabRelay)
    for (const relay of [ranked[0], ranked[5], ranked[8]]) {
      const [answer] = ask(lab, relay as LabRelay)
      expect(keys(answer)).toEqual([seederKey])
      expect(answer?.[0]?.address).toEqual(ranked[8]?.address)
    }
    // Told again in time, and forgotten when there is nothing more to tell.
    lab.clock.advance(1_200_000)
    expect(keys(ask(lab, ranked[1] as LabRelay)[0])).toEqual([seederKey])
    lab.net.lose((ranked[8] as LabRelay).address)
    lab.relays.splice(lab.relays.indexOf(ranked[8] as LabRelay), 1)
    lab.clock.advance(1_000_000)
    expect(ask(lab, ranked[1] as LabRelay)).toEqual([[]])
  })

  it('ask each other when they are near themselves: stock seeders are introduced at one of them', () => {
    const lab = new HiddenLab(10)
    const [first, second] = byDistance(lab) as [LabRelay, LabRelay]
    const { seederKey } = introduceAt(lab, first)
    expect(ask(lab, second).map(keys)).toEqual([[seederKey]])
  })

  it('lead a downloader to who was introduced far away', () => {
    const lab = new HiddenLab(10)
    const { asked } = introduceAt(lab, byDistance(lab)[8] as LabRelay)
    new HiddenDownloader(lab.owner().swarm(HASH)).start()
    lab.clock.advance(2_500)
    expect(asked).toEqual([MESSAGE.createE2e])
  })

  it('ask nobody again for a while where nobody was found', () => {
    const lab = new HiddenLab(10)
    const far = byDistance(lab)[9] as LabRelay
    expect(ask(lab, far)).toEqual([[]])
    const before = lab.net.delivered
    expect(ask(lab, far)).toEqual([[]])
    const again = lab.net.delivered - before
    lab.clock.advance(30_000)
    const later = lab.net.delivered
    expect(ask(lab, far)).toEqual([[]])
    expect(lab.net.delivered - later).toBeGreaterThan(again + 5)
  })

  it('ask those that are not silent, and again at once where nobody answered', () => {
    const lab = new HiddenLab(10)
    const seeder = new HiddenSeeder(lab.owner().swarm(HASH))
    seeder.start()
    lab.clock.advance(2_000)
    const [first, second, third, ...others] = byDistance(lab) as [LabRelay, LabRelay, LabRelay, ...LabRelay[]]
    const far = others.at(-1) as LabRelay
    for (const relay of [first, second]) lab.net.lose(relay.address)
    lab.net.tamper = (from, to, packet) =>
      from === third.address || to === third.address ? undefined : packet
    expect(ask(lab, far, 1)).toEqual([[]])
    lab.net.tamper = undefined
    expect(keys(ask(lab, far, 1)[0])).toEqual([seeder.publicKey.bytes])
    const asked: string[] = []
    new RelayLookup({
      ...{ publicKey: far.publicKey, prefix: PREFIX, clock: lab.clock, random: lab.random },
      ...{ counters: new Counters(), limits: HIDDEN_RELAY_LIMITS },
      neighbours: {
        relays: () => lab.relays.map((relay) => ({ ...relay, silent: relay === first || relay === second })),
        own: () => far,
        linkTo: (address) => {
          asked.push(address.host)
          return undefined
        },
      },
    }).ask(KEY, () => undefined)
    const [fourth, fifth] = others as [LabRelay, LabRelay]
    expect(asked).toEqual([third, fourth, fifth].map(({ address }) => address.host))
  })

  it('count themselves among the nearest as others do: not beside a nearer one of their family or network', () => {
    const lab = new HiddenLab(0)
    const addresses = Array.from({ length: 8 }, (_, i) => addressOf(`198.${i}.1.7`, 7000) as IpAddress)
    const listed = addresses.map((address) => ({
      publicKey: KeyPair.generate(lab.random).publicKey,
      address,
    }))
    const [first, second, ...others] = nearestRelays(KEY, listed, 8) as typeof listed
    if (!first || !second) throw new RangeError('no relays')
    const isNear = (own: ListedRelay) =>
      new RelayLookup({
        ...{ publicKey: own.publicKey, prefix: PREFIX, clock: lab.clock, random: lab.random },
        counters: new Counters(),
        limits: HIDDEN_RELAY_LIMITS,
        neighbours: {
          relays: () => [{ ...first, family: 'c0ffee' }, ...others],
          own: () => own,
          linkTo: () => undefined,
        },
      }).isNear(KEY)
    expect(isNear({ ...second, family: 'decaf' })).toBe(true)
    expect(isNear({ ...second, family: 'c0ffee' })).toBe(false)
    expect(isNear({ ...second, address6: first.address })).toBe(false)
  })

  it('believe a relay of itself alone, and strangers nothing', () => {
    const lab = new HiddenLab(6)
    const [near, other, third] = byDistance(lab) as [LabRelay, LabRelay, LabRelay]
    const seederKey = KeyPair.generate(lab.random).publicKey.bytes
    const tell = (from: TestLink, point: LabRelay, nodeKey = point.publicKey.bytes) => {
      const peers = [{ address: point.address, nodeKey, seederKey, source: 2 }]
      near.hidden.packet(
        from,
        encodePacket(PREFIX, MESSAGE.peersResponse, { identifier: 0, infoHash: KEY, peers }),
      )
    }
    tell(new TestLink(addressOf('192.0.2.99', 9)), other)
    tell(new TestLink(third.address), other)
    tell(new TestLink(other.address), other, third.publicKey.bytes)
    expect(near.counters.get('hidden-hearsay-refused')).toBe(3)
    expect(ask(lab, near)).toEqual([[]])
    tell(new TestLink(other.address), other)
    expect(keys(ask(lab, near)[0])).toEqual([seederKey])
  })
})
