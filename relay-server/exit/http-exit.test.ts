import { afterEach, describe, expect, it } from 'vitest'
import { type Address, addressOf } from '../../shared/bytes/address.ts'
import { HTTP_RESPONSE_BYTES } from '../../shared/onion/constants.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import type { ByteStreamEvents, StreamOpener } from '../../shared/stream/byte-stream.ts'
import { Counters } from '../../shared/world/counters.ts'
import { HTTP_TIMEOUT_MS } from './constants.ts'
import { Happenings, listen, testExit } from './exit.fixture.ts'
import { HttpExit } from './http-exit.ts'
import { tcpOpener } from './tcp-exit.ts'

const TRACKER = addressOf('203.0.113.9', 80)
const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'))
const GET = bytes('GET /announce HTTP/1.1\r\nHost: t\r\n\r\n')
const PEERS = 'd8:intervali900e5:peers6:abcdefe'

/** TCP as a table. */
class Table {
  readonly clock = new VirtualClock()
  readonly counters = new Counters()
  readonly connections: { target: Address; events: ByteStreamEvents; written: string; destroyed: boolean }[] =
    []
  readonly replies: string[] = []
  readonly circuit = {}
  readonly exit: HttpExit<object>

  constructor(more: { heldBytes?: number } = {}) {
    const opener: StreamOpener = (target, events) => {
      const connection = { target, events, written: '', destroyed: false }
      this.connections.push(connection)
      return {
        write: (chunk) => {
          connection.written += Buffer.from(chunk).toString('latin1')
          return true
        },
        end: () => undefined,
        destroy: () => {
          connection.destroyed = true
        },
        pause: () => undefined,
        resume: () => undefined,
      }
    }
    this.exit = new HttpExit({ opener, clock: this.clock, counters: this.counters, ...more })
  }

  ask(request = GET, circuit: object = this.circuit) {
    this.exit.request(circuit, TRACKER, request, (response) =>
      this.replies.push(Buffer.from(response).toString('latin1')),
    )
    return this.connections.at(-1) as (typeof this.connections)[number]
  }

  /** What comes of a response; `end`: the connection is closed behind it. */
  answer(response: string, end: boolean) {
    const connection = this.ask()
    for (const piece of response.match(/[\s\S]{1,700}/g) ?? []) connection.events.data(bytes(piece))
    if (end) connection.events.ended()
    return { reply: this.replies.at(-1), destroyed: connection.destroyed }
  }
}

describe('HTTP of circuits at an exit (O-06; messages 28 and 29)', () => {
  it('sends the request as it is, and gives the response whole, head and body', () => {
    const table = new Table()
    const response = `HTTP/1.1 200 OK\r\nContent-Length: ${PEERS.length}\r\n\r\n${PEERS}`
    expect(table.answer(response, false)).toEqual({ reply: response, destroyed: true })
    expect(table.connections[0]).toMatchObject({ target: TRACKER, written: Buffer.from(GET).toString() })
    expect(table.counters.snapshot()).toEqual({ 'exit-http-answered': 1 })
  })

  it.each([
    ['without a length, at the end of the connection', `HTTP/1.0 200 OK\r\n\r\n${PEERS}`, true],
    [
      'in chunks',
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n${PEERS.slice(0, 16)}\r\n10;x\r\n${PEERS.slice(16)}\r\n0\r\n\r\n`,
      false,
    ],
    ['of a tracker that failed', `HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nde`, false],
    [
      'that leads elsewhere',
      'HTTP/1.1 307 Moved\r\nLocation: http://b/\r\nContent-Length: 4\r\n\r\nmove',
      false,
    ],
  ])('lets pass a response %s', (_, response, end) => {
    const table = new Table()
    expect(table.answer(response, end).reply).toBe(response)
  })

  it.each([
    ['a web page', 'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>', false, 'refused'],
    ['nothing', '', true, 'refused'],
    ['half a head', 'HTTP/1.1 200 OK\r\nConte', true, 'refused'],
    ['half a body', `HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n${PEERS.slice(0, 9)}`, true, 'refused'],
    ['no HTTP', `SSH-2.0\r\n\r\n<>`, true, 'refused'],
    ['a head without an end', `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(3_000)}`, false, 'refused'],
    ['a book under a redirection', `HTTP/1.1 301 Moved\r\n\r\n${'x'.repeat(5_000)}`, true, 'refused'],
    [
      'what is larger than may come back',
      `HTTP/1.1 200 OK\r\n\r\n${'5:abcde'.repeat(HTTP_RESPONSE_BYTES / 7)}`,
      false,
      'refused',
    ],
  ])('does not let pass %s', (_, response, end, outcome) => {
    const table = new Table()
    expect(table.answer(response, end)).toEqual({ reply: undefined, destroyed: true })
    expect(table.counters.snapshot()).toEqual({ [`exit-http-${outcome}`]: 1 })
  })

  it('asks with GET only', () => {
    const table = new Table()
    for (const request of ['POST / HTTP/1.1\r\n\r\n', 'GE', '', '\x16\x03\x01']) table.ask(bytes(request))
    expect(table.connections).toEqual([])
    expect(table.counters.get('exit-http-no-get')).toBe(4)
  })

  it('holds five requests of one circuit at a time, and ends them with it', () => {
    const table = new Table()
    for (let i = 0; i < 7; i++) table.ask()
    expect(table.connections).toHaveLength(5)
    expect(table.counters.get('exit-http-too-many')).toBe(2)
    table.ask(GET, {})
    expect(table.connections).toHaveLength(6)
    table.exit.ended(table.circuit)
    expect(table.connections.map((c) => c.destroyed)).toEqual([true, true, true, true, true, false])
    table.connections[0]?.events.data(bytes(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nde`))
    table.connections[0]?.events.closed(undefined)
    expect(table.replies).toEqual([])
    table.ask()
    expect(table.connections).toHaveLength(7)
  })

  it('gives up after 15 s, and when the connection fails', () => {
    const table = new Table()
    const slow = table.ask()
    slow.events.data(bytes('HTTP/1.1 200 OK\r\n'))
    table.ask().events.closed('connection-refused')
    table.clock.advance(HTTP_TIMEOUT_MS)
    expect(slow.destroyed).toBe(true)
    expect(table.counters.snapshot()).toEqual({ 'exit-http-failed': 1, 'exit-http-timed-out': 1 })
    expect(table.clock.idle).toBe(true)
  })

  it('holds no more bytes of all responses together than it may, and lets go of them with the request', () => {
    const table = new Table({ heldBytes: 100_000 })
    const half = bytes(`HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n${'x'.repeat(40_000)}`)
    const asked = Array.from({ length: 4 }, () => ({ circuit: {}, connection: table.ask(GET, {}) }))
    for (const { connection } of asked) connection.events.data(half)
    expect(asked.map(({ connection }) => connection.destroyed)).toEqual([false, false, true, true])
    expect(table.counters.snapshot()).toEqual({ 'exit-http-full': 2 })
    // Nor may those that are let in grow beyond it.
    asked[0]?.connection.events.data(half)
    expect(table.counters.get('exit-http-full')).toBe(3)
    asked[1]?.connection.events.closed('connection-refused')
    for (let i = 0; i < 10; i++) table.answer(`HTTP/1.1 200 OK\r\n\r\n60000:${'x'.repeat(60_000)}`, true)
    expect(table.counters.snapshot()).toEqual({
      'exit-http-full': 3,
      'exit-http-failed': 1,
      'exit-http-answered': 10,
    })
  })

  it('is not kept busy by bodies that seem to end again and again', () => {
    const table = new Table()
    const connection = table.ask()
    connection.events.data(bytes('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'))
    for (let i = 0; i < 5_000; i++) connection.events.data(bytes('5\r\n0\r\n\r\n\r\n'.slice(0, 8)))
    expect(connection.destroyed).toBe(false)
    connection.events.ended()
    expect(connection.destroyed).toBe(true)
  })
})

describe('HTTP of circuits over real sockets (O-06)', () => {
  const closers: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const close of closers.splice(0)) await close()
  })

  async function tracker() {
    const server = await listen((socket) => {
      socket.once('data', () =>
        socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${PEERS.length}\r\n\r\n${PEERS}`),
      )
    })
    closers.push(server.stop)
    return server.address
  }

  it.each(['127.0.0.1', 'loop.names.net'])('asks a tracker at %s', async (host) => {
    const { port } = await tracker()
    const { counters, clock, destinations, sockets } = testExit(['127.0.0.0/8'])
    const exit = new HttpExit({
      opener: tcpOpener({ destinations, clock, counters, sockets }),
      clock,
      counters,
    })
    const happenings = new Happenings()
    let reply: Uint8Array | undefined
    exit.request({}, addressOf(host, port), GET, (response) => {
      reply = response
      happenings.note()
    })
    await happenings.until(() => reply !== undefined)
    expect(Buffer.from(reply ?? []).toString()).toContain(PEERS)
  })

  it('goes nowhere that the exit policy refuses', async () => {
    const { port } = await tracker()
    const { counters, clock, destinations, sockets } = testExit([])
    const exit = new HttpExit({
      opener: tcpOpener({ destinations, clock, counters, sockets }),
      clock,
      counters,
    })
    const targets = ['127.0.0.1', 'loop.names.net', '10.0.0.1'].map((host) => addressOf(host, port))
    for (const target of [...targets, addressOf('8.8.8.8', 25)])
      exit.request({}, target, GET, () => expect.fail())
    const happenings = new Happenings()
    const look = () => {
      happenings.note()
      if (counters.get('exit-http-failed') < 4) clock.after(5, look)
    }
    look()
    await happenings.until(() => counters.get('exit-http-failed') === 4)
    expect(counters.get('exit-destination-refused')).toBe(4)
    expect(sockets.inUse).toBe(0)
  })
})
