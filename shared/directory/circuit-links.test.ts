import { describe, expect, it } from 'vitest'
import type { Link } from '../link/link.ts'
import { MESSAGE } from '../onion/constants.ts'
import { Lab } from '../onion/lab.fixture.ts'
import { encodeMessage } from '../onion/messages.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { Counters } from '../world/counters.ts'
import { CircuitLinks, directoryPacket, linkToLastHop } from './circuit-links.ts'
import { Directory } from './directory.ts'
import { DirectoryExchange, SINCE_EVER } from './exchange.ts'
import { descriptorOf, keyOf, NETWORK } from './relays.fixture.ts'
import { VERDICTS_EVER } from './verdict-exchange.ts'

/** Three relays, the last of which knows `count` others, and a circuit to it. */
async function town(count: number, hops = 3) {
  const lab = new Lab()
  const { clock } = lab
  const published = Math.floor(clock.wall() / 1000)
  const descriptor = (n: number) => descriptorOf(n, { published, lifetime: 86_400 })
  const counters = new Counters()
  const teller = new Directory({ network: NETWORK, clock, counters, self: keyOf(0).publicKey })
  for (let n = 1; n <= count; n++) teller.add(descriptor(n))
  const record = { mid: keyOf(1).publicKey.mid, checks: 31, score: 100, reputation: 60, age: 1 }
  const told = new DirectoryExchange({
    directory: teller,
    own: () => descriptor(0),
    verdicts: () => [record],
    clock,
    random: new SeededRandom(1),
    counters,
  })
  const inbound: Link[] = []
  const circuits = new CircuitLinks({ clock, counters }, (link, packet) => {
    inbound.push(link)
    told.receive(link, packet)
  })
  const path = Array.from({ length: hops }, (_, i) =>
    lab.relay(i === hops - 1 ? { more: { directory: circuits.receive } } : {}),
  )
  const ownCounters = new Counters()
  const own = new Directory({ network: NETWORK, clock, counters: ownCounters })
  const asker = new DirectoryExchange({
    directory: own,
    own: () => undefined,
    clock,
    random: new SeededRandom(2),
    counters: ownCounters,
  })
  let link: Link | undefined
  const { circuit } = lab.circuit(path, {
    events: {
      changed: () => undefined,
      ready: () => undefined,
      datagram: () => undefined,
      stream: () => undefined,
      streamReset: () => undefined,
      closed: () => undefined,
      message: (_, id, cell, at, end) => {
        const packet = directoryPacket(id, cell, at, end)
        if (packet && link) asker.receive(link, packet)
      },
    },
  })
  await clock.advanceAsync(3_000)
  link = linkToLastHop(circuit)
  return { lab, clock, counters, own, asker, link, inbound, circuit, record, path, teller }
}

describe('the directory through circuits (C-03, D-04)', () => {
  it('brings what the last hop knows: descriptors, itself first, and verdicts', async () => {
    const { clock, own, asker, link, inbound, record } = await town(40)
    const results: unknown[] = []
    const told: Uint8Array[] = []
    asker.fetchFrom(link, (...result) => results.push(result), {
      since: SINCE_EVER,
      told: (mid) => told.push(mid),
    })
    asker.askVerdicts(link, VERDICTS_EVER, (records, complete) => results.push([records, complete]))
    await clock.advanceAsync(20_000)
    expect(results).toEqual([
      [[record], true],
      [41, true],
    ])
    expect(own.size).toBe(41)
    expect(told).toHaveLength(41)
    expect(told[0]).toEqual(keyOf(0).publicKey.mid)
    // To the relay all of it is one link, so that its limits hold for the circuit.
    expect(new Set(inbound).size).toBe(1)
    expect(inbound[0]?.kind).toBe('circuit')
  })

  it('is limited circuit by circuit', async () => {
    const { clock, counters, circuit, link } = await town(2)
    const sent: Uint8Array[] = []
    const probe: Link = { ...link, send: (packet) => sent.push(packet) }
    const { asker } = await town(0)
    asker.fetchFrom(probe, () => undefined)
    const message = (sent[0] ?? new Uint8Array(23)).subarray(22)
    for (let n = 0; n < 320; n++) circuit.sendControl(MESSAGE.directory, message)
    await clock.advanceAsync(1_000)
    expect(counters.get('directory-limit')).toBeGreaterThanOrEqual(10)
  })

  it('is limited over all circuits too', async () => {
    const { clock, counters, path, lab } = await town(0, 1)
    const circuits = Array.from({ length: 4 }, () => lab.circuit(path).circuit)
    await clock.advanceAsync(1_000)
    for (const circuit of circuits) {
      for (let n = 0; n < 300; n++) circuit.sendControl(MESSAGE.directory, new Uint8Array([99]))
    }
    await clock.advanceAsync(100)
    expect(counters.get('directory-unknown-message')).toBe(1_000)
    expect(counters.get('directory-limit-circuits')).toBe(200)
  })

  it('is not offered by relays without a directory, which count the message and go on', async () => {
    const { clock, path, circuit, lab } = await town(1, 2)
    const { circuit: other } = lab.circuit(path.slice(0, 1))
    await clock.advanceAsync(2_000)
    expect(other.sendControl(MESSAGE.directory, new Uint8Array([1, 2, 3]))).toBe(true)
    await clock.advanceAsync(100)
    expect(path[0]?.counters.get('cell-of-unknown-message')).toBe(1)
    expect(other.state).toBe('ready')
    expect(circuit.state).toBe('ready')
  })

  it('ends with the circuit', async () => {
    const { asker, link, circuit, clock, teller } = await town(1)
    expect(link.open).toBe(true)
    link.close('unneeded')
    expect(circuit.state).toBe('closed')
    expect(link.open).toBe(false)
    const results: boolean[] = []
    asker.fetchFrom(link, (_, answered) => results.push(answered))
    await clock.advanceAsync(1_000)
    expect(results).toEqual([false])
    expect(teller.size).toBe(1)
  })

  it('survives anything that comes through a circuit', async () => {
    const { clock, circuit, path } = await town(1)
    for (const bytes of [[], [1], [2, 0], [7, 1, 2], [99]]) {
      expect(circuit.sendControl(MESSAGE.directory, Uint8Array.from(bytes))).toBe(true)
    }
    await clock.advanceAsync(1_000)
    expect(circuit.state).toBe('ready')
    expect(path[2]?.counters.get('router-fault')).toBe(0)
    expect(encodeMessage(MESSAGE.directory, new Uint8Array([7]))).toEqual(new Uint8Array([82, 7]))
  })
})
