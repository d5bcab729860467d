import { describe, expect, it } from 'vitest'
import { equalBytes } from '../bytes/bytes.ts'
import { CircuitControl } from './circuit-control.ts'
import { newPacket, UTP_TYPE, UtpHeader } from './header.ts'
import { Ledbat } from './ledbat.ts'
import { Pair, type PairOptions } from './pair.fixture.ts'

const header = new UtpHeader()

function pair(options: Partial<PairOptions> = {}): Pair {
  return new Pair({
    there: { delayMs: 20 },
    congestion: (bytes) => new CircuitControl(bytes),
    ...options,
  })
}

function opened(options: Partial<PairOptions> = {}): Pair {
  const made = pair(options)
  made.clock.runUntil(() => made.left.log.includes('opened'), 5000)
  expect(made.left.log).toEqual(['opened'])
  return made
}

/** All packets that pass one way from now on. */
function watch(wire: Pair['there']): { type: number; id: number; payload: number; header: UtpHeader }[] {
  const seen: { type: number; id: number; payload: number; header: UtpHeader }[] = []
  const send = wire.send.bind(wire)
  wire.send = (packet) => {
    const own = new UtpHeader()
    own.read(packet)
    seen.push({
      type: own.type,
      id: own.connectionId,
      payload: packet.length - own.payloadStart,
      header: own,
    })
    send(packet)
  }
  return seen
}

const bytes = (length: number, from = 0) => Uint8Array.from({ length }, (_, i) => (from + i) * 7)

describe('uTP connection (C-07, W-04, BEP 29)', () => {
  it('opens, carries bytes both ways, ends both directions, and lets its id go', () => {
    const { left, right, clock } = opened()
    left.connection.write(bytes(5000))
    left.connection.end()
    right.connection.write(bytes(3000, 9))
    clock.advance(200)
    expect(right.log).toEqual(['ended'])
    expect(left.log).toEqual(['opened'])
    right.connection.end()
    clock.advance(200)
    expect([left.log, right.log]).toEqual([
      ['opened', 'ended', 'closed undefined'],
      ['ended', 'closed undefined'],
    ])
    expect([left.bytes, right.bytes]).toEqual([bytes(3000, 9), bytes(5000)])
    clock.advance(20_000)
    expect([left.log.at(-1), right.log.at(-1)]).toEqual(['released', 'released'])
    expect(clock.idle).toBe(true)
  })

  it('goes on in one direction after the other has ended', () => {
    const { left, right, clock } = opened()
    left.connection.end()
    clock.advance(100)
    for (let i = 0; i < 10; i++) {
      right.connection.write(bytes(2000, i))
      clock.advance(100)
    }
    right.connection.end()
    clock.advance(200)
    expect(left.receivedBytes).toBe(20_000)
    expect(left.log).toEqual(['opened', 'ended', 'closed undefined'])
  })

  it('sends what was written before it opened', () => {
    const { left, right, clock } = pair()
    left.connection.write(bytes(10))
    left.connection.end()
    clock.advance(200)
    expect(right.bytes).toEqual(bytes(10))
  })

  it('uses the ids of BEP 29: the SYN bears the receive id, what follows the id after it', () => {
    const { left, back, there, clock } = opened()
    const out = watch(there)
    const answers = watch(back)
    left.connection.write(bytes(10))
    clock.advance(100)
    expect(out[0]?.id).toBe(0)
    expect(answers[0]?.id).toBe(0xffff)
  })

  it('sends the SYN again until it is answered, and is not confused by a second one', () => {
    const made = pair({ there: { delayMs: 20, loss: 1 } })
    const syns = watch(made.there)
    made.clock.advance(4000)
    expect(syns.map(({ type }) => type)).toEqual([UTP_TYPE.syn, UTP_TYPE.syn])
    made.there.conditions = { delayMs: 20, duplication: 1 }
    made.back.conditions = { delayMs: 20, loss: 1 }
    made.clock.advance(5000)
    made.right.connection.write(bytes(100))
    made.clock.advance(100)
    made.back.conditions = { delayMs: 20 }
    made.clock.advance(5000)
    expect(made.left.bytes).toEqual(bytes(100))
  })

  it('gives up when the SYN is not answered', () => {
    const { left, clock } = pair({ there: { loss: 1 } })
    clock.advance(14_900)
    expect(left.log).toEqual([])
    clock.advance(100)
    expect(left.log).toEqual(['released', 'closed timed-out'])
  })

  it('gives up when nothing is heard although an answer is owed, but not while it is merely idle', () => {
    const { left, there, back, clock } = opened({ settings: { keepAliveMs: 0 } })
    clock.advance(300_000)
    left.connection.write(bytes(10))
    clock.advance(1000)
    there.conditions = { loss: 1 }
    back.conditions = { loss: 1 }
    left.connection.write(bytes(10))
    clock.advance(59_000)
    expect(left.log).toEqual(['opened'])
    clock.advance(10_000)
    expect(left.log).toEqual(['opened', 'released', 'closed timed-out'])
  })

  it('keeps a quiet connection alive for the sake of NAT mappings', () => {
    const { there, clock } = opened()
    const out = watch(there)
    clock.advance(100_000)
    expect(out.map(({ type }) => type)).toEqual([2, 2, 2])
  })

  it('resets: the far side is told, and bytes that follow are answered by nobody', () => {
    const { left, right, clock } = opened()
    right.connection.write(bytes(100_000))
    left.connection.destroy()
    left.connection.destroy()
    expect(left.log).toEqual(['opened', 'released'])
    clock.advance(100)
    expect(left.log).toEqual(['opened', 'released', 'closed undefined'])
    expect(right.log).toEqual(['released', 'closed connection-reset'])
    expect(left.receivedBytes).toBe(0)
    expect(right.connection.write(bytes(1))).toBe(true)
  })

  it('ends in order when the far side forgets it right after both have finished', () => {
    const { left, right, back, clock } = opened()
    right.connection.end()
    clock.advance(100)
    back.conditions = { loss: 1 }
    left.connection.end()
    clock.advance(100)
    expect([left.log, right.log]).toEqual([
      ['opened', 'ended'],
      ['ended', 'closed undefined'],
    ])
    header.read(newPacket(UTP_TYPE.reset, 0xffff, 0, 0, 0, 0, 0, 0))
    left.connection.receive(new Uint8Array(20), header)
    expect(left.log).toEqual(['opened', 'ended', 'closed undefined'])
  })

  it('gives all it holds to a slow reader, though the far side has finished and is long gone', () => {
    const { left, right, clock } = opened({ settings: { receiveBufferBytes: 100_000 } })
    left.connection.pause()
    right.connection.write(bytes(90_000))
    right.connection.end()
    left.connection.end()
    clock.advance(60_000)
    expect([left.log, right.log]).toEqual([['opened'], ['ended', 'closed undefined', 'released']])
    left.connection.resume()
    expect([left.receivedBytes, left.log]).toEqual([90_000, ['opened', 'ended', 'closed undefined']])
  })

  it('answers a FIN that comes again while it lingers', () => {
    const { left, right, back, clock } = opened()
    right.connection.end()
    clock.advance(100)
    back.conditions = { delayMs: 20, loss: 1 }
    left.connection.end()
    clock.advance(400)
    back.conditions = { delayMs: 20 }
    clock.advance(2000)
    expect(right.log).toEqual(['ended', 'closed undefined'])
    expect(left.log).toEqual(['opened', 'ended', 'closed undefined'])
  })
})

describe('uTP flow control (C-07)', () => {
  it('stops at the far side’s window, probes it while it is shut, and goes on when it opens', () => {
    const { left, right, there, clock } = opened({ settings: { receiveBufferBytes: 50_000 } })
    right.connection.pause()
    left.connection.write(bytes(200_000))
    clock.advance(1000)
    expect(right.receivedBytes).toBe(0)
    const out = watch(there)
    clock.advance(60_000)
    expect(out.length).toBeGreaterThan(3)
    expect(out.length).toBeLessThan(60)
    expect(left.log).toEqual(['opened'])
    right.connection.resume()
    clock.advance(2000)
    expect(equalBytes(right.bytes, bytes(200_000))).toBe(true)
  })

  it('can be paused from within an event, chunk by chunk', () => {
    const { left, right, clock } = opened()
    right.onData = () => {
      right.connection.pause()
      clock.after(5, () => right.connection.resume())
    }
    left.connection.write(bytes(100_000))
    left.connection.end()
    clock.advance(2000)
    expect(equalBytes(right.bytes, bytes(100_000))).toBe(true)
    expect(right.log).toEqual(['ended'])
  })

  it('tells the end only after all bytes were given', () => {
    const { left, right, clock } = opened()
    right.connection.pause()
    left.connection.write(bytes(10_000))
    left.connection.end()
    clock.advance(1000)
    expect(right.log).toEqual([])
    right.connection.resume()
    expect([right.receivedBytes, right.log]).toEqual([10_000, ['ended']])
  })

  it('asks its writer to wait, and calls when there is room', () => {
    const { left, right, clock } = opened({ there: { delayMs: 20, bytesPerSecond: 1e6 } })
    let drained = 0
    left.onDrained = () => drained++
    expect(left.connection.write(bytes(100_000))).toBe(true)
    expect(left.connection.write(bytes(300_000))).toBe(false)
    clock.advance(50)
    expect(drained).toBe(0)
    clock.advance(1000)
    expect([drained, right.receivedBytes]).toEqual([1, 400_000])
  })

  it('survives being destroyed from within any event', () => {
    const { left, right, clock } = opened()
    right.onData = () => right.connection.destroy()
    left.connection.write(bytes(50_000))
    clock.advance(500)
    expect(right.log).toEqual(['released', 'closed undefined'])
    expect(left.log).toEqual(['opened', 'released', 'closed connection-reset'])
  })
})

describe('uTP against strange packets (N-11, BEP 29)', () => {
  it('drops acknowledgements of what was never sent, and counts them', () => {
    const made = opened()
    const { left, right, there, clock, counters } = made
    const out = watch(there)
    left.connection.write(bytes(10))
    clock.advance(100)
    const { sequence, acknowledged } = out[0]!.header
    for (const [acked, count] of [
      [sequence, 0],
      [sequence + 1, 1],
      [sequence + 0x7000, 2],
    ] as const) {
      made.arrive(left, newPacket(UTP_TYPE.state, 0xffff, 0, 0, 1e6, acknowledged + 1, acked & 0xffff, 0))
      expect(counters.get('utp-ack-of-unsent')).toBe(count)
    }
    left.connection.write(bytes(10))
    clock.advance(100)
    expect(right.receivedBytes).toBe(20)
  })

  it('takes nothing beyond a FIN', () => {
    const made = opened()
    const { left, right, there, clock, counters } = made
    const out = watch(there)
    left.connection.end()
    clock.advance(100)
    const fin = out.find(({ type }) => type === UTP_TYPE.fin)!.header
    const late = newPacket(
      UTP_TYPE.data,
      fin.connectionId,
      fin.timestamp,
      0,
      1e6,
      fin.sequence + 1,
      fin.acknowledged,
      5,
    )
    made.arrive(right, late)
    expect([right.receivedBytes, counters.get('utp-data-after-fin')]).toEqual([0, 1])
  })

  it('acknowledges sparsely when data comes fast, and at once when it comes alone', () => {
    const { left, back, clock } = opened({
      there: { delayMs: 20, bytesPerSecond: 20e6 },
      settings: { maxPacketsPerAck: 16, receiveBufferBytes: 8 << 20, maxFlightBytes: 8 << 20 },
    })
    left.pour(20_000_000)
    clock.advance(500)
    const acks = watch(back)
    const before = left.connection
    clock.advance(300)
    expect(before.state).toBe('open')
    const perSecond = acks.length / 0.3
    expect(perSecond).toBeLessThan(1500)
    expect(perSecond).toBeGreaterThan(500)
  })

  it('waits for its own queue while it has something to send, and does not look at it otherwise (O-06)', () => {
    let looks = 0
    let queued = 0
    const { left, right, clock } = opened({
      congestion: (bytes) =>
        Object.defineProperty(new CircuitControl(bytes), 'queuedBytes', {
          get: () => {
            looks++
            return queued
          },
        }),
    })
    left.connection.write(bytes(5_000))
    clock.advance(25)
    expect(right.receivedBytes).toBe(5_000)
    // The acknowledgement comes while others of the circuit fill the queue.
    queued = 10 << 20
    looks = 0
    clock.advance(10_000)
    expect(looks).toBeLessThan(100)
    left.connection.write(bytes(5_000))
    // After 2, 6, 14, 30 and 62 ms, and then every 64.
    clock.advance(63)
    expect(looks).toBe(6)
    clock.advance(6_400)
    expect(looks).toBeGreaterThan(100)
    expect(looks).toBeLessThan(110)
    expect(right.receivedBytes).toBe(5_000)
    queued = 0
    clock.advance(100)
    expect(right.receivedBytes).toBe(10_000)
  })

  it('counts on through 2^16 packets and more', () => {
    const { left, right, clock } = opened({
      there: { delayMs: 1, bytesPerSecond: 20e6 },
      settings: { maxPacketBytes: 60 },
    })
    right.keep = false
    let sum = 0
    right.onData = (chunk) => {
      for (const byte of chunk) sum = (sum * 31 + byte) | 0
    }
    const total = 40 * 70_000
    left.pour(total)
    expect(clock.runUntil(() => right.log.includes('ended'), 60_000)).toBe(true)
    expect(right.receivedBytes).toBe(total)
    expect(sum).toBe(0)
  })
})

describe('the two congestion controls look alike to a connection (C-07)', () => {
  it.each([
    ['circuit', (packetBytes: number) => new CircuitControl(packetBytes)],
    ['LEDBAT', (packetBytes: number) => new Ledbat(packetBytes)],
  ])('%s carries a megabyte through loss', (_, congestion) => {
    const { left, right, clock } = opened({ congestion, there: { delayMs: 5, loss: 0.05 } })
    const all = bytes(1_000_000)
    left.connection.write(all)
    left.connection.end()
    expect(clock.runUntil(() => right.log.includes('ended'), 120_000)).toBe(true)
    expect(equalBytes(right.bytes, all)).toBe(true)
  })
})
