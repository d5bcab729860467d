import { describe, expect, it } from 'vitest'
import type { IpAddress } from '../bytes/address.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { KADEMLIA_DEFAULTS } from './constants.ts'
import type { KrpcResponse } from './krpc.ts'
import { decodeKrpc } from './krpc-codec.ts'
import { Meter } from './meter.ts'
import { type Reply, Rpc } from './rpc.ts'

const there: IpAddress = { kind: 'ipv4', host: '20.1.1.1', port: 6881 }

function fixture() {
  const clock = new VirtualClock()
  const counters = new Counters()
  const sent: { to: IpAddress; transaction: Uint8Array; bytes: number }[] = []
  const silent: IpAddress[] = []
  const meter = new Meter(clock)
  const rpc = new Rpc({
    clock,
    counters,
    random: new SeededRandom(2),
    settings: { ...KADEMLIA_DEFAULTS, pending: 3 },
    meter,
    isReadOnly: () => false,
    version: undefined,
    ownId: () => new Uint8Array(20),
    mayReach: ({ host }) => host !== '10.0.0.1',
    send: (to, datagram) => {
      const { transaction } = decodeKrpc(datagram)
      sent.push({ to, transaction: Uint8Array.from(transaction), bytes: datagram.length })
    },
    heard: () => {},
    silent: (address) => silent.push(address),
  })
  const answer = (i = 0): KrpcResponse => ({
    kind: 'response',
    transaction: sent[i]!.transaction,
    id: new Uint8Array(20).fill(9),
  })
  return { clock, counters, sent, silent, meter, rpc, answer }
}

describe('queries (K-03, K-09)', () => {
  it('are sent twice, give their place to another when slow, and end', () => {
    const { clock, sent, silent, rpc } = fixture()
    const log: [number, string][] = []
    rpc.ask({
      address: there,
      asked: { method: 'ping' },
      slow: () => log.push([clock.now(), 'slow']),
      done: ({ kind }) => log.push([clock.now(), kind]),
    })
    clock.advance(60_000)
    expect(sent).toHaveLength(2)
    expect(sent[0]).toEqual(sent[1])
    expect(log).toEqual([
      [2_000, 'slow'],
      [8_000, 'silent'],
    ])
    expect(silent).toEqual([there])
  })

  it('are sent again sooner where answers are quick', () => {
    const { clock, sent, rpc, answer } = fixture()
    for (let i = 0; i < 20; i++) {
      rpc.ask({ address: there, asked: { method: 'ping' }, done: () => {} })
      clock.advance(40)
      rpc.receive(there, answer(i))
    }
    const before = sent.length
    rpc.ask({ address: there, asked: { method: 'ping' }, done: () => {} })
    clock.advance(210)
    expect(sent.length).toBe(before + 2)
    rpc.ask({ address: there, asked: { method: 'ping' }, rttMs: 500, done: () => {} })
    clock.advance(900)
    expect(sent.length).toBe(before + 3)
  })

  it('take an answer once, from the one asked, to what was asked', () => {
    const { counters, rpc, answer, sent } = fixture()
    const replies: Reply[] = []
    rpc.ask({ address: there, asked: { method: 'ping' }, done: (reply) => replies.push(reply) })
    rpc.receive({ ...there, port: 6882 }, answer())
    rpc.receive({ ...there, host: '20.1.1.2' }, answer())
    rpc.receive(there, { ...answer(), transaction: Uint8Array.of(1, 2) })
    expect(replies).toEqual([])
    expect(sent[0]!.transaction).toHaveLength(4)
    rpc.receive(there, answer())
    rpc.receive(there, answer())
    expect(replies.map(({ kind }) => kind)).toEqual(['response'])
    expect(counters.get('kademlia-unasked-answer')).toBe(4)
  })

  it('are bounded in number, and never sent out of reach', () => {
    const { clock, counters, rpc, sent } = fixture()
    const replies: string[] = []
    const ask = (address: IpAddress) =>
      rpc.ask({ address, asked: { method: 'ping' }, done: ({ kind }) => replies.push(kind) })
    ask({ ...there, host: '10.0.0.1' })
    for (let i = 0; i < 5; i++) ask(there)
    expect(replies).toEqual([])
    clock.advance(1)
    expect(replies).toEqual(['unsent', 'unsent', 'unsent'])
    expect(sent).toHaveLength(3)
    expect(counters.get('kademlia-out-of-reach')).toBe(1)
    expect(counters.get('kademlia-too-many-queries')).toBe(2)
  })

  it('are padded when asked to be', () => {
    const { rpc, sent } = fixture()
    const target = new Uint8Array(20)
    rpc.ask({ address: there, asked: { method: 'get', target }, padToBytes: 1_200, done: () => {} })
    expect(sent[0]!.bytes).toBeGreaterThanOrEqual(1_200)
    expect(sent[0]!.bytes).toBeLessThan(1_210)
  })
})
