import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { Gateway, type GatewayOptions } from '../../relay-server/gateway/gateway.ts'
import { NodeClock } from '../../relay-server/node-clock.ts'
import { NodeRandom } from '../../relay-server/node-random.ts'
import { KeyPair } from '../../shared/identity/keys.ts'
import type { Link, LinkCloseReason } from '../../shared/link/link.ts'
import { parseLinkAddress } from '../../shared/link/link-address.ts'
import { HOSTILE_MESSAGES, type LinkWire, linkSuite } from '../../shared/link/link-suite.fixture.ts'
import type { MessagePipe } from '../../shared/link/queued-link.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { Counters } from '../../shared/world/counters.ts'
import { WebSocketDialler, type WebSocketDiallerOptions } from './websocket-dialler.ts'

const HOST = '127.0.0.1'
const NETWORK = 'culvert-test'
const random = new NodeRandom()
const relayKeys = KeyPair.generate(random)

/** Every WebSocket that the page's side made, so that tests can reach below its link. */
let pageSockets: WebSocket[] = []

class PageWebSocket extends WebSocket {
  constructor(url: string) {
    super(url)
    pageSockets.push(this)
  }
}

beforeEach(() => {
  pageSockets = []
  vi.stubGlobal('WebSocket', PageWebSocket)
})
afterEach(() => {
  vi.unstubAllGlobals()
})

/** Lets real messages travel, turn by turn of the event loop. */
async function until(predicate: () => boolean): Promise<void> {
  for (let turn = 0; !predicate(); turn++) {
    if (turn > 5_000_000) throw new Error('never came to be')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** What one side has seen of its links. */
function witness() {
  const counters = new Counters()
  const links: Link[] = []
  const received: Uint8Array[] = []
  const closed: LinkCloseReason[] = []
  return {
    counters,
    links,
    received,
    closed,
    onLink: (link: Link) => void links.push(link),
    onPacket: (_link: Link, packet: Uint8Array) => void received.push(packet),
    onClosed: (_link: Link, reason: LinkCloseReason) => void closed.push(reason),
  }
}

async function relaySide(overrides: Partial<GatewayOptions> = {}) {
  const { onLink, ...seen } = witness()
  const gateway = new Gateway({
    host: HOST,
    port: 0,
    document: () => ({}),
    keyPair: relayKeys,
    network: NETWORK,
    clock: new NodeClock(),
    random,
    counters: seen.counters,
    onWire: (wire) => {
      onLink(wire.link)
      wire.handTo(seen)
    },
    ...overrides,
  })
  const { port } = await gateway.start()
  return { ...seen, gateway, url: `ws://${HOST}:${port}/relay` }
}

function pageSide(url: string, overrides: Partial<WebSocketDiallerOptions> = {}, signal?: AbortSignal) {
  const seen = witness()
  const dialler = new WebSocketDialler({
    network: NETWORK,
    clock: new NodeClock(),
    random,
    counters: seen.counters,
    keyFor: () => KeyPair.generate(random),
    ...overrides,
  })
  const target = { address: parseLinkAddress(url), publicKey: relayKeys.publicKey }
  const opening = dialler.dial(target, signal).then((wire) => {
    wire.handTo(seen)
    return wire.link
  })
  return { ...seen, opening }
}

/** What is below a link. */
function pipeOf(link: Link): MessagePipe {
  return (link as unknown as { options: { pipe: MessagePipe } }).options.pipe
}

async function webSocketWire(): Promise<LinkWire> {
  const relay = await relaySide()
  const page = pageSide(relay.url)
  const left = await page.opening
  return {
    left,
    get right() {
      return relay.links[0]!
    },
    leftReceived: page.received,
    rightReceived: relay.received,
    leftClosed: page.closed,
    rightClosed: relay.closed,
    leftCounters: page.counters,
    rightCounters: relay.counters,
    until,
    injectToRight: (bytes) => pageSockets[0]!.send(bytes),
    injectBelow: (bytes) => {
      ;(pageSockets[0] as unknown as { _socket: Socket })._socket.write(bytes)
    },
    holdRight: (held) => {
      const { socket } = pipeOf(relay.links[0]!) as unknown as { socket: WebSocket }
      if (held) socket.pause()
      else socket.resume()
    },
    leftWaiting: () => (left.queued?.bytes ?? 0) + pipeOf(left).bufferedBytes(),
    cut: () => {
      ;(pageSockets[0] as unknown as { _socket: Socket })._socket.resetAndDestroy()
    },
    stop: () => relay.gateway.stop(),
  }
}

linkSuite(
  'WebSocket link of a page, over loopback (L-01, L-08, N-02)',
  {
    reliable: true,
    tellsClose: true,
    hostile: { ...HOSTILE_MESSAGES, 'a message over 64 KiB': new Uint8Array(65_537) },
    hostileBelow: { 'a frame that is not masked': Uint8Array.of(0x82, 1, 7) },
    ordeals: ['back-pressure', 'cut'],
  },
  webSocketWire,
)

describe('page opens a link (W-02, L-03)', () => {
  it('knows the relay’s address, and leaves as the page wishes', async () => {
    const relay = await relaySide()
    const page = pageSide(relay.url)
    const link = await page.opening
    expect(link.address).toMatchObject({ kind: 'ipv4', host: HOST })
    expect(relay.links[0]!.address).toMatchObject({ kind: 'ipv4', host: HOST })
    link.close('unneeded')
    await until(() => relay.closed.length === 1)
    expect([page.closed, relay.closed]).toEqual([['unneeded'], ['unneeded']])
    await until(() => relay.gateway.size === 0)
    await relay.gateway.stop()
  })

  it('refuses a relay with another key, and sends it nothing', async () => {
    const relay = await relaySide({ keyPair: KeyPair.generate(random) })
    const page = pageSide(relay.url)
    await expect(page.opening).rejects.toMatchObject({ code: 'auth-key' })
    await until(() => relay.gateway.size === 0)
    expect(relay.links).toEqual([])
    expect(relay.counters.get('gateway-auth-refused')).toBe(1)
    await relay.gateway.stop()
  })

  it('says that the relay is of another network', async () => {
    const relay = await relaySide({ network: 'another' })
    await expect(pageSide(relay.url).opening).rejects.toMatchObject({
      code: 'auth-refused',
      message: expect.stringContaining('auth-network'),
    })
    await relay.gateway.stop()
  })

  it('says that no relay is there', async () => {
    const relay = await relaySide()
    await relay.gateway.stop()
    await expect(pageSide(relay.url).opening).rejects.toMatchObject({ code: 'link-unreachable' })
  })

  it('can be called off, before and while it opens', async () => {
    const relay = await relaySide()
    const early = pageSide(relay.url, {}, AbortSignal.abort())
    await expect(early.opening).rejects.toMatchObject({ code: 'link-aborted' })
    const controller = new AbortController()
    const late = pageSide(relay.url, {}, controller.signal)
    controller.abort()
    await expect(late.opening).rejects.toMatchObject({ code: 'link-aborted' })
    await until(() => relay.gateway.size === 0)
    await relay.gateway.stop()
  })

  it('is told when the relay shuts down', async () => {
    const relay = await relaySide()
    const page = pageSide(relay.url)
    const link = await page.opening
    await relay.gateway.stop()
    await until(() => page.closed.length === 1)
    expect(page.closed).toEqual(['shutdown'])
    expect(link.open).toBe(false)
  })

  it('notices a connection that is gone', async () => {
    const relay = await relaySide()
    const page = pageSide(relay.url)
    await page.opening
    pageSockets[0]!.terminate()
    await until(() => page.closed.length === 1 && relay.closed.length === 1)
    expect([page.closed, relay.closed]).toEqual([['lost'], ['lost']])
    await relay.gateway.stop()
  })
})

describe('page against hostile relays (L-03, N-11)', () => {
  /** A WebSocket server that is no relay. */
  async function opening(act: (socket: WebSocket) => void, overrides: Partial<WebSocketDiallerOptions> = {}) {
    const server = new WebSocketServer({ host: HOST, port: 0 })
    await new Promise((resolve) => server.once('listening', resolve))
    server.on('connection', act)
    const { port } = server.address() as AddressInfo
    const page = pageSide(`ws://${HOST}:${port}/relay`, overrides)
    const error: unknown = await page.opening.catch((reason: unknown) => reason)
    await until(() => server.clients.size === 0)
    server.close()
    expect(page.received).toEqual([])
    return error
  }

  it('refuses text', async () => {
    expect(await opening((socket) => socket.send('hello'))).toMatchObject({ code: 'link-closed' })
  })

  it('refuses garbage, and packets before the proof', async () => {
    for (const bytes of [Uint8Array.of(9, 9, 9), Uint8Array.of(0, 4, 0, 2, 1, 1)]) {
      expect(await opening((socket) => socket.send(bytes))).toMatchObject({ code: 'auth-malformed' })
    }
  })

  it('says that the relay closed', async () => {
    expect(await opening((socket) => socket.close(4003))).toMatchObject({ code: 'auth-closed' })
  })

  it('waits ten seconds for the proof, no longer', async () => {
    const clock = new VirtualClock()
    const error = await opening((socket) => socket.once('message', () => clock.advance(10_000)), { clock })
    expect(error).toMatchObject({ code: 'auth-timeout' })
  })

  it('waits ten seconds for the WebSocket, no longer', async () => {
    const silent = createServer()
    await new Promise<void>((resolve) => silent.listen(0, HOST, resolve))
    const clock = new VirtualClock()
    silent.once('connection', () => clock.advance(10_000))
    const { port } = silent.address() as AddressInfo
    const page = pageSide(`ws://${HOST}:${port}/relay`, { clock })
    await expect(page.opening).rejects.toMatchObject({ code: 'link-unreachable' })
    await new Promise((resolve) => silent.close(resolve))
  })
})

describe('gateway limits (O-06)', () => {
  it('takes only so many connections in all, and tells the next', async () => {
    const relay = await relaySide({ limits: { connections: 2 } })
    await pageSide(relay.url).opening
    const second = pageSide(relay.url)
    const link = await second.opening
    await expect(pageSide(relay.url).opening).rejects.toMatchObject({ code: 'link-full' })
    expect(relay.counters.get('gateway-limit-connections')).toBe(1)
    link.close('unneeded')
    await until(() => relay.gateway.size === 1)
    await pageSide(relay.url).opening
    await relay.gateway.stop()
  })

  it('takes only so many of one address', async () => {
    const relay = await relaySide({ limits: { connectionsPerAddress: 1 } })
    await pageSide(relay.url).opening
    await expect(pageSide(relay.url).opening).rejects.toMatchObject({ code: 'link-full' })
    expect(relay.counters.get('gateway-limit-address')).toBe(1)
    await relay.gateway.stop()
  })
})

describe('gateway against hostile clients (L-03, N-11)', () => {
  /** A client that is no page; gives how the relay ended it. */
  async function hostile(overrides: Partial<GatewayOptions>, act: (socket: WebSocket) => void) {
    const relay = await relaySide(overrides)
    const socket = new WebSocket(relay.url)
    let end: { code: number; reason: string } | undefined
    socket.on('open', () => act(socket))
    socket.on('error', () => {})
    socket.on('close', (code, reason) => {
      end = { code, reason: reason.toString() }
    })
    await until(() => end !== undefined)
    await until(() => relay.gateway.size === 0)
    await relay.gateway.stop()
    expect(relay.links).toEqual([])
    expect(relay.received).toEqual([])
    return { end, counters: relay.counters }
  }

  it('closes on one who proves nothing in time', async () => {
    const { end, counters } = await hostile({ limits: { authTimeoutMs: 20 } }, () => {})
    expect(end).toEqual({ code: 4002, reason: 'refused' })
    expect(counters.get('gateway-auth-timeout')).toBe(1)
  })

  it.each([
    ['garbage', new Uint8Array(100).fill(0xee)],
    ['nothing', new Uint8Array(0)],
    ['a packet before its proof', Uint8Array.of(0, 4, 0, 2, 1, 1)],
    ['more than a proof needs', new Uint8Array(60_000).fill(1)],
  ])('refuses one who sends %s', async (_what, bytes) => {
    const { end, counters } = await hostile({}, (socket) => socket.send(bytes))
    expect(end).toEqual({ code: 4002, reason: 'refused' })
    expect(counters.get('gateway-auth-malformed')).toBe(1)
  })

  it('refuses text', async () => {
    const { end } = await hostile({}, (socket) => socket.send('hello'))
    expect(end).toEqual({ code: 4005, reason: 'protocol' })
  })

  it('does not even buffer a message over 64 KiB', async () => {
    const { end } = await hostile({}, (socket) => socket.send(new Uint8Array(65_537)))
    expect(end?.code).toBe(1009)
  })

  it('lets a client go that answers nothing any more', async () => {
    const relay = await relaySide({ limits: { idleMs: 10 } })
    const socket = new WebSocket(relay.url)
    socket.on('open', () => socket.pause())
    socket.on('error', () => {})
    await until(() => relay.counters.get('gateway-idle') === 1 && relay.gateway.size === 0)
    await relay.gateway.stop()
  })

  it('has no WebSocket anywhere else', async () => {
    const relay = await relaySide()
    const socket = new WebSocket(relay.url.replace('/relay', '/other'))
    const message = await new Promise<string>((resolve) => {
      socket.on('error', (error) => resolve(error.message))
    })
    expect(message).toContain('404')
    await relay.gateway.stop()
  })

  it('keeps little for a page that does not read', async () => {
    const relay = await relaySide()
    const page = pageSide(relay.url)
    await page.opening
    pageSockets[0]!.pause()
    const link = relay.links[0]!
    const sent = 60_000
    for (let i = 0; i < sent; i++) {
      link.send(new Uint8Array(1_400), 1 + (i % 4))
      if (i % 60 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    // 84 MB; the kernel has taken its part, pipe and queue theirs, and the rest is gone.
    const drops = () => relay.counters.get('queue-dropped-full') + relay.counters.get('queue-dropped-late')
    expect((sent - drops()) * 1_400).toBeLessThan(20_000_000)
    expect(link.open).toBe(true)
    pageSockets[0]!.resume()
    await until(() => page.received.length === sent - drops())
    await relay.gateway.stop()
  })
})
