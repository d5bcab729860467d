import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { IpAddress } from '../../shared/bytes/address.ts'
import { relayInfoHash, relayItemSalt } from '../../shared/directory/constants.ts'
import { descriptorOf, keyOf, NETWORK, NOW_MS } from '../../shared/directory/relays.fixture.ts'
import type {
  Dht,
  GetItemResult,
  GetPeersResult,
  MutableItem,
  StoreResult,
} from '../../shared/kademlia/api.ts'
import { TestDht, type TestNode } from '../../shared/kademlia/dht.fixture.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { Counters } from '../../shared/world/counters.ts'
import { DhtAnnouncer } from './dht-announcer.ts'
import { loadNodes, saveNodes } from './dht-nodes-file.ts'

const RESULT: StoreResult = {
  kind: 'put',
  ok: true,
  cached: false,
  asked: 8,
  answered: 8,
  hops: 2,
  tookMs: 100,
  closest: [],
  stored: 8,
  refused: new Map(),
}

function announcing() {
  const clock = new VirtualClock(NOW_MS)
  const counters = new Counters()
  const announced: { infoHash: Uint8Array; port: number | undefined; atMs: number }[] = []
  const put: MutableItem[] = []
  const world = { own: undefined as Uint8Array | undefined, stored: 8 }
  const answer = (done: (result: StoreResult) => void) => {
    const timer = clock.after(100, () => done({ ...RESULT, stored: world.stored }))
    return { cancel: () => timer.cancel() }
  }
  const dht: Pick<Dht, 'announcePeer' | 'putMutable'> = {
    announcePeer: (infoHash, port, done) => {
      announced.push({ infoHash, port, atMs: clock.now() })
      return answer(done)
    },
    putMutable: (item, done) => {
      put.push(item)
      return answer(done)
    },
  }
  const announcer = new DhtAnnouncer({
    dht: dht as Dht,
    clock,
    counters,
    keyPair: keyOf(1),
    infoHash: relayInfoHash(NETWORK),
    salt: relayItemSalt(NETWORK),
    own: () => world.own,
  })
  announcer.start()
  return { clock, counters, announced, put, world, announcer }
}

describe('a relay in the DHT (D-02, K-04)', () => {
  it('announces nothing until others can reach it', () => {
    const { clock, announced, world } = announcing()
    clock.advance(60_000)
    expect(announced).toEqual([])
    world.own = descriptorOf(1)
    clock.advance(1_000)
    expect(announced).toMatchObject([{ infoHash: relayInfoHash(NETWORK), port: undefined }])
  })

  it('puts its descriptor under its own key, and puts it anew when it was renewed', () => {
    const { clock, put, world, counters } = announcing()
    world.own = descriptorOf(1)
    clock.advance(600_000)
    expect(put).toHaveLength(1)
    const [item] = put as [MutableItem]
    expect(item.publicKey).toEqual(keyOf(1).publicKey.ed25519)
    expect(item.salt).toEqual(relayItemSalt(NETWORK))
    expect(item.value).toBe(world.own)
    expect(item.seq).toBe(NOW_MS / 1000)
    expect(keyOf(1).publicKey.verify(item.sign(item.value), item.value)).toBe(true)
    world.own = descriptorOf(1, { published: NOW_MS / 1000 + 3_600 })
    clock.advance(600_000)
    expect(put.map(({ seq }) => seq - NOW_MS / 1000)).toEqual([0, 3_600])
    // Our address may have changed as well.
    expect(counters.get('dht-announced')).toBe(2)
    expect(counters.get('dht-item-put')).toBe(2)
  })

  it('tries again at growing intervals while nobody keeps what it says', () => {
    const { clock, announced, world, counters, put } = announcing()
    world.own = descriptorOf(1)
    world.stored = 0
    clock.advance(20_000)
    const waits = announced.map(({ atMs }, i) => atMs - (announced[i - 1]?.atMs ?? 0))
    expect(waits.slice(0, 5)).toEqual([500, 1_100, 2_100, 4_100, 8_100])
    expect(counters.get('dht-announce-failed')).toBe(5)
    clock.advance(86_400_000)
    expect(announced.length).toBeLessThan(400)
    world.stored = 8
    clock.advance(600_000)
    expect(put).toHaveLength(1)
  })

  it('can still be found after hours, by its announce and by its item (K-05)', () => {
    const world = new TestDht()
    world.grow(12)
    const [first, second] = world.nodes as [TestNode, TestNode]
    const relay = world.add()
    relay.dht.setOwnAddress(relay.address)
    relay.dht.start([first.address])
    const descriptor = descriptorOf(1)
    const announcer = new DhtAnnouncer({
      dht: relay.dht,
      clock: world.clock,
      counters: relay.counters,
      keyPair: keyOf(1),
      infoHash: relayInfoHash(NETWORK),
      salt: relayItemSalt(NETWORK),
      own: () => descriptor,
    })
    announcer.start()
    const ask = () => ({
      peers: world.result<GetPeersResult>((done) => second.dht.getPeers(relayInfoHash(NETWORK), {}, done))
        .peers,
      item: world.result<GetItemResult>((done) =>
        second.dht.getItem({ publicKey: keyOf(1).publicKey.ed25519, salt: relayItemSalt(NETWORK) }, done),
      ).item?.value,
    })
    const found = { peers: [relay.address], item: descriptor }
    world.clock.advance(3_600_000)
    expect(ask()).toEqual(found)
    world.clock.advance(2 * 3_600_000)
    expect(ask()).toEqual(found)
    announcer.stop()
    world.clock.advance(3 * 3_600_000)
    expect(ask()).toEqual({ peers: [], item: undefined })
  })

  it('falls silent when it is stopped', () => {
    const { clock, announced, world, announcer } = announcing()
    world.own = descriptorOf(1)
    clock.advance(550)
    announcer.stop()
    clock.advance(86_400_000)
    expect(announced).toHaveLength(1)
    expect(clock.idle).toBe(true)
  })
})

describe('DHT nodes that are remembered (D-02)', () => {
  it('come back from the file as they were, whatever else is in it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'culvert-nodes-'))
    const path = join(folder, 'state', 'dht.nodes')
    const nodes: IpAddress[] = [
      { kind: 'ipv4', host: '93.184.216.34', port: 6_881 },
      { kind: 'ipv6', host: '2001:db8::7', port: 6_881 },
    ]
    expect(await loadNodes(path)).toEqual([])
    await saveNodes(path, nodes)
    expect(await loadNodes(path)).toEqual(nodes)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    await writeFile(
      path,
      `\nname.example:1\n93.184.216.34:0\n93.184.216.34\n::1\n${'x'.repeat(999)}\n[2001:db8::7]:6881\n`,
    )
    expect(await loadNodes(path)).toEqual([nodes[1]])
    await saveNodes(
      path,
      Array.from({ length: 999 }, (_, i) => ({ kind: 'ipv4' as const, host: '93.184.216.34', port: i + 1 })),
    )
    expect(await loadNodes(path)).toHaveLength(200)
    await rm(folder, { recursive: true })
  })
})
