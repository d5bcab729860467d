import { afterEach, describe, expect, it, vi } from 'vitest'
import { signDescriptor } from '../../shared/directory/descriptor.ts'
import { KeyPair } from '../../shared/identity/keys.ts'
import { FLAG_RELAY } from '../../shared/ipv8/constants.ts'
import { clock, random, startRelay, type TestRelay } from '../relay.fixture.ts'

const relays: TestRelay[] = []
afterEach(async () => {
  await Promise.all(relays.splice(0).map(({ relay }) => relay.stop()))
})

describe('a relay whose address somebody else claims (D-04, D-06)', () => {
  it('is found and proven all the same, by who has heard of nobody but the liar', async () => {
    const honest = await startRelay('127.0.68.1')
    // Without rounds of exchange, which ask whoever is at an address that is claimed.
    const discovery = { exchange: false, dht: { defaultRouters: false } }
    const verifying = await startRelay('127.0.68.2', { discovery })
    relays.push(honest, verifying)
    const liar = KeyPair.generate(random)
    const claim = {
      nickname: 'liar',
      flags: FLAG_RELAY,
      family: new Uint8Array(),
      udp: honest.hop.address,
      websocket: undefined,
      bandwidth: 0,
      published: Math.floor(clock.wall() / 1000),
      lifetime: 3_600,
    }
    const { directory } = verifying.relay
    expect(directory.add(signDescriptor(claim, liar, 'test'))).toBe('new')
    const isProven = (of: KeyPair) => directory.find(of.publicKey.mid)?.proven
    await vi.waitUntil(() => isProven(honest.keyPair), { timeout: 20_000 })
    expect(isProven(liar)).toBe(false)
  }, 40_000)
})
