import { describe, expect, it } from 'vitest'
import type { Address } from '../bytes/address.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { below } from '../world/random.ts'
import { CIRCUIT_SETTINGS } from './constants.ts'
import { Lab, type LabRelay } from './lab.fixture.ts'
import { Liveness } from './liveness.ts'

const DESTINATION: Address = { kind: 'ipv4', host: '203.0.113.77', port: 6881 }

function path(lab: Lab, hops: number): LabRelay[] {
  return Array.from({ length: hops }, () => lab.relay())
}

/** A circuit in use: a datagram every 20 ms, echoed by the exit, from `start` on. */
function underLoad(lab: Lab, suspected: number[]) {
  const relays = path(lab, 3)
  const { circuit, events } = lab.ready(relays, { onSuspected: (at) => suspected.push(at) })
  const exit = (relays[2] as LabRelay).exit
  const send = () => {
    if (circuit.state !== 'ready') return
    circuit.sendDatagram(DESTINATION, Uint8Array.of(1))
    const last = exit.datagrams.pop()
    last?.circuit.sendDatagram({ kind: 'ipv4', host: '203.0.113.77', port: 6881 }, Uint8Array.of(2))
    lab.clock.after(20, send)
  }
  send()
  lab.clock.advance(3_000)
  return { circuit, events, relays }
}

describe('suspicion (C-05)', () => {
  it.each([0, 1, 2])('a circuit in use whose hop %i falls silent is suspect within 1.5 s', (gone) => {
    const lab = new Lab()
    const suspected: number[] = []
    const { circuit, relays } = underLoad(lab, suspected)
    expect(suspected).toEqual([])
    const at = lab.clock.now()
    lab.net.lose((relays[gone] as LabRelay).address)
    lab.clock.advance(1_500)
    expect(suspected).toHaveLength(1)
    expect((suspected[0] as number) - at).toBeGreaterThanOrEqual(1_000)
    expect(circuit.suspect).toBe(true)
    expect(circuit.state).toBe('ready')
  })

  it('ends with the first sign of life', () => {
    const lab = new Lab()
    const suspected: number[] = []
    const { circuit } = underLoad(lab, suspected)
    lab.net.tamper = () => undefined
    lab.clock.advance(2_000)
    expect(circuit.suspect).toBe(true)
    lab.net.tamper = undefined
    lab.clock.advance(300)
    expect(circuit.suspect).toBe(false)
    expect(circuit.state).toBe('ready')
    lab.clock.advance(60_000)
    expect(suspected).toHaveLength(1)
  })

  it('an idle circuit is suspect when a ping and those after it stay unanswered', () => {
    const lab = new Lab()
    const suspected: number[] = []
    const relays = path(lab, 3)
    const { circuit } = lab.ready(relays, { onSuspected: (at) => suspected.push(at) })
    lab.net.lose((relays[1] as LabRelay).address)
    lab.clock.advance(7_500 + 1_500)
    expect(circuit.suspect).toBe(true)
    lab.clock.advance(11_000)
    expect(circuit.state).toBe('closed')
    expect(circuit.suspect).toBe(false)
    expect(suspected).toHaveLength(1)
  })

  it('does not flood: a dozen pings in the first 3 s, one a second then', () => {
    const lab = new Lab()
    const relays = path(lab, 2)
    const { circuit } = lab.ready(relays)
    circuit.sendDatagram(DESTINATION, Uint8Array.of(1))
    lab.clock.advance(100)
    let sent = 0
    lab.net.tamper = (from) => {
      if (from.host === '192.0.2.1') sent++
      return undefined
    }
    circuit.sendDatagram(DESTINATION, Uint8Array.of(1))
    lab.clock.advance(3_100)
    expect(sent).toBeGreaterThan(8)
    expect(sent).toBeLessThanOrEqual(13)
    const before = sent
    lab.clock.advance(8_000)
    expect(sent - before).toBeLessThanOrEqual(8)
    expect(circuit.state).toBe('ready')
  })

  it('pings a quiet circuit every 7.5 s and no more', () => {
    const lab = new Lab()
    const relays = path(lab, 1)
    lab.ready(relays)
    let sent = 0
    lab.net.tamper = (from, _to, packet) => {
      if (from.host === '192.0.2.1') sent++
      return packet
    }
    lab.clock.advance(75_000)
    expect(sent).toBeGreaterThanOrEqual(9)
    expect(sent).toBeLessThanOrEqual(10)
  })
})

/** One circuit as its pings see it: each way over three links that lose and jitter. Says when it died, and how often suspected. */
function life(random: SeededRandom, lossPercent: number, minutes: number) {
  const clock = new VirtualClock()
  let died = false
  let suspected = 0
  let identifier = 0
  const survives = () => {
    for (let link = 0; link < 6; link++) if (below(random, 100) < lossPercent) return false
    return true
  }
  const liveness: Liveness = new Liveness(clock, CIRCUIT_SETTINGS, {
    ping: () => {
      liveness.sent()
      const id = identifier++
      if (survives()) {
        clock.after(60 + below(random, 200), () => {
          liveness.heard()
          liveness.pong(id)
        })
      }
      return id
    },
    suspected: () => {
      suspected++
    },
    cleared: () => {},
    dead: () => {
      died = true
    },
  })
  liveness.start()
  clock.advance(minutes * 60_000)
  return { died, suspected, lossRate: liveness.lossRate }
}

describe('a lossy path (N-14)', () => {
  it('of 10 % on each of three links, each way, with 200 ms of jitter, kills less than 1 in 100 circuits in 10 min', () => {
    const random = new SeededRandom(7)
    let died = 0
    let suspected = 0
    for (let run = 0; run < 300; run++) {
      const result = life(random, 10, 10)
      if (result.died) died++
      suspected += result.suspected
    }
    expect(died).toBe(0)
    // Idle, and so with pings alone to judge by: about one false alarm in 5 min.
    expect(suspected / 300).toBeLessThan(4)
  })

  it('of 1 % does not even alarm', () => {
    const random = new SeededRandom(8)
    let suspected = 0
    for (let run = 0; run < 100; run++) suspected += life(random, 1, 10).suspected
    expect(suspected).toBeLessThanOrEqual(5)
  })

  it('is measured', () => {
    const random = new SeededRandom(9)
    expect(life(random, 0, 10).lossRate).toBe(0)
    const rates = Array.from({ length: 50 }, () => life(random, 10, 10).lossRate)
    const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length
    expect(mean).toBeGreaterThan(0.3)
    expect(mean).toBeLessThan(0.65)
  })
})
