import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { formatAddress } from '../shared/bytes/address.ts'
import { HIDDEN_OWNER_SETTINGS, SOURCE } from '../shared/hidden/constants.ts'
import { HiddenCircuit } from '../shared/hidden/hidden-circuit.ts'
import { lookupKey } from '../shared/hidden/lookup.ts'
import { KeyPair } from '../shared/identity/keys.ts'
import { MESSAGE } from '../shared/onion/constants.ts'
import { HiddenOwner } from './hidden-owner.fixture.ts'
import { random, startRelay, type TestRelay } from './relay.fixture.ts'

const HOSTS = ['127.0.0.61', '127.0.0.62', '127.0.0.63'] as const
const HASH = new Uint8Array(20).fill(6)
const KEY = lookupKey(HASH)
let relays: TestRelay[] = []

/** Polls for what only time brings: packets between processes' sockets. */
async function until(predicate: () => boolean): Promise<void> {
  while (!predicate()) await new Promise((resolve) => setTimeout(resolve, 10))
}

beforeAll(async () => {
  // Each of a network of its own, so that none is in another's directory: to each other they are what stock peers are.
  const start = (host: string, bootstrap: readonly string[]) =>
    startRelay(host, { network: `of-${host}`, bootstrap: [...bootstrap] })
  const first = await start(HOSTS[0], [])
  const others = HOSTS.slice(1).map((host) => start(host, [first.relay.udpAddress]))
  relays = [first, ...(await Promise.all(others))]
  await until(() => relays.every(({ relay }) => relay.status()?.ipv8Dht?.nodes === relays.length - 1))
})

afterAll(async () => {
  await Promise.all(relays.map(({ relay }) => relay.stop()))
})

describe('hidden swarms in IPv8’s DHT, over real relays and sockets (issue 3: hidden seeding)', () => {
  it('what one relay introduces another tells who asks, though neither has heard of the other as a relay', async () => {
    const owner = await new HiddenOwner(HASH, () => relays.map(({ hop }) => hop)).bind('127.0.0.64')
    const [introducing, ...others] = relays
    if (!introducing) throw new RangeError('no relays')
    const world = { ...owner.swarm, settings: HIDDEN_OWNER_SETTINGS }
    const events = { datagram: () => undefined, closed: () => undefined }
    const seederKey = KeyPair.generate(random).publicKey.bytes
    let established = false
    const seeding = HiddenCircuit.build(world, introducing.hop, {
      ...events,
      ready: () =>
        seeding?.ask(MESSAGE.establishIntro, { infoHash: KEY, seederKey }, () => {
          established = true
        }),
    })
    await until(() => established && introducing.counters.get('hidden-dht-published') > 0)
    const holds = ({ relay }: TestRelay) => relay.status()?.ipv8Dht?.values === 1
    expect(holds(introducing)).toBe(true)
    // Whoever does not answer within two seconds is left out.
    const asked = others.find(holds)
    if (!asked) throw new RangeError('stored at no other relay')
    let told: readonly string[] | undefined
    const inquiry = HiddenCircuit.build(world, asked.hop, {
      ...events,
      ready: () =>
        inquiry?.ask(MESSAGE.peersRequest, { infoHash: KEY }, ({ peers }) => {
          told = peers.map(({ address, source }) => `${formatAddress(address)} ${source}`)
        }),
    })
    await until(() => told !== undefined)
    expect(relays.map(({ relay }) => relay.directory.size)).toEqual([0, 0, 0])
    expect(told).toEqual([`${formatAddress(introducing.hop.address)} ${SOURCE.dht}`])
    seeding?.close()
    inquiry?.close()
    await owner.close()
  })
})
