import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { HiddenDownloader } from '../shared/hidden/downloader.ts'
import { lookupKey, nearestRelays } from '../shared/hidden/lookup.ts'
import { HiddenSeeder } from '../shared/hidden/seeder.ts'
import { HiddenOwner } from './hidden-owner.fixture.ts'
import { startRelay, type TestRelay } from './relay.fixture.ts'

const HOSTS = ['127.0.0.51', '127.0.0.52', '127.0.0.53', '127.0.0.54', '127.0.0.55'] as const
const HASH = new Uint8Array(20).fill(3)
let relays: TestRelay[] = []

/** Polls for what only time brings: packets between processes' sockets. */
async function until(predicate: () => boolean): Promise<void> {
  while (!predicate()) await new Promise((resolve) => setTimeout(resolve, 10))
}

beforeAll(async () => {
  const first = await startRelay(HOSTS[0])
  const bootstrap = [first.relay.udpAddress]
  // None of them is an exit.
  relays = [first, ...(await Promise.all(HOSTS.slice(1).map((host) => startRelay(host, { bootstrap }))))]
  await until(() => relays.every(({ relay }) => relay.directory.size === relays.length - 1))
})

afterAll(async () => {
  await Promise.all(relays.map(({ relay }) => relay.stop()))
})

const owner = () => new HiddenOwner(HASH, () => relays.map(({ hop }) => hop))

const sentByExits = () => relays.map(({ counters }) => counters.get('exit-udp-sent'))

describe('hidden swarms over real relays and sockets (issue 3: hidden seeding)', () => {
  it('link two who have no address for each other, with no exit; and a stock downloader by a relay’s socket', async () => {
    const alice = await owner().bind('127.0.0.56')
    const dave = await owner().bind('127.0.0.57')
    const erin = await owner().bind('127.0.0.58')
    const seeder = new HiddenSeeder(alice.swarm)
    seeder.start()
    await until(() => seeder.introductionPoints === 3)

    // Only a question that is asked again goes to another introduction point, by an exit: on a slow machine not before its time.
    const downloader = new HiddenDownloader({ ...dave.swarm, settings: { createMs: 20_000 } })
    downloader.start()
    await until(() => dave.peers.length === 1)
    dave.peers[0]?.send(Buffer.from('there'))
    await until(() => alice.got.includes('there'))
    alice.peers[0]?.send(Buffer.from('and back'))
    await until(() => dave.got.includes('and back'))
    expect(sentByExits()).toEqual(relays.map(() => 0))

    // As stock peers do: asks an introduction point through the socket of a relay that is another one.
    const hops = relays.map(({ hop }) => hop)
    const [point] = nearestRelays(lookupKey(HASH), hops, 1)
    const through = hops.find((hop) => hop !== point && hop !== hops[0])
    if (!point || !through) throw new RangeError('no relays')
    const stock = new HiddenDownloader(erin.swarm)
    stock.connect({ ...point, seederKey: seeder.publicKey }, through)
    await until(() => erin.peers.length === 1)
    erin.peers[0]?.send(Buffer.from('from a stock peer'))
    await until(() => alice.got.includes('from a stock peer'))
    // The question from the one's socket, the answer from the introduction point's.
    expect(sentByExits().filter((sent) => sent > 0)).toHaveLength(2)

    for (const end of [seeder, downloader, stock]) end.stop()
    for (const owner of [alice, dave, erin]) await owner.close()
  })
})
