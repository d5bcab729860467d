import { tmpdir } from 'node:os'
import { describe, expect, it } from 'vitest'
import { KeyPair } from '../shared/identity/keys.ts'
import { SeededRandom } from '../shared/sim/seeded-random.ts'
import { VirtualClock } from '../shared/sim/virtual-clock.ts'
import { Counters } from '../shared/world/counters.ts'
import { parseConfig } from './config.ts'
import { startGateway } from './page-gateway.ts'

describe('a sample whose torrent file is not there (O-03)', () => {
  it('ends the start, with the path, why, and what to do', async () => {
    const torrent = `${tmpdir()}/culvert-no-such-folder/film.torrent`
    const sample = { title: 'A film', description: 'Water.', bytes: 5, seconds: 2, torrent }
    const config = parseConfig(JSON.stringify({ gateway: { enabled: true, port: 0 }, sample }), 'test')
    const random = new SeededRandom(1)
    const keyPair = KeyPair.generate(random)
    const options = { config, keyPair, clock: new VirtualClock(), random, counters: new Counters() }
    const events = {
      overlay: () => 'joined' as const,
      webrtc: () => undefined,
      status: () => ({}),
      onWire: () => {},
    }
    await expect(startGateway(options, events)).rejects.toMatchObject({
      code: 'sample-unreadable',
      message: `${torrent} cannot be read: there is no such file or folder; correct sample.torrent, or leave sample out`,
    })
  })
})
