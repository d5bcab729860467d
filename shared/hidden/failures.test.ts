import { describe, expect, it } from 'vitest'
import type { Circuit } from '../onion/circuit.ts'
import { MESSAGE } from '../onion/constants.ts'
import { decodeMessage, encodeMessage } from '../onion/messages.ts'
import { SOURCE } from './constants.ts'
import { HiddenDownloader } from './downloader.ts'
import { downloading, HASH, HiddenLab, type LabOwner, type LabRelay, seeding } from './hidden.fixture.ts'
import { lookupKey, nearestRelays } from './lookup.ts'
import { HiddenSeeder } from './seeder.ts'

const nearest = (lab: HiddenLab) => nearestRelays(lookupKey(HASH), lab.relays, 3) as [LabRelay, ...LabRelay[]]

/** Somebody to whom there is no way now and then. */
function reachable(owner: LabOwner, isReachable: () => boolean) {
  return {
    ...owner.swarm(HASH),
    circuits: {
      relays: () => owner.relays(),
      rendezvousPoint: (tried: Parameters<LabOwner['rendezvousPoint']>[0]) => owner.rendezvousPoint(tried),
      isResting: (relay: Parameters<LabOwner['isResting']>[0]) => owner.isResting(relay),
      build: (...[last, events]: Parameters<LabOwner['build']>) =>
        isReachable() ? owner.build(last, events) : undefined,
    },
  }
}

describe('a hidden swarm where relays and circuits fail (issue 3: hidden seeding, C-05)', () => {
  it('is found where its own relays are whole and hops on the way to them are gone', () => {
    const missed = []
    for (let seed = 0; seed < 5; seed++) {
      const lab = new HiddenLab(6)
      lab.random.bytes(seed)
      const gone = nearestRelays(lookupKey(HASH), lab.relays, 6).slice(3)
      for (const relay of gone) lab.net.lose(relay.address)
      const { seeder } = seeding(lab)
      lab.clock.advance(60_000)
      expect(seeder.introductionPoints).toBe(3)
      const { owner: dave } = downloading(lab)
      lab.clock.advance(60_000)
      if (!dave.events.includes('opened downloader')) missed.push(seed)
    }
    expect(missed).toEqual([])
  })

  it.each([0, 2])(
    'is asked through another point where the first that is told of is gone, with %i more silent',
    (silent) => {
      const lab = new HiddenLab(12)
      const near = nearest(lab)
      const lost = near.slice(3 - silent)
      for (const relay of lost) lab.net.lose(relay.address)
      const { seeder } = seeding(lab)
      lab.clock.advance(60_000)
      expect(seeder.introductionPoints).toBe(3)
      const gone = lab.relay()
      lab.relays.pop()
      lab.net.lose(gone.address)
      const [stale] = near
      stale.hidden.message = (circuit, id, cell, at, end) => {
        if (id !== MESSAGE.peersRequest) return false
        const { identifier, infoHash } = decodeMessage(id, cell, at, end)
        const point = {
          address: gone.address,
          nodeKey: gone.publicKey.bytes,
          seederKey: seeder.publicKey.bytes,
        }
        const peers = [{ ...point, source: SOURCE.pex }]
        circuit.reply(encodeMessage(MESSAGE.peersResponse, { identifier, infoHash, peers }))
        return true
      }
      const { owner: dave } = downloading(lab, 1)
      lab.clock.advance(silent === 0 ? 2_000 : 12_000)
      expect(dave.events).toEqual(['opened downloader'])
    },
  )

  it.each(['drops what goes through it', 'is not reached any more'])(
    'is asked by others where the relay that told of it first %s',
    (fault) => {
      const lab = new HiddenLab(12)
      const { seeder } = seeding(lab)
      expect(seeder.introductionPoints).toBe(3)
      const [first] = nearest(lab)
      first.hidden.datagram = () => true
      const dave = lab.owner(1)
      new HiddenDownloader(dave.swarm(HASH)).start()
      lab.clock.advance(500)
      if (fault === 'is not reached any more') {
        dave.circuits[0]?.destroy('unneeded')
        lab.clock.advance(1_000)
      } else {
        lab.clock.advance(4_500)
      }
      expect(dave.built[0]).toBe(first.name)
      expect(dave.events).toEqual(['opened downloader'])
    },
  )

  it('is introduced as soon as there is a way to relays again', () => {
    const lab = new HiddenLab(8)
    let isOnline = false
    const seeder = new HiddenSeeder(reachable(lab.owner(2), () => isOnline))
    seeder.start()
    lab.clock.advance(120_000)
    isOnline = true
    lab.clock.advance(3_000)
    expect(seeder.introductionPoints).toBe(3)
  })

  it('is looked for again soon where the way to all relays was lost', () => {
    const lab = new HiddenLab(8)
    seeding(lab)
    const dave = lab.owner(2)
    let isOnline = true
    new HiddenDownloader(reachable(dave, () => isOnline)).start()
    lab.clock.advance(1)
    isOnline = false
    for (const circuit of dave.circuits) circuit.destroy('unneeded')
    lab.clock.advance(3_000)
    isOnline = true
    lab.clock.advance(3_000)
    expect(dave.events).toEqual(['opened downloader'])
  })

  it('is looked for at the same relays where what lies before them died while they were asked', () => {
    const lab = new HiddenLab(8)
    seeding(lab)
    const near = nearest(lab).map(({ name }) => name)
    const dave = lab.owner(2)
    let isCut = false
    lab.net.tamper = (_from, _to, packet) => {
      isCut ||= dave.circuits.length === 3 && dave.circuits.every(({ state }) => state === 'ready')
      return isCut ? undefined : packet
    }
    new HiddenDownloader(dave.swarm(HASH)).start()
    lab.clock.advance(14_000)
    expect(isCut).toBe(true)
    lab.net.tamper = undefined
    const before = dave.built.length
    lab.clock.advance(30_000)
    expect(new Set(dave.built.slice(before, before + 3))).toEqual(new Set(near))
  })

  it('is looked for at the same relays where the hop before them did not extend to them', () => {
    const lab = new HiddenLab(8)
    seeding(lab)
    for (const relay of lab.relays) relay.extends = false
    const dave = lab.owner(2)
    lab.net.tamper = (_from, _to, packet) => {
      // What was asked first has failed.
      if (dave.built.length > 3) for (const relay of lab.relays) relay.extends = true
      return packet
    }
    new HiddenDownloader(dave.swarm(HASH)).start()
    lab.clock.advance(5_000)
    const near = nearest(lab).map(({ name }) => name)
    expect(new Set(dave.built.slice(3, 6))).toEqual(new Set(near))
    expect(dave.events).toEqual(['opened downloader'])
  })

  it('is introduced and looked for elsewhere where the relays nearest to it end each circuit that asks them', () => {
    const lab = new HiddenLab(8)
    const [alice, dave] = [lab.owner(2), lab.owner(2)]
    for (const relay of nearest(lab)) {
      const isTo = ({ hops }: Circuit) => hops.at(-1)?.name === relay.name
      relay.hidden.message = () => {
        const circuits = [...alice.circuits, ...dave.circuits].filter(isTo)
        lab.clock.after(1, () => {
          for (const circuit of circuits) circuit.destroy('unneeded')
        })
        return true
      }
    }
    const seeder = new HiddenSeeder(alice.swarm(HASH))
    seeder.start()
    lab.clock.advance(60_000)
    expect(seeder.introductionPoints).toBe(3)
    new HiddenDownloader(dave.swarm(HASH)).start()
    lab.clock.advance(30_000)
    expect(dave.events).toEqual(['opened downloader'])
    // Three ways to each of the nearest, then the next three, and where the seeder waits.
    expect(dave.built.length).toBeLessThan(20)
  })

  it('is looked for again where all relays were silent', () => {
    const lab = new HiddenLab(3)
    seeding(lab)
    const dave = lab.owner(1)
    lab.net.tamper = () => undefined
    new HiddenDownloader(dave.swarm(HASH)).start()
    lab.clock.advance(15_000)
    lab.net.tamper = undefined
    lab.clock.advance(20_000)
    expect(dave.events).toEqual(['opened downloader'])
  })
})
