import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BadNetwork, type ClientLink } from './bad-network.fixture.ts'
import { BAD } from './bad-wires.ts'

/** Side by side. If one try in a hundred fails (docs/bad-networks.md), one run in a thousand has three failures. */
const TRIES = 20
const BYTES = 2_000_000
/** A build may take 15 s, the stream as long again on a busy machine. */
const PATIENCE_MS = 120_000

let network: BadNetwork
let links: readonly ClientLink[]

beforeAll(async () => {
  network = await BadNetwork.open()
  links = await Promise.all(Array.from({ length: TRIES }, () => network.connect('websocket')))
}, PATIENCE_MS)

afterAll(() => network.close())

describe('10 % loss, 200 ms jitter, 5 % reordering, duplicates on every wire (C-03, N-14)', () => {
  it(
    'circuits of 3 hops: 90 % within 15 s',
    async () => {
      const states = await Promise.all(links.map(async (link) => (await link.build()).state))
      expect(states.filter((state) => state === 'ready').length).toBeGreaterThanOrEqual(0.9 * TRIES)
    },
    PATIENCE_MS,
  )

  it(
    'a stream arrives whole',
    async () => {
      // By UDP, so that nothing but the stream itself mends any of the three wires.
      const link = await network.connect('udp')
      let { state } = await link.build()
      for (let tries = 1; state !== 'ready' && tries < 4; tries++) state = (await link.build()).state
      expect(await link.download(BYTES)).toMatchObject({ bytes: BYTES, whole: true, end: 'orderly' })
    },
    PATIENCE_MS,
  )

  it('the wires were as bad as that', async () => {
    const { sent, lost, reordered, duplicated } = await network.packets()
    expect(sent).toBeGreaterThan(1_000)
    expect(Math.abs(lost / sent - BAD.loss)).toBeLessThan(0.05)
    expect(Math.abs(reordered / sent - BAD.reordering)).toBeLessThan(0.03)
    expect(Math.abs(duplicated / sent - BAD.duplication)).toBeLessThan(0.02)
  })
})
