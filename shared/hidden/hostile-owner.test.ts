import { describe, expect, it } from 'vitest'
import { ephemeralKey } from '../crypto/handshake.ts'
import { nobleAead } from '../crypto/noble-aead.ts'
import { KeyPair } from '../identity/keys.ts'
import { MESSAGE } from '../onion/constants.ts'
import { decodeMessage, encodeMessage } from '../onion/messages.ts'
import { PREFIX } from '../onion/onion.fixture.ts'
import { HiddenDownloader } from './downloader.ts'
import { HiddenLab } from './hidden.fixture.ts'
import type { HiddenCircuits } from './hidden-circuits.ts'
import type { HiddenPeer } from './hidden-peer.ts'
import { lookupKey, nearestRelays } from './lookup.ts'
import { decodePacket, encodePacket } from './packets.ts'
import { answerCreate, openCreated } from './rendezvous-link.ts'
import { HiddenSeeder } from './seeder.ts'

const HASH = new Uint8Array(20).fill(5)
const KEY = lookupKey(HASH)

const OWNED = '203.0.'

/** Twelve relays; the `crowd` nearest to the swarm are of one network, each of the others of its own. */
function crowdedLab(crowd: number): HiddenLab {
  const names = nearestRelays(KEY, new HiddenLab(12).relays, 12).map(({ name }) => name)
  const hosts = Array.from({ length: 12 }, (_, i) =>
    names.indexOf(`relay ${i + 1}`) < crowd ? `${OWNED}${i}.7` : `198.${i}.1.7`,
  )
  return new HiddenLab(12, hosts)
}

/** The crowd, nearest first. */
function ownedByOne(lab: HiddenLab) {
  const crowd = lab.relays.filter(({ address }) => address.host.startsWith(OWNED))
  return nearestRelays(KEY, crowd, crowd.length)
}

describe('owners of hidden swarms against each other and their relays (N-11, issue 3)', () => {
  it('a seeder builds nothing for keys that cannot be answered, and is there for others', () => {
    const lab = new HiddenLab(8)
    const alice = lab.owner(2)
    const seeder = new HiddenSeeder(alice.swarm(HASH))
    seeder.start()
    lab.clock.advance(2_000)
    const [point] = nearestRelays(KEY, lab.relays, 1)
    if (!point) throw new RangeError('no relays')
    const link = lab.net.link({ kind: 'ipv4', host: '203.0.113.50', port: 9 }, point.address)
    const seederKey = seeder.publicKey.bytes
    // 0 and 1, and the same with the bit that X25519 ignores: points of low order (RFC 7748 §6.1).
    for (const [low, high] of [0, 1].flatMap((each) => [0, 0x80].map((bit) => [each, bit]))) {
      const dhKey = new Uint8Array(32)
      dhKey.set([low ?? 0])
      dhKey.set([high ?? 0], 31)
      link.send(
        encodePacket(PREFIX, MESSAGE.createE2e, { identifier: 1, infoHash: KEY, seederKey, dhKey }),
        0,
      )
    }
    lab.clock.advance(20_000)
    expect(alice.counters.get('handshake-low-order')).toBe(4)
    expect(alice.built).toHaveLength(3)
    const dave = lab.owner(2)
    new HiddenDownloader(dave.swarm(HASH)).start()
    lab.clock.advance(3_000)
    expect(dave.events).toEqual(['opened downloader'])
  })

  it('a downloader takes no answer that leads to no relay', () => {
    const lab = new HiddenLab(1)
    const [relay] = lab.relays
    if (!relay) throw new RangeError('no relay')
    const world = { prefix: PREFIX, aead: nobleAead, random: lab.random }
    const seeder = KeyPair.generate(lab.random)
    const ephemeral = ephemeralKey(lab.random)
    const open = (nodeKey: Uint8Array) => {
      const info = { address: relay.address, nodeKey, cookie: new Uint8Array(20) }
      const { packet } = answerCreate(world, seeder, { identifier: 1, dhKey: ephemeral.publicKey }, info)
      const created = decodePacket(PREFIX, MESSAGE.createdE2e, packet)
      return openCreated(nobleAead, ephemeral, seeder.publicKey, created).info.nodeKey
    }
    expect(open(relay.publicKey.bytes)).toEqual(relay.publicKey.bytes)
    expect(() => open(new Uint8Array(74))).toThrow(expect.objectContaining({ code: 'key-tag' }))
  })

  it('a downloader finds a seeder though two of three relays make up others', () => {
    const lab = new HiddenLab(12)
    new HiddenSeeder(lab.owner(2).swarm(HASH)).start()
    lab.clock.advance(2_000)
    for (const { hidden, address, publicKey } of nearestRelays(KEY, lab.relays, 3).slice(0, 2)) {
      hidden.message = (circuit, id, cell, at, end) => {
        if (id !== MESSAGE.peersRequest) return false
        const { identifier, infoHash } = decodeMessage(id, cell, at, end)
        const peers = Array.from({ length: 7 }, () => {
          const seederKey = KeyPair.generate(lab.random).publicKey.bytes
          return { address, nodeKey: publicKey.bytes, seederKey, source: 1 }
        })
        circuit.reply(encodeMessage(MESSAGE.peersResponse, { identifier, infoHash, peers }))
        return true
      }
    }
    for (let i = 0; i < 2; i++) {
      const dave = lab.owner(2)
      const downloader = new HiddenDownloader(dave.swarm(HASH))
      downloader.start()
      lab.clock.advance(10_000)
      expect(dave.events).toEqual(['opened downloader'])
      downloader.stop()
    }
  })

  it('a downloader finds a seeder though the six relays nearest to the swarm, of one network, tell of nobody', () => {
    const lab = crowdedLab(6)
    for (const { hidden } of ownedByOne(lab)) {
      const { message } = hidden
      hidden.message = (circuit, id, cell, at, end) => {
        if (id !== MESSAGE.peersRequest) return message.call(hidden, circuit, id, cell, at, end)
        const { identifier, infoHash } = decodeMessage(id, cell, at, end)
        circuit.reply(encodeMessage(MESSAGE.peersResponse, { identifier, infoHash, peers: [] }))
        return true
      }
    }
    const seeder = new HiddenSeeder(lab.owner(2).swarm(HASH))
    seeder.start()
    lab.clock.advance(2_000)
    expect(ownedByOne(lab).map(({ hidden }) => hidden.stats.introductions)).toEqual([1, 0, 0, 0, 0, 0])
    const dave = lab.owner(2)
    new HiddenDownloader(dave.swarm(HASH)).start()
    lab.clock.advance(3_000)
    expect(dave.events).toEqual(['opened downloader'])
  })

  it('a downloader leaves a relay whose answer is malformed, and asks others', () => {
    const lab = new HiddenLab(12)
    for (const relay of nearestRelays(KEY, lab.relays, 3)) {
      relay.hidden.message = (circuit, id, cell, at, end) => {
        if (id !== MESSAGE.peersRequest) return false
        const { identifier } = decodeMessage(id, cell, at, end)
        circuit.reply(Uint8Array.of(MESSAGE.peersResponse, identifier >> 8, identifier & 0xff))
        return true
      }
    }
    const dave = lab.owner(2)
    const downloader = new HiddenDownloader(dave.swarm(HASH))
    downloader.start()
    lab.clock.advance(10_000)
    expect(downloader.looking).toBe(false)
    const asked = nearestRelays(KEY, lab.relays, 6).map(({ name }) => name)
    expect(new Set(dave.built)).toEqual(new Set(asked))
  })

  it('a seeder that leaves as soon as it is linked has a downloader look but once more than one that finds nobody', () => {
    const lab = new HiddenLab(12)
    const alice = lab.owner(2).swarm(HASH)
    new HiddenSeeder({ ...alice, events: { ...alice.events, opened: (peer) => peer.close() } }).start()
    lab.clock.advance(2_000)
    const dave = lab.owner(2)
    const swarm = dave.swarm(HASH)
    const opened = (peer: HiddenPeer) => {
      swarm.events.opened(peer)
      // The seeder hears of the link by what comes through it.
      peer.send(Uint8Array.of(0))
    }
    new HiddenDownloader({ ...swarm, events: { ...swarm.events, opened } }).start()
    lab.clock.advance(59_000)
    // Looked up at once after the first, then every 15 s: three relays asked, and one met.
    expect(dave.events.filter((event) => event === 'closed downloader')).toHaveLength(5)
    expect(dave.built).toHaveLength(5 * 4)
  })

  it('a relay that alone tells of seeders fills no more than its share of places, however often it is asked', () => {
    const lab = new HiddenLab(12)
    const [teller] = nearestRelays(KEY, lab.relays, 1)
    if (!teller) throw new RangeError('no relays')
    for (let i = 0; i < 5; i++) {
      const owner = lab.owner(2)
      const circuits: HiddenCircuits = {
        relays: () => [teller],
        rendezvousPoint: () => teller,
        isResting: () => false,
        build: (last, events) => owner.build(last, events),
      }
      new HiddenSeeder({ ...owner.swarm(HASH), circuits }).start()
    }
    lab.clock.advance(2_000)
    const settings = { lookupMs: 10_000 }
    const downloader = new HiddenDownloader({ ...lab.owner(2).swarm(HASH), settings })
    downloader.start()
    lab.clock.advance(50_000)
    expect(downloader.peers).toHaveLength(3)
    // There is room for those of others.
    new HiddenSeeder(lab.owner(2).swarm(HASH)).start()
    lab.clock.advance(12_000)
    expect(downloader.peers).toHaveLength(4)
  })
})
