import { afterEach, describe, expect, it, vi } from 'vitest'
import type { IpAddress } from '../../shared/bytes/address.ts'
import { signDescriptor } from '../../shared/directory/descriptor.ts'
import { KeyPair } from '../../shared/identity/keys.ts'
import { FLAG_RELAY } from '../../shared/ipv8/constants.ts'
import { UDP_MTU } from '../../shared/link/constants.ts'
import { FRAGMENTED_MTU } from '../../shared/link/fragment-limits.ts'
import type { UdpLinks } from '../links/udp.ts'
import { clock, random, startRelay, type TestRelay } from '../relay.fixture.ts'

const relays: TestRelay[] = []
afterEach(async () => {
  await Promise.all(relays.splice(0).map(({ relay }) => relay.stop()))
})

/** A descriptor by which that key says that it is there. */
function claimOf(key: KeyPair, udp: IpAddress): Uint8Array {
  const claim = {
    nickname: 'liar',
    flags: FLAG_RELAY,
    family: new Uint8Array(),
    udp,
    websocket: undefined,
    bandwidth: 0,
    published: Math.floor(clock.wall() / 1000),
    lifetime: 3_600,
  }
  return signDescriptor(claim, key, 'test')
}

describe('a relay whose address somebody else claims (D-04, D-06)', () => {
  it('is found and proven all the same, by who has heard of nobody but the liar', async () => {
    const honest = await startRelay('127.0.68.1')
    // Without rounds of exchange, which ask whoever is at an address that is claimed.
    const discovery = { exchange: false, dht: { defaultRouters: false } }
    const verifying = await startRelay('127.0.68.2', { discovery })
    relays.push(honest, verifying)
    const liar = KeyPair.generate(random)
    const { directory } = verifying.relay
    expect(directory.add(claimOf(liar, honest.hop.address))).toBe('new')
    const isProven = (of: KeyPair) => directory.find(of.publicKey.mid)?.proven
    await vi.waitUntil(() => isProven(honest.keyPair), { timeout: 20_000 })
    expect(isProven(liar)).toBe(false)
    // From now on it gets large packets in fragments, which stock peers cannot read (N-03).
    const { running } = verifying.relay as unknown as { running: { udp: UdpLinks } }
    expect(running.udp.linkTo(honest.hop.address)?.mtu).toBe(FRAGMENTED_MTU)
    expect(running.udp.linkTo({ ...honest.hop.address, port: 9 })?.mtu).toBe(UDP_MTU)
  }, 40_000)
})

describe('a relay that says that it is where nobody can be (D-06)', () => {
  it('is a spy: blocked at once, forgotten and remembered as one', async () => {
    const discovery = { exchange: false, dht: { defaultRouters: false } }
    const verifying = await startRelay('127.0.68.3', { discovery })
    relays.push(verifying)
    const { directory, trust } = verifying.relay
    const [spy, misled] = [KeyPair.generate(random), KeyPair.generate(random)]
    const nowhere: IpAddress = { kind: 'ipv4', host: '10.20.30.40', port: 80 }
    const descriptor = claimOf(spy, nowhere)
    expect(directory.add(descriptor)).toBe('new')
    // A private address alone is not yet below 0.3.
    expect(directory.add(claimOf(misled, { ...nowhere, host: '10.20.31.40', port: 7_000 }))).toBe('new')
    await vi.waitUntil(() => trust.book.isBlocked(spy.publicKey.mid), { timeout: 20_000 })
    expect(trust.book.isBlocked(nowhere)).toBe(true)
    expect(trust.book.verdict(spy.publicKey.mid)).toMatchObject({ class: 'spy', standing: 'blocked' })
    expect(directory.find(spy.publicKey.mid)).toBeUndefined()
    expect(directory.add(descriptor)).toBe('unwanted')
    await vi.waitUntil(() => trust.book.verdict(misled.publicKey.mid).class === 'low', { timeout: 20_000 })
    expect(trust.book.isBlocked(misled.publicKey.mid)).toBe(false)
  }, 60_000)
})
