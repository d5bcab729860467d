import { afterEach, describe, expect, it } from 'vitest'
import { NO_ADDRESS } from '../../shared/bytes/address.ts'
import { toHex } from '../../shared/bytes/bytes.ts'
import { KeyPair } from '../../shared/identity/keys.ts'
import type { WireKind } from '../../shared/link/wire.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import type { RelayConfigInput } from '../config.ts'
import { clock, openPageLink, startRelay, TestOwner, type TestRelay } from '../relay.fixture.ts'

const relays: TestRelay[] = []
afterEach(async () => {
  await Promise.all(relays.splice(0).map(({ relay }) => relay.stop()))
})

async function until(predicate: () => boolean): Promise<void> {
  const deadline = clock.now() + 25_000
  while (!predicate()) {
    if (clock.now() > deadline) throw new Error('never came to be')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

async function start(host: string, config: RelayConfigInput): Promise<TestRelay> {
  const { links, ...others } = config
  const kinds = { udp: { enabled: false }, tcp: { enabled: false } }
  // A first dial that a busy machine lets fail is not the last within the test.
  const dials = { reconnectSeconds: 0.5, retrySeconds: 1, tries: 100 }
  const relay = await startRelay(host, { ...others, links: { ...kinds, ...dials, ...links } })
  relays.push(relay)
  return relay
}

/** A relay with a gateway, and two that it signals for, each of which has a link to it. */
async function signalledPair(exit: boolean): Promise<readonly [TestRelay, TestRelay, TestRelay]> {
  const signaller = await start('127.0.0.71', { gateway: { enabled: true, host: '127.0.0.1', port: 0 } })
  const url = `${signaller.relay.gatewayUrl?.replace('http', 'ws')}/relay`
  const links = {
    firstRing: [{ key: toHex(signaller.keyPair.publicKey.bytes), addresses: [url] }],
    webrtc: { signallers: [url], host: '127.0.0.1' },
  }
  const near = await start('127.0.0.72', { links })
  const far = await start('127.0.0.73', {
    links: { ...links, firstRing: [...links.firstRing, inRing(near, `webrtc+${url}`)] },
    exit: { enabled: exit, allowNetworks: ['127.0.0.0/8'] },
  })
  return [signaller, near, far]
}

const inRing = ({ keyPair }: TestRelay, ...addresses: string[]) => ({
  key: toHex(keyPair.publicKey.bytes),
  addresses,
})
/** Kinds of open wires from one relay to another. */
const kindsTo = (from: TestRelay, to: TestRelay): readonly WireKind[] => {
  const neighbour = from.relay.links?.keeper.find(to.keyPair.publicKey.mid)
  return neighbour?.status === 'open' ? neighbour.wires.map(({ kind }) => kind) : []
}

describe('relays with nothing but WebRTC between them (L-01, L-06)', () => {
  it('meet through one that signals for both, publish where, and carry circuits by key', async () => {
    const [signaller, near, far] = await signalledPair(true)
    await until(() => kindsTo(near, far).includes('webrtc') && kindsTo(far, near).includes('webrtc'))
    expect(kindsTo(near, far)).toEqual(['webrtc'])
    expect(near.relay.links?.published().webrtc).toMatch(/^webrtc\+ws:\/\/127\.0\.0\.1:\d+\/relay$/)
    expect(signaller.counters.get('forward-session')).toBeGreaterThan(0)
    expect(signaller.relay.links?.published().webrtc).toBeUndefined()
    const owner = new TestOwner()
    const url = `${signaller.relay.gatewayUrl?.replace('http', 'ws')}/relay`
    const link = await openPageLink(url, signaller.keyPair.publicKey, owner)
    const circuit = await owner.build(link, [
      signaller.hop,
      { ...near.hop, address: NO_ADDRESS },
      { ...far.hop, address: NO_ADDRESS },
    ])
    expect(owner.closedFor).toBeUndefined()
    expect(circuit.state).toBe('ready')
    link.close('unneeded')
  })

  it('is a link like any other to the one that goes: the other learns why', async () => {
    const [, near, far] = await signalledPair(false)
    await until(() => kindsTo(near, far).includes('webrtc'))
    const neighbour = near.relay.links?.keeper.find(far.keyPair.publicKey.mid)
    await far.relay.stop()
    await until(() => neighbour?.status === 'closed')
    expect(near.relay.links?.keeper.find(far.keyPair.publicKey.mid)?.status).not.toBe('open')
  })

  it('is switched off by one key: nothing is published then', async () => {
    const signallers = ['ws://127.0.0.1:9/relay']
    const key = toHex(KeyPair.generate(new SeededRandom(1)).publicKey.bytes)
    const firstRing = [{ key, addresses: signallers }]
    const gateway = { enabled: true, host: '127.0.0.1', port: 0 }
    const on = await start('127.0.0.74', { gateway, links: { firstRing, webrtc: { signallers } } })
    const off = await start('127.0.0.75', { links: { firstRing, webrtc: { enabled: false, signallers } } })
    expect(on.relay.links?.published().webrtc).toBe(`webrtc+${signallers[0]}`)
    expect(off.relay.links?.published().webrtc).toBeUndefined()
    const document = await (await fetch(`${on.relay.gatewayUrl}/culvert.json`)).json()
    expect(document).toMatchObject({ entry: { ways: [`webrtc+${signallers[0]}`] } })
  })
})
