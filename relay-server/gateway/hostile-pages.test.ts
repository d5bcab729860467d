import { type EventEmitter, once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { KeyPair } from '../../shared/identity/keys.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import { Counters } from '../../shared/world/counters.ts'
import { NodeClock } from '../node-clock.ts'
import { NodeRandom } from '../node-random.ts'
import { Gateway, type GatewayOptions } from './gateway.ts'
import { SECURITY_HEADERS } from './headers.ts'
import { isOfThisMachine } from './origin.ts'

let gateway: Gateway
let counters: Counters
const closing: (() => void)[] = []

async function start(options: Partial<GatewayOptions> = {}): Promise<number> {
  counters = new Counters()
  gateway = new Gateway({
    host: '127.0.0.1',
    port: 0,
    document: () => ({ text: 'x'.repeat(8_000_000) }),
    keyPair: KeyPair.generate(new SeededRandom(5)),
    network: 'culvert-test',
    clock: new NodeClock(),
    random: new NodeRandom(),
    counters,
    onWire: () => {},
    ...options,
  })
  return (await gateway.start()).port
}

/** What listens, within the gateway. */
function serversOf<T>(): T[] {
  return (gateway as unknown as { doors: { server: T }[] }).doors.map(({ server }) => server)
}

afterEach(async () => {
  for (const close of closing.splice(0)) close()
  await gateway.stop()
})

async function until(predicate: () => boolean): Promise<void> {
  while (!predicate()) await new Promise((resolve) => setTimeout(resolve, 5))
}

async function rawSocket(port: number, request: string): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  closing.push(() => socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(request)
  return socket
}

/** 101 or the status of the refusal. */
function upgrade(port: number, origin: string | undefined): Promise<number> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/relay`, origin === undefined ? {} : { origin })
    closing.push(() => socket.terminate())
    socket.on('error', () => {})
    socket.on('open', () => resolve(101))
    socket.on('unexpected-response', (_, response) => resolve(response.statusCode ?? 0))
  })
}

describe('pages of other origins at the gateway (L-01, O-06)', () => {
  it.each([
    'https://evil.example',
    'http://127.0.0.1.evil.example:8080',
    'http://192.168.1.5',
    'http://10.0.0.1:8080',
    'null',
    'file:///tmp/page.html',
  ])('of a lab refuses %s, which could reach the services of this machine through it', async (origin) => {
    const port = await start({ localPagesOnly: true })
    expect(await upgrade(port, origin)).toBe(403)
    expect(counters.get('gateway-origin-refused')).toBe(1)
    expect(gateway.size).toBe(0)
  })

  it.each([undefined, 'http://127.0.0.11:8080', 'http://localhost:5173', 'http://[::1]:8080'])(
    'of a lab takes %s',
    async (origin) => {
      const port = await start({ localPagesOnly: true })
      expect(await upgrade(port, origin)).toBe(101)
    },
  )

  it('of a public relay takes all: a page goes in at relays of many operators', async () => {
    const port = await start()
    expect(await upgrade(port, 'https://another-operator.example')).toBe(101)
  })

  it('knows loopback by its host, not by what a name looks like', () => {
    expect(isOfThisMachine('http://app.localhost')).toBe(true)
    expect(isOfThisMachine('http://localhost.evil.example')).toBe(false)
    expect(isOfThisMachine('http://127.evil.example')).toBe(false)
    expect(isOfThisMachine('ws://127.0.0.1')).toBe(false)
  })
})

describe('connections that are held for nothing (D-07)', () => {
  it('closes a refused upgrade though the other side keeps its half open', async () => {
    const port = await start()
    const request = 'GET /other HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
    const socket = await rawSocket(port, request)
    let text = ''
    socket.on('data', (data) => {
      text += data
    })
    await once(socket, 'end')
    expect(text).toMatch(/^HTTP\/1\.1 404 /)
    // What is written to a connection that is closed on the other side is answered with a reset.
    const writing = setInterval(() => socket.write('x'), 5)
    closing.push(() => clearInterval(writing))
    await new Promise((resolve) => socket.once('close', resolve))
  })

  it('outlives an accept for which there was no descriptor left', async () => {
    const port = await start()
    const [server] = serversOf<EventEmitter>()
    server?.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' }))
    expect(counters.get('gateway-accept-failed')).toBe(1)
    expect(await upgrade(port, undefined)).toBe(101)
  })

  it('ends an answer that nobody reads', async () => {
    const port = await start({ limits: { httpIdleMs: 50 } })
    const socket = await rawSocket(port, 'GET /culvert.json HTTP/1.1\r\nHost: x\r\n\r\n')
    socket.pause()
    const [server] = serversOf<{ getConnections(done: (e: unknown, n: number) => void): void }>()
    const open = () => new Promise<number>((resolve) => server?.getConnections((_, count) => resolve(count)))
    while ((await open()) > 0) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(await open()).toBe(0)
  })

  it('queues no pongs for a page that does not read them', async () => {
    const port = await start()
    const page = new WebSocket(`ws://127.0.0.1:${port}/relay`)
    closing.push(() => page.terminate())
    page.on('error', () => {})
    let pongs = 0
    page.on('pong', () => pongs++)
    await once(page, 'open')
    page.ping('answered')
    await until(() => pongs === 1)
    page.pause()
    const ping = Buffer.alloc(125)
    while (counters.get('gateway-ping-unanswered') === 0) {
      for (let i = 0; i < 2_000; i++) page.ping(ping)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(counters.get('gateway-ping-unanswered')).toBeGreaterThan(0)
  })
})

describe('what a page may do (W-03)', () => {
  it('runs no inline script or style', () => {
    expect(SECURITY_HEADERS['Content-Security-Policy']).not.toContain("'unsafe-inline'")
  })
})

/** Its time is the test's for whatever counts by it; what waits, waits as long as it would. */
class SetClock extends NodeClock {
  nowMs = 0

  override now(): number {
    return this.nowMs
  }
}

describe('pages that come over and over (L-01, O-06)', () => {
  it('are held back by their address, each told so by a close frame, and let in again later', async () => {
    const clock = new SetClock()
    const port = await start({ clock, limits: { opensPerSecondPerAddress: 2, opensAtOncePerAddress: 3 } })
    const come = async () => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/relay`)
      closing.push(() => socket.terminate())
      const closed = once(socket, 'close')
      await once(socket, 'open')
      return { socket, closed }
    }
    // Each goes before the next comes, so that they are never many at once.
    for (let i = 0; i < 3; i++) {
      ;(await come()).socket.close()
      await until(() => gateway.size === 0)
    }
    const [code, reason] = await (await come()).closed
    expect([code, String(reason)]).toEqual([4_004, 'limit'])
    expect(counters.get('gateway-limit-rate')).toBe(1)
    clock.nowMs = 1_000
    for (let i = 0; i < 2; i++) await come()
    await until(() => counters.get('gateway-admitted') === 5)
    await (await come()).closed
    expect(counters.get('gateway-limit-rate')).toBe(2)
  })
})
