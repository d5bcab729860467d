import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { IpAddress } from '../bytes/address.ts'
import { decodeDictionary } from '../bytes/bencode.ts'
import { looksLikeBitTorrent } from '../ipv8/datagram-shape.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { Counters } from '../world/counters.ts'
import { Cusum } from './exit-probe-cusum.ts'
import { type Arrival, ProbeEcho } from './exit-probe-echo.ts'
import { ExpectedDatagrams } from './exit-probe-expected.ts'
import { ProbePayloads } from './exit-probe-payloads.ts'

const at = (host: string, port = 6881): IpAddress => ({ kind: 'ipv4', host, port })
const EXIT = at('198.51.100.1')

function echo() {
  const sent: { to: IpAddress; datagram: Uint8Array }[] = []
  const machine = new ProbeEcho({
    counters: new Counters(),
    send: (to, datagram) => sent.push({ to, datagram }),
  })
  return { machine, sent }
}

describe('what probes send (issue 4)', () => {
  it('passes every exit for BitTorrent, never begins as IPv8 does, and fits a cell', () => {
    const payloads = new ProbePayloads(new SeededRandom(1))
    const all = Array.from({ length: 400 }, () => payloads.next())
    for (const datagram of [...all, payloads.burst()].flatMap(({ question, answers }) => [
      question,
      ...answers,
    ])) {
      expect(looksLikeBitTorrent(datagram)).toBe(true)
      expect(datagram[0]).not.toBe(0)
      expect(datagram.length).toBeLessThanOrEqual(1_200)
    }
  })

  it('is what nodes of the DHT say, question and answer of one transaction', () => {
    const payloads = new ProbePayloads(new SeededRandom(2))
    const pairs = Array.from({ length: 100 }, () => payloads.next()).filter(
      ({ question }) => question[0] === 0x64,
    )
    expect(pairs.length).toBeGreaterThan(20)
    for (const { question, answers } of pairs) {
      const asked = decodeDictionary(question)
      const answered = decodeDictionary(answers[0] as Uint8Array)
      expect(answered.string('t')).toEqual(asked.string('t'))
      expect(asked.dictionary('a')?.string('id')).toHaveLength(20)
      expect(answered.dictionary('r')?.string('nodes')).toHaveLength(208)
    }
  })
})

describe('the echo of probes (issue 4, D-07)', () => {
  const payloads = new ProbePayloads(new SeededRandom(3))

  it('answers a question once, as planned, and tells from where it came', () => {
    const { machine, sent } = echo()
    const arrivals: Arrival[] = []
    const exchange = payloads.next()
    machine.expect(exchange, [EXIT], (arrival) => arrivals.push(arrival))
    const from = at(EXIT.host, 50_000)
    expect(machine.receive(from, exchange.question.slice())).toBe(true)
    expect(machine.receive(from, exchange.question.slice())).toBe(true)
    expect(arrivals).toEqual([{ from, claimed: true, altered: false, answered: 1 }])
    expect(sent).toEqual([{ to: from, datagram: exchange.answers[0] }])
  })

  it('is not there for strangers', () => {
    const { machine, sent } = echo()
    expect(machine.receive(EXIT, payloads.next().question)).toBe(false)
    const exchange = payloads.next()
    const withdraw = machine.expect(exchange, [EXIT], () => undefined)
    expect(machine.receive(EXIT, payloads.next().question)).toBe(false)
    withdraw?.()
    expect(machine.receive(EXIT, exchange.question)).toBe(false)
    expect(sent).toEqual([])
  })

  it('sends no more than it was sent to an address that the exit does not claim', () => {
    const { machine, sent } = echo()
    const arrivals: Arrival[] = []
    const exchange = payloads.burst()
    machine.expect(exchange, [EXIT], (arrival) => arrivals.push(arrival))
    machine.receive(at('203.0.113.1'), exchange.question)
    expect(arrivals).toMatchObject([{ claimed: false, answered: 0 }])
    expect(sent).toEqual([])
  })

  it('takes an IPv6 address of the same /64 as claimed', () => {
    const { machine } = echo()
    const arrivals: Arrival[] = []
    const exchange = payloads.next()
    const claimed: IpAddress = { kind: 'ipv6', host: '2001:db8::1', port: 7000 }
    machine.expect(exchange, [claimed], (arrival) => arrivals.push(arrival))
    machine.receive({ kind: 'ipv6', host: '2001:db8::abcd', port: 40_000 }, exchange.question)
    expect(arrivals).toMatchObject([{ claimed: true }])
  })

  it('knows a question again whose byte was changed, wherever it is', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), (seed, where, change) => {
        const { machine } = echo()
        const arrivals: Arrival[] = []
        const exchange = new ProbePayloads(new SeededRandom(seed)).next()
        machine.expect(exchange, [EXIT], (arrival) => arrivals.push(arrival))
        const changed = exchange.question.slice()
        const index = 1 + (where % (changed.length - 1))
        changed[index] = (changed[index] as number) ^ change
        machine.receive(EXIT, changed)
        expect(arrivals).toMatchObject([{ altered: true }])
      }),
    )
  })
})

describe('datagrams that are waited for', () => {
  it('are found among many of one length, and are bounded', () => {
    const random = new SeededRandom(4)
    const expected = new ExpectedDatagrams<number>(100)
    const all = Array.from({ length: 101 }, () => random.bytes(40))
    const withdrawals = all.map((bytes, i) => expected.add(bytes, i))
    expect(withdrawals[100]).toBeUndefined()
    for (let i = 0; i < 100; i++)
      expect(expected.match((all[i] as Uint8Array).slice())).toEqual({ value: i, altered: false })
    for (const withdraw of withdrawals) {
      withdraw?.()
      withdraw?.()
    }
    expect(expected.size).toBe(0)
  })
})

describe('evidence that is summed up', () => {
  it('needs several witnesses', () => {
    const cusum = new Cusum()
    for (let i = 0; i < 50; i++) cusum.add(3, ['a', 'b'], 4)
    expect(cusum.score).toBeCloseTo(8)
    for (let i = 0; i < 50; i++) cusum.add(3, ['a', 'c'], 4)
    expect(cusum.score).toBeCloseTo(8)
    cusum.add(3, ['c', 'd'], 4)
    expect(cusum.score).toBeCloseTo(11)
  })

  it('saves up nothing for a relay that behaves, and gives a witness back its room', () => {
    const cusum = new Cusum()
    for (let i = 0; i < 50; i++) cusum.add(-5, [], 0)
    expect(cusum.score).toBe(0)
    cusum.add(4, ['a'], 4)
    cusum.add(-2, ['a'], 4)
    cusum.add(9, ['a'], 4)
    expect(cusum.score).toBeCloseTo(4)
  })
})
