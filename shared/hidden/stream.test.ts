import { describe, expect, it } from 'vitest'
import { UTP_DEFAULTS } from '../utp/constants.ts'
import { UtpEndpoint } from '../utp/endpoint.ts'
import type { UtpEvents } from '../utp/events.ts'
import { Ledbat } from '../utp/ledbat.ts'
import { HiddenDownloader } from './downloader.ts'
import { HiddenLab, type LabOwner } from './hidden.fixture.ts'
import type { HiddenPeer } from './hidden-peer.ts'
import { HiddenSeeder } from './seeder.ts'

const HASH = new Uint8Array(20).fill(9)
const SETTINGS = { ...UTP_DEFAULTS, maxPacketBytes: 1_280 }

/** uTP to whoever is at the far end of an end-to-end circuit, as the page has it. */
function endpoint(lab: HiddenLab, owner: LabOwner, peer: HiddenPeer, accept?: UtpEvents): UtpEndpoint {
  const made = new UtpEndpoint({
    clock: lab.clock,
    random: lab.random,
    counters: owner.counters,
    settings: () => SETTINGS,
    congestion: () => new Ledbat(SETTINGS.maxPacketBytes),
    send: (_, packet) => peer.send(packet),
    ...(accept && { incoming: (request) => request.accept(accept) }),
    maxConnections: 4,
  })
  owner.onDatagram = (_, data) => made.receive(peer.address, data)
  return made
}

function collecting() {
  const log: string[] = []
  let bytes = 0
  let sum = 0
  const events: UtpEvents = {
    opened: () => log.push('opened'),
    data: (chunk) => {
      bytes += chunk.length
      for (const byte of chunk) sum = (sum * 31 + byte) | 0
    },
    drained: () => undefined,
    ended: () => log.push('ended'),
    closed: (reason) => log.push(`closed ${reason}`),
  }
  return { log, events, total: () => ({ bytes, sum }) }
}

describe('a stream between two who cannot be reached (issue 3: hidden seeding)', () => {
  it.each([0, 2])(
    'carries 200 kB whole over uTP and five relays, %i in a hundred packets lost',
    (percent) => {
      const lab = new HiddenLab(8)
      const alice = lab.owner()
      const seeder = new HiddenSeeder(alice.swarm(HASH))
      seeder.start()
      lab.clock.advance(2_000)
      const dave = lab.owner()
      new HiddenDownloader(dave.swarm(HASH)).start()
      lab.clock.advance(3_000)
      const [there] = dave.peers
      if (!there) throw new RangeError('not linked')
      // The seeder hears of the link by the first cell that comes through it.
      there.send(Uint8Array.of(0))
      lab.clock.advance(500)
      const [here] = alice.peers
      if (!here) throw new RangeError('the seeder was not linked')
      lab.net.tamper = (_from, _to, packet) =>
        (lab.random.bytes(1)[0] as number) < percent * 2.56 ? undefined : packet

      const data = lab.random.bytes(200_000)
      const given = collecting()
      const upload = endpoint(lab, alice, here)
      const got = collecting()
      endpoint(lab, dave, there, got.events)
      const out = upload.connect(here.address, given.events)?.connection
      out?.write(data)
      out?.end()
      lab.clock.advance(60_000)
      let sum = 0
      for (const byte of data) sum = (sum * 31 + byte) | 0
      expect(got.total()).toEqual({ bytes: data.length, sum })
      expect(got.log).toContain('ended')
      expect(lab.relays.map((relay) => relay.exited)).toEqual(lab.relays.map(() => 0))
    },
  )
})
