import { afterEach, describe, expect, it } from 'vitest'
import { toHex } from '../../shared/bytes/bytes.ts'
import type { RelayConfigInput } from '../config.ts'
import { clock, startRelay, type TestRelay } from '../relay.fixture.ts'

const LOOPBACK = '127.0.0.1'
const relays: TestRelay[] = []

async function until(what: string, predicate: () => boolean, withinMs = 60_000): Promise<void> {
  const untilMs = clock.now() + withinMs
  while (!predicate()) {
    if (clock.now() > untilMs) throw new Error(`never: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

type Links = NonNullable<RelayConfigInput['links']>

/** Two relays with one link, over TCP, that the first dials. */
async function joined(padding: NonNullable<Links['padding']>): Promise<[TestRelay, TestRelay]> {
  const links: Links = {
    ...{ udp: { enabled: false }, webrtc: { enabled: false }, websocket: { enabled: false } },
    tcp: { host: LOOPBACK, port: 0 },
    padding,
  }
  const called = await startRelay('127.0.0.71', { links })
  relays.push(called)
  const addresses = [called.relay.links?.published().tcp as string]
  const key = toHex(called.keyPair.publicKey.bytes)
  const caller = await startRelay('::1', { links: { ...links, firstRing: [{ key, addresses }] } })
  relays.push(caller)
  await until('linked', () => relays.every(({ relay }) => relay.links?.relays().length === 1))
  return [caller, called]
}

afterEach(async () => {
  for (const { relay } of relays.splice(0)) await relay.stop()
})

describe('padding between relays (L-09)', () => {
  it('fills up messages, and covers what they carry, within the budget', async () => {
    const cover = { bytesPerSecond: 100_000, totalBytesPerSecond: 100_000, share: 2 }
    const [caller, called] = await joined({ cover })
    await until('cover', () => caller.counters.get('cover-sent') >= 3)
    expect(caller.counters.get('link-padding-bytes')).toBeGreaterThan(0)
    const sent = caller.counters.get('link-sent-bytes')
    const covering = caller.counters.get('cover-sent-bytes')
    expect(covering).toBeLessThanOrEqual((2 / 3) * (sent + 4 * 1_472))
    // Still one open link, and nothing that came was taken for anything else.
    expect(caller.relay.links?.relays()).toHaveLength(1)
    expect(called.counters.get('link-protocol')).toBe(0)
  }, 120_000)

  it('is left out where the operator says so', async () => {
    const [caller] = await joined({ classes: false })
    expect(caller.counters.get('link-padding-bytes')).toBe(0)
    expect(caller.counters.get('cover-sent')).toBe(0)
  }, 120_000)
})
