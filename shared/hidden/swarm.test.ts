import { describe, expect, it } from 'vitest'
import { formatAddress } from '../bytes/address.ts'
import { HiddenDownloader } from './downloader.ts'
import { downloading, HASH, HiddenLab, type LabOwner, type LabRelay, seeding } from './hidden.fixture.ts'
import type { HiddenCircuits } from './hidden-circuits.ts'
import { lookupKey, nearestRelays } from './lookup.ts'
import { HiddenSeeder } from './seeder.ts'

const OTHER = new Uint8Array(20).fill(6)
const text = (value: string) => Uint8Array.from(value, (letter) => letter.charCodeAt(0))

const datagrams = (owner: LabOwner) => owner.events.filter((event) => event.startsWith('datagram'))

describe('hidden swarms end to end (issue 3: hidden seeding)', () => {
  it('keeps three introduction points: the relays nearest to the swarm', () => {
    const lab = new HiddenLab(12)
    const { seeder } = seeding(lab)
    expect(seeder.introductionPoints).toBe(3)
    const near = nearestRelays(lookupKey(HASH), lab.relays, 3)
    for (const relay of lab.relays) {
      expect(relay.hidden.stats.introductions).toBe(near.includes(relay) ? 1 : 0)
    }
  })

  it.each([1, 2, 3])('links two owners with circuits of %i hops, no exit involved', (hops) => {
    const lab = new HiddenLab(8)
    const { owner: alice, seeder } = seeding(lab, hops)
    const { owner: dave, downloader } = downloading(lab, hops)
    expect(dave.events).toEqual(['opened downloader'])
    expect(downloader.peers).toHaveLength(1)
    dave.peers[0]?.send(text('from downloader to seeder'))
    lab.clock.advance(1_000)
    expect(alice.events).toEqual(['opened seeder', 'datagram from downloader to seeder'])
    expect(seeder.peers).toHaveLength(1)
    alice.peers[0]?.send(text('from seeder to downloader'))
    lab.clock.advance(1_000)
    expect(datagrams(dave)).toEqual(['datagram from seeder to downloader'])
    // Signalling went through the introduction point itself: not one packet left by an exit's socket.
    expect(lab.relays.map((relay) => relay.exited)).toEqual(lab.relays.map(() => 0))
  })

  it('stays linked through quiet minutes, and notices at both ends when one leaves', () => {
    const lab = new HiddenLab(8)
    const { owner: alice } = seeding(lab)
    const { owner: dave } = downloading(lab)
    lab.clock.advance(300_000)
    dave.peers[0]?.send(text('still here'))
    lab.clock.advance(1_000)
    expect(datagrams(alice)).toEqual(['datagram still here'])
    dave.peers[0]?.close()
    lab.clock.advance(1_000)
    expect(dave.events).toContain('closed downloader')
    lab.clock.advance(30_000)
    expect(alice.events).toContain('closed seeder')
  })

  it('is found again at once where a circuit breaks soon after the look-up, and after a pause where that goes on', () => {
    const lab = new HiddenLab(8)
    seeding(lab)
    const { owner: dave, downloader } = downloading(lab)
    dave.peers[0]?.close()
    lab.clock.advance(3_000)
    expect(dave.events).toEqual(['opened downloader', 'closed downloader', 'opened downloader'])
    dave.peers[1]?.close()
    lab.clock.advance(8_000)
    expect(downloader.peers).toEqual([])
    lab.clock.advance(7_000)
    expect(downloader.peers).toHaveLength(1)
  })

  it('outlives the hour that relays give a circuit: introductions and links are made anew', {
    timeout: 120_000,
  }, () => {
    const lab = new HiddenLab(6)
    const { owner: alice, seeder } = seeding(lab, 2)
    const { owner: dave } = downloading(lab, 2)
    const introductions = alice.circuits.slice(0, 3)
    lab.clock.advance(3_700_000)
    // The introduction point itself would keep them for a day; the hops before it do not know what they carry.
    expect(introductions.map((circuit) => circuit.state)).toEqual(['closed', 'closed', 'closed'])
    expect(seeder.introductionPoints).toBe(3)
    expect(dave.events).toEqual(['opened downloader', 'closed downloader', 'opened downloader'])
    dave.peers.at(-1)?.send(text('again'))
    lab.clock.advance(1_000)
    expect(datagrams(alice)).toEqual(['datagram again'])
  })

  it('finds nobody in another swarm, nor where nobody seeds', () => {
    const lab = new HiddenLab(8)
    seeding(lab)
    const { owner, downloader } = downloading(lab, 3, OTHER)
    lab.clock.advance(60_000)
    expect(owner.events).toEqual([])
    expect(downloader.peers).toEqual([])
  })

  it('finds a seeder that comes later', () => {
    const lab = new HiddenLab(8)
    const { owner: dave } = downloading(lab)
    expect(dave.events).toEqual([])
    seeding(lab)
    lab.clock.advance(20_000)
    expect(dave.events).toEqual(['opened downloader'])
  })

  it('links to several seeders, and each of them to several downloaders', () => {
    const lab = new HiddenLab(8)
    const seeders = [seeding(lab), seeding(lab)]
    const downloaders = [downloading(lab), downloading(lab), downloading(lab)]
    lab.clock.advance(10_000)
    for (const { owner } of downloaders) {
      expect(owner.events).toEqual(['opened downloader', 'opened downloader'])
      for (const peer of owner.peers) peer.send(text('hello'))
    }
    lab.clock.advance(1_000)
    for (const { owner } of seeders) expect(datagrams(owner)).toHaveLength(3)
    const addresses = downloaders.flatMap(({ owner }) =>
      owner.peers.map((peer) => formatAddress(peer.address)),
    )
    expect(new Set(addresses).size).toBe(6)
  })

  it('is introduced, and found, elsewhere after all its introduction points have gone', () => {
    const lab = new HiddenLab(8)
    const { seeder } = seeding(lab)
    // Still in everybody's directory.
    const gone = nearestRelays(lookupKey(HASH), lab.relays, 3)
    for (const relay of gone) lab.net.lose(relay.address)
    lab.clock.advance(180_000)
    expect(seeder.introductionPoints).toBeGreaterThanOrEqual(2)
    const { owner: dave } = downloading(lab)
    lab.clock.advance(120_000)
    expect(dave.events).toContain('opened downloader')
  })

  it('serves a downloader that comes over the plain socket, from an exit of another relay (as stock peers do)', () => {
    const lab = new HiddenLab(8)
    const { seeder } = seeding(lab)
    const [introduction] = nearestRelays(lookupKey(HASH), lab.relays, 1)
    const through = lab.relays.find((relay) => relay !== introduction)
    if (!introduction || !through) throw new RangeError('no relays')
    const dave = lab.owner()
    const downloader = new HiddenDownloader(dave.swarm(HASH))
    downloader.connect({ ...introduction, seederKey: seeder.publicKey }, through)
    lab.clock.advance(5_000)
    expect(dave.events).toEqual(['opened downloader'])
    expect(through.exited).toBe(1)
  })

  it('waits for a downloader where its circuits may meet, and at the next such relay if there is no way to one', () => {
    const lab = new HiddenLab(8)
    const alice = lab.owner()
    // Neither introduces it.
    const [closed, point] = nearestRelays(lookupKey(HASH), lab.relays, 8).slice(-2)
    const circuits: HiddenCircuits = {
      relays: () => alice.relays(),
      rendezvousPoint: (tried) =>
        tried.length === 0 ? closed : tried.includes(closed as LabRelay) ? point : undefined,
      isResting: () => false,
      build: (last, events) => (last === closed ? undefined : alice.build(last, events)),
    }
    new HiddenSeeder({ ...alice.swarm(HASH), circuits }).start()
    lab.clock.advance(2_000)
    const before = alice.built.length
    const { owner: dave } = downloading(lab)
    expect(dave.events).toEqual(['opened downloader'])
    expect(alice.built.slice(before)).toEqual([point?.name])
  })

  it('ends everything that it began when it is stopped', () => {
    const lab = new HiddenLab(8)
    const { owner: alice, seeder } = seeding(lab)
    const { owner: dave, downloader } = downloading(lab)
    seeder.stop()
    downloader.stop()
    lab.clock.advance(60_000)
    for (const owner of [alice, dave]) {
      expect(owner.circuits.filter((circuit) => circuit.state !== 'closed')).toEqual([])
    }
    for (const relay of lab.relays) {
      expect(relay.hidden.stats).toEqual({ introductions: 0, rendezvous: 0 })
      expect(relay.router.table.circuits.size).toBe(0)
    }
  })

  it('gets through with one packet in ten lost', () => {
    const lab = new HiddenLab(8)
    lab.net.tamper = (_from, _to, packet) => ((lab.random.bytes(1)[0] as number) < 25 ? undefined : packet)
    const { owner: alice } = seeding(lab)
    const { owner: dave } = downloading(lab)
    lab.clock.advance(60_000)
    expect(alice.events).toContain('opened seeder')
    expect(dave.events).toContain('opened downloader')
  })
})
