import { describe, expect, it } from 'vitest'
import type { Address } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import { FLAG_EXIT_HTTP, FLAG_RELAY, FLAG_SPEED_TEST } from '../ipv8/constants.ts'
import { UDP_MTU } from '../link/constants.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { HTTP_RESPONSE_BYTES, HTTP_TIMEOUT_MS } from './constants.ts'
import type { ExitCircuit } from './exit-port.ts'
import { HttpExchange } from './http-exchange.ts'
import { Lab, type LabRelay } from './lab.fixture.ts'
import { TestExit } from './onion.fixture.ts'

const TRACKER: Address = { kind: 'domain', host: 'tracker.example', port: 80 }

class HttpTestExit extends TestExit {
  readonly requests: {
    circuit: ExitCircuit
    target: Address
    request: string
    reply: (response: Uint8Array) => void
  }[] = []

  http(
    circuit: ExitCircuit,
    target: Address,
    request: Uint8Array,
    reply: (response: Uint8Array) => void,
  ): void {
    this.requests.push({ circuit, target, request: toHex(request), reply })
  }
}

function made(more: { flags?: number } = {}) {
  const lab = new Lab()
  const exit = new HttpTestExit()
  const flags = more.flags ?? FLAG_RELAY | FLAG_EXIT_HTTP
  const last = lab.relay({ more: { exit, flags } })
  const relays = [lab.relay(), lab.relay(), last] as LabRelay[]
  return { lab, exit, last, ...lab.ready(relays) }
}

describe('HTTP through an exit (C-07; messages 28 and 29)', () => {
  it.each([0, 1, 1_400, 1_401, 100_000, HTTP_RESPONSE_BYTES])(
    'brings a request there and a response of %i bytes back',
    (length) => {
      const { lab, exit, circuit, events } = made()
      let largest = 0
      lab.net.tamper = (_from, _to, packet) => {
        largest = Math.max(largest, packet.length)
        return packet
      }
      const identifier = circuit.httpRequest(TRACKER, Uint8Array.of(71, 69))
      lab.clock.advance(100)
      expect(exit.requests).toMatchObject([{ target: TRACKER, request: '4745' }])
      exit.requests[0]?.reply(lab.random.bytes(length))
      lab.clock.advance(2_000)
      // An answer of nothing is none.
      if (length > 0) expect(events.at(-1)).toBe(`http ${identifier} ${length}`)
      lab.clock.advance(HTTP_TIMEOUT_MS)
      expect(events.filter((event) => event.startsWith('http'))).toHaveLength(1)
      expect(largest).toBeLessThanOrEqual(UDP_MTU)
      expect(lab.counters.snapshot()).toEqual({})
    },
  )

  it('says so when no response comes, and when the circuit ends', () => {
    const { lab, circuit, events } = made()
    const first = circuit.httpRequest(TRACKER, Uint8Array.of(1))
    lab.clock.advance(HTTP_TIMEOUT_MS)
    expect(events.at(-1)).toBe(`http ${first} none`)
    const second = circuit.httpRequest(TRACKER, Uint8Array.of(1))
    circuit.destroy('unneeded')
    expect(events.slice(-2)).toEqual([`http ${second} none`, 'closed unneeded'])
    expect(circuit.httpRequest(TRACKER, Uint8Array.of(1))).toBeUndefined()
  })

  it('keeps five open, and asks for no more than fits a cell', () => {
    const { lab, circuit, exit } = made()
    expect(circuit.httpRequest(TRACKER, new Uint8Array(1_371))).toBeUndefined()
    const identifiers = Array.from({ length: 7 }, () => circuit.httpRequest(TRACKER, Uint8Array.of(1)))
    expect(identifiers.filter((identifier) => identifier !== undefined)).toHaveLength(5)
    lab.clock.advance(100)
    expect(exit.requests).toHaveLength(5)
  })

  it('sends nothing more to a circuit that has ended, and nothing that is too large', () => {
    const { lab, circuit, exit, last } = made()
    circuit.httpRequest(TRACKER, Uint8Array.of(1))
    lab.clock.advance(100)
    const sent = () => last.router.stats().circuits
    exit.requests[0]?.reply(new Uint8Array(HTTP_RESPONSE_BYTES + 1))
    let cells = 0
    lab.net.tamper = (from, _to, packet) => {
      // Pongs aside.
      if (from.host === last.address.host && packet.length > 500) cells++
      return packet
    }
    lab.clock.advance(500)
    expect(cells).toBe(0)
    exit.requests[0]?.reply(new Uint8Array(HTTP_RESPONSE_BYTES))
    lab.clock.advance(50)
    circuit.destroy('unneeded')
    lab.clock.advance(6_000)
    expect(sent()).toBe(0)
    expect(exit.endedCircuits).toHaveLength(1)
    const before = cells
    exit.requests[0]?.reply(new Uint8Array(5_000))
    lab.clock.advance(1_000)
    expect(cells).toBe(before)
  })

  it('keeps no more responses for one circuit than it may ask for, however quickly they come', () => {
    const { lab, circuit, exit, last, events } = made()
    circuit.httpRequest(TRACKER, Uint8Array.of(1))
    lab.clock.advance(100)
    const answer = () => exit.requests[0]?.reply(new Uint8Array(100_000))
    for (let i = 0; i < 20; i++) answer()
    expect(last.counters.get('http-response-dropped')).toBe(15)
    lab.clock.advance(1_000)
    expect(events.at(-1)).toMatch(/^http \d+ 100000$/)
    answer()
    expect(last.counters.get('http-response-dropped')).toBe(15)
  })

  it('is not offered by a node without the flag', () => {
    const { lab, circuit, exit, last } = made({ flags: FLAG_RELAY | FLAG_SPEED_TEST })
    circuit.httpRequest(TRACKER, Uint8Array.of(1))
    lab.clock.advance(100)
    expect(exit.requests).toEqual([])
    expect(last.counters.get('http-not-offered')).toBe(1)
  })
})

describe('a response in parts (C-07)', () => {
  function asked() {
    const clock = new VirtualClock()
    const counts: string[] = []
    const responses: (string | undefined)[] = []
    const exchange = new HttpExchange({
      clock,
      random: new SeededRandom(1),
      maxMessageBytes: () => 1_371,
      send: () => undefined,
      count: (name) => counts.push(name),
      done: (_, response) => responses.push(response && toHex(response)),
    })
    const identifier = exchange.request(TRACKER, Uint8Array.of(1)) as number
    const part = (index: number, parts: number, ...response: number[]) =>
      exchange.response({ identifier, part: index, parts, response: Uint8Array.from(response) })
    return { exchange, identifier, counts, responses, part, clock }
  }

  it('is whole in any order, each part once', () => {
    const { part, responses } = asked()
    part(2, 3, 3)
    part(0, 3, 1)
    part(0, 3, 9)
    expect(responses).toEqual([])
    part(1, 3, 2)
    expect(responses).toEqual(['010203'])
  })

  it.each([
    ['of none', 0, 0],
    ['behind the last', 3, 3],
    ['of more than may be', 0, 1_000],
  ])('refuses a part %s', (_, index, parts) => {
    const { part, counts, responses } = asked()
    part(index, parts, 1)
    expect(counts).toEqual(['http-response-refused'])
    part(0, 1, 1)
    expect(responses).toEqual(['01'])
  })

  it('refuses a part that is larger than exits make them', () => {
    const { exchange, identifier, counts, part, responses } = asked()
    exchange.response({ identifier, part: 0, parts: 1, response: new Uint8Array(1_401) })
    expect(counts).toEqual(['http-response-refused'])
    part(0, 1, 1)
    expect(responses).toEqual(['01'])
  })

  it('refuses parts of another number of them, and of another request', () => {
    const { exchange, part, counts, clock, responses } = asked()
    part(0, 2, 1)
    part(1, 3, 1)
    exchange.response({ identifier: 5, part: 0, parts: 1, response: Uint8Array.of(1) })
    expect(counts).toEqual(['http-response-refused', 'http-response-unasked'])
    clock.advance(HTTP_TIMEOUT_MS)
    expect(responses).toEqual([undefined])
  })
})

describe('the wide speed test of Tribler (C-01; messages 21 and 22)', () => {
  it('is answered, and asked', () => {
    const { lab, circuit, events, last } = made({ flags: FLAG_RELAY | FLAG_SPEED_TEST })
    const identifier = circuit.sendTest(1_000, new Uint8Array(10), true) as number
    lab.clock.advance(100)
    expect(events.at(-1)).toBe(`tested ${identifier} 1000`)
    const largest = circuit.sendTest(65_535, new Uint8Array(0), true)
    lab.clock.advance(100)
    expect(events.at(-1)).toBe(`tested ${largest} 1366`)
    expect(last.counters.snapshot()).toEqual({})
  })

  it('is not without the flag', () => {
    const { lab, circuit, events, last } = made()
    circuit.sendTest(1_000, new Uint8Array(10), true)
    lab.clock.advance(100)
    expect(events).toEqual(['ready'])
    expect(last.counters.get('speed-test-not-offered')).toBe(1)
  })
})
