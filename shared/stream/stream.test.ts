import { describe, expect, it } from 'vitest'
import { addressOf } from '../bytes/address.ts'
import { equalBytes } from '../bytes/bytes.ts'
import { MAX_MESSAGE_BYTES } from '../onion/constants.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { type CircuitOptions, TestApp, TestCircuit } from './circuit.fixture.ts'

const SITE = addressOf('192.0.2.1', 80)
const NAME = addressOf('tracker.example.org', 443)
const text = (s: string) => Uint8Array.from(s, (c) => c.charCodeAt(0))

/** A circuit on which TCP connects after `connectMs`. */
function circuit(options: CircuitOptions = {}, connectMs = 30): TestCircuit {
  const made: TestCircuit = new TestCircuit({
    onTcp: (tcp) => void made.clock.after(connectMs, () => tcp.events.opened()),
    ...options,
  })
  return made
}

describe('streams in a circuit (C-07)', () => {
  it('opens when TCP has connected, carries bytes both ways, and ends in order', () => {
    const c = circuit()
    const app = c.open(NAME)
    app.stream.write(text('GET /'))
    c.clock.advance(125)
    expect([app.log, c.client.streams, c.server.streams]).toEqual([[], 1, 1])
    c.clock.advance(75)
    expect(app.log).toEqual(['opened'])
    const tcp = c.tcp(NAME)
    expect(tcp.written).toEqual(text('GET /'))
    app.stream.end()
    c.clock.advance(100)
    expect(tcp.log).toEqual(['end'])
    tcp.events.data(text('200 OK'))
    tcp.events.ended()
    tcp.events.closed(undefined)
    c.clock.advance(200)
    expect([app.bytes, app.log]).toEqual([6, ['opened', 'ended', 'closed undefined']])
    expect([c.client.streams, c.server.streams]).toEqual([0, 0])
  })

  it('lets either side end first and the other go on', () => {
    const c = circuit()
    const app = c.open(SITE)
    c.clock.advance(200)
    const tcp = c.tcp(SITE)
    tcp.events.data(text('hello'))
    tcp.events.ended()
    c.clock.advance(200)
    expect([app.log, app.bytes]).toEqual([['opened', 'ended'], 5])
    app.stream.write(text('late'))
    c.clock.advance(200)
    app.stream.write(text('r'))
    app.stream.end()
    c.clock.advance(200)
    expect([tcp.written, tcp.log]).toEqual([text('later'), ['end']])
    expect(app.log).toEqual(['opened', 'ended', 'closed undefined'])
    expect(c.server.streams).toBe(1)
    tcp.events.closed(undefined)
    expect(c.server.streams).toBe(0)
  })

  it('asks TCP for one connection, however often the SYN comes', () => {
    const c = circuit({ conditions: { delayMs: 50, duplication: 1 } }, 9000)
    const app = c.open(SITE)
    c.clock.advance(10_000)
    expect([c.tcps.length, app.log]).toEqual([1, ['opened']])
  })

  it('waits longer than an exit’s own time-out for TCP', () => {
    const c = circuit({}, 11_000)
    const app = c.open(SITE)
    c.clock.advance(12_000)
    expect(app.log).toEqual(['opened'])
  })

  it.each(['destination-refused', 'connection-refused', 'name-not-found', 'timed-out'] as const)(
    'says why a stream was refused: %s',
    (reason) => {
      const c = circuit({ onTcp: (tcp) => void c.clock.after(1, () => tcp.events.closed(reason)) })
      const app = c.open(SITE)
      c.clock.advance(150)
      expect(app.log).toEqual([`closed ${reason}`])
      expect([c.client.streams, c.server.streams, c.counters.get(`stream-reset-${reason}`)]).toEqual([
        0, 0, 1,
      ])
      c.clock.advance(30_000)
      expect(c.tcps.length).toBe(1)
    },
  )

  it('passes resets both ways', () => {
    const c = circuit()
    const [one, two] = [c.open(SITE), c.open(NAME)]
    c.clock.advance(200)
    c.tcp(SITE).events.closed('connection-reset')
    two.stream.destroy()
    c.clock.advance(100)
    expect(one.log).toEqual(['opened', 'closed connection-reset'])
    expect(two.log).toEqual(['opened', 'closed undefined'])
    expect(c.tcp(NAME).log).toEqual(['destroy'])
    c.tcp(NAME).events.closed(undefined)
    expect([c.client.streams, c.server.streams]).toEqual([0, 0])
  })

  it.each(['connection-reset', 'unspecified'] as const)(
    'brings all that TCP has said to its end, also when TCP is %s afterwards',
    (reason) => {
      const c = circuit({ conditions: { delayMs: 50, bytesPerSecond: 1_000_000, queueBytes: 100_000 } })
      const app = c.open(SITE)
      c.clock.advance(200)
      const tcp = c.tcp(SITE)
      // TCP is full of what the page says, so that uTP is paused when it fails.
      tcp.full = true
      app.stream.write(new Uint8Array(50_000))
      c.clock.advance(500)
      const written = tcp.written.length
      expect(written).toBeLessThan(2_000)
      tcp.events.data(new Uint8Array(200_000))
      tcp.events.ended()
      tcp.events.closed(reason)
      c.clock.advance(2_000)
      expect([app.bytes, app.log]).toEqual([200_000, ['opened', 'ended']])
      app.stream.write(new Uint8Array(50_000))
      app.stream.end()
      c.clock.advance(2_000)
      expect(app.log).toEqual(['opened', 'ended', 'closed undefined'])
      expect([tcp.written.length, c.client.streams, c.server.streams]).toEqual([written, 0, 0])
    },
  )

  it('gives up a TCP connection that is no longer wanted when it comes', () => {
    const c = circuit({}, 5000)
    const app = c.open(SITE)
    c.clock.advance(200)
    app.stream.destroy()
    c.clock.advance(6000)
    expect(app.log).toEqual(['closed undefined'])
    expect(c.tcp(SITE).log).toEqual(['destroy'])
  })

  it('fills cells to the last byte and not beyond, whatever the destination', () => {
    for (const destination of [SITE, NAME, addressOf('2001:db8::1', 6881), addressOf('a'.repeat(255), 1)]) {
      const c = circuit()
      const app = c.open(destination)
      app.stream.write(new Uint8Array(20_000))
      c.clock.advance(500)
      expect(c.tcp(destination).written.length).toBe(20_000)
      expect(c.largest).toBe(MAX_MESSAGE_BYTES)
    }
  })
})

describe('streams in large cells (C-02, C-07)', () => {
  const JUMBO_MESSAGE_BYTES = 16_267

  /** A circuit that takes messages of that size, and a TCP connection whose far end has `total` bytes to say. */
  function download(messageBytes: number, total: number) {
    const c = circuit({ conditions: { delayMs: 20, bytesPerSecond: 20_000_000, queueBytes: 2_000_000 } })
    c.messageBytes = messageBytes
    const app = c.open(SITE)
    c.clock.advance(200)
    const tcp = c.tcp(SITE)
    let fed = 0
    const feed = () => {
      if (!tcp.paused && fed < total) {
        tcp.events.data(new Uint8Array(50_000).fill(fed))
        fed += 50_000
      }
      if (fed < total) c.clock.after(1, feed)
      else tcp.events.ended()
    }
    feed()
    return { c, app }
  }

  it('fill them both ways, and not a byte more', () => {
    const { c, app } = download(JUMBO_MESSAGE_BYTES, 4_000_000)
    c.clock.runUntil(() => app.log.includes('ended'), 30_000)
    expect([app.bytes, c.largest]).toEqual([4_000_000, JUMBO_MESSAGE_BYTES])
    c.largest = 0
    app.stream.write(new Uint8Array(2_000_000))
    c.clock.runUntil(() => c.tcp(SITE).written.length === 2_000_000, 30_000)
    expect(c.largest).toBe(JUMBO_MESSAGE_BYTES)
  })

  it('go on in small ones when the circuit takes no larger ones any more, and the other way round', () => {
    const { c, app } = download(JUMBO_MESSAGE_BYTES, 9_000_000)
    c.clock.runUntil(() => app.bytes > 2_000_000, 30_000)
    c.messageBytes = MAX_MESSAGE_BYTES
    c.largest = 0
    c.clock.runUntil(() => app.bytes > 5_000_000, 30_000)
    expect(c.largest).toBe(MAX_MESSAGE_BYTES)
    c.messageBytes = JUMBO_MESSAGE_BYTES
    c.clock.runUntil(() => app.log.includes('ended'), 30_000)
    expect([app.bytes, c.largest]).toEqual([9_000_000, JUMBO_MESSAGE_BYTES])
  })
})

describe('back-pressure through a circuit (C-07)', () => {
  it('holds TCP back while the page does not read, and loses nothing', () => {
    const c = circuit({ settings: { receiveBufferBytes: 100_000 } })
    const app = c.open(SITE)
    c.clock.advance(200)
    app.stream.pause()
    const tcp = c.tcp(SITE)
    let fed = 0
    const feed = () => {
      if (!tcp.paused && fed < 2_000_000) {
        tcp.events.data(new Uint8Array(50_000))
        fed += 50_000
      }
      c.clock.after(1, feed)
    }
    feed()
    c.clock.advance(5000)
    expect(tcp.paused).toBe(true)
    expect([app.bytes, fed < 500_000]).toEqual([0, true])
    app.stream.resume()
    c.clock.advance(10_000)
    expect([fed, app.bytes]).toEqual([2_000_000, 2_000_000])
  })

  it('holds the page back while TCP does not take, and loses nothing', () => {
    const c = circuit({ limits: { receiveBufferBytes: 100_000 }, settings: { sendBufferBytes: 50_000 } })
    const app = c.open(SITE)
    c.clock.advance(200)
    const tcp = c.tcp(SITE)
    tcp.full = true
    let written = 0
    const pour = () => {
      while (written < 1_000_000) {
        written += 10_000
        if (!app.stream.write(new Uint8Array(10_000))) break
      }
    }
    app.onDrained = pour
    pour()
    c.clock.advance(5000)
    expect(tcp.written.length).toBeLessThan(2000)
    expect(written).toBeLessThan(300_000)
    tcp.full = false
    tcp.events.drained()
    c.clock.advance(5000)
    expect([written, tcp.written.length]).toEqual([1_000_000, 1_000_000])
  })

  it('delivers whole through a circuit that loses, doubles and reorders cells', () => {
    const c = circuit({
      conditions: {
        delayMs: 40,
        loss: 0.1,
        duplication: 0.05,
        reordering: 0.1,
        bytesPerSecond: 5e6,
        queueBytes: 1e5,
      },
    })
    const app = c.open(SITE)
    const up = new SeededRandom(2).bytes(300_000)
    const down = new SeededRandom(3).bytes(800_000)
    app.stream.write(up)
    app.stream.end()
    expect(c.clock.runUntil(() => app.log.length > 0, 20_000)).toBe(true)
    const tcp = c.tcp(SITE)
    tcp.events.data(down)
    tcp.events.ended()
    expect(c.clock.runUntil(() => app.log.includes('closed undefined'), 120_000)).toBe(true)
    const check = new TestApp()
    check.events.data(down)
    expect([app.bytes, app.sum]).toEqual([800_000, check.sum])
    expect(equalBytes(tcp.written, up)).toBe(true)
  })

  it('keeps 5 MB/s for a page at 100 ms', () => {
    const c = circuit({ conditions: { delayMs: 50, bytesPerSecond: 10e6, queueBytes: 512 << 10 } })
    const app = c.open(SITE)
    c.clock.advance(250)
    const tcp = c.tcp(SITE)
    const feed = () => {
      for (let i = 0; i < 4 && !tcp.paused; i++) tcp.events.data(new Uint8Array(65_536))
      c.clock.after(1, feed)
    }
    feed()
    c.clock.advance(3000)
    expect(app.bytes).toBeGreaterThan(15_000_000)
  })
})

describe('limits and ends of streams (C-04, O-06)', () => {
  it('refuses more streams than a circuit may have', () => {
    const c = circuit({ limits: { streamsPerCircuit: 2 } })
    const apps = [1, 2, 3].map((port) => c.open(addressOf('192.0.2.9', port)))
    c.clock.advance(200)
    expect(apps.map(({ log }) => log)).toEqual([['opened'], ['opened'], ['closed too-many-streams']])
    expect([c.tcps.length, c.counters.get('stream-refused-too-many-streams')]).toEqual([2, 1])
    apps[0]!.stream.destroy()
    c.clock.advance(100)
    c.tcps[0]!.events.closed(undefined)
    const again = c.open(SITE)
    c.clock.advance(200)
    expect(again.log).toEqual(['opened'])
  })

  it('refuses more streams than the exit may have', () => {
    const c = circuit({ limits: { streams: 1 } })
    const apps = [c.open(SITE), c.open(NAME)]
    c.clock.advance(200)
    expect(apps.map(({ log }) => log)).toEqual([['opened'], ['closed too-many-streams']])
  })

  it('refuses more streams than the page allows itself, after the call', () => {
    const c = circuit({ settings: { maxStreams: 1 } })
    c.open(SITE)
    const app = c.open(NAME)
    expect(app.log).toEqual([])
    app.stream.write(text('x'))
    app.stream.end()
    app.stream.destroy()
    c.clock.advance(1)
    expect(app.log).toEqual(['closed too-many-streams'])
  })

  it('ends all streams of a lost circuit, once, and opens no more', () => {
    const c = circuit()
    const apps = [c.open(SITE), c.open(NAME)]
    c.clock.advance(200)
    c.client.circuitClosed()
    c.client.circuitClosed()
    apps[0]!.stream.destroy()
    const late = c.open(SITE)
    c.clock.advance(1)
    expect(apps.map(({ log }) => log)).toEqual([
      ['opened', 'closed circuit-lost'],
      ['opened', 'closed circuit-lost'],
    ])
    expect([late.log, c.client.streams]).toEqual([['closed no-circuit'], 0])
  })

  it('closes TCP when the circuit ends, connected or not', () => {
    const c = circuit({
      onTcp: (tcp) => void (tcp.destination.port === 80 && c.clock.after(1, () => tcp.events.opened())),
    })
    c.open(SITE)
    c.open(NAME)
    c.clock.advance(200)
    c.exit.alive = false
    const sent = c.back.sent
    c.server.ended(c.exit)
    c.server.ended(c.exit)
    expect(c.tcps.map(({ log }) => log)).toEqual([['destroy'], ['destroy']])
    for (const tcp of c.tcps) tcp.events.closed(undefined)
    c.clock.advance(60_000)
    expect([c.server.streams, c.back.sent]).toEqual([0, sent])
  })

  it('finds out that the exit has forgotten a stream', () => {
    const c = circuit()
    const app = c.open(SITE)
    c.clock.advance(200)
    c.server.close()
    c.tcp(SITE).events.closed(undefined)
    c.clock.advance(61_000)
    expect(app.log).toEqual(['opened', 'closed connection-reset'])
  })

  it('counts resets of streams it does not know', () => {
    const c = circuit()
    c.client.reset(SITE, 77, 'unspecified')
    expect(c.counters.get('stream-reset-unknown')).toBe(1)
  })
})
