import { rm } from 'node:fs/promises'
import { createServer as createPlainServer, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import { CulvertError } from '../../shared/bytes/error.ts'
import { BINDINGS } from '../../shared/link/auth-binding.ts'
import { parseLinkAddress } from '../../shared/link/link-address.ts'
import {
  HOSTILE_MESSAGES,
  type LinkWire,
  linkSuite,
  type Ordeal,
} from '../../shared/link/link-suite.fixture.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { Gateway, type GatewayOptions } from '../gateway/gateway.ts'
import { ByteProxy } from './byte-proxy.fixture.ts'
import type { Certificates } from './certificates.ts'
import { STREAM_CLOSE_GRACE_MS } from './constants.ts'
import { WebSocketDialler } from './websocket.ts'
import { HOST, linkWireOf, stateFolder, TestEnd, testCertificates, until } from './wires.fixture.ts'

const certificates = await testCertificates()

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function gateway(overrides: Partial<GatewayOptions> = {}) {
  const end = new TestEnd()
  const server = new Gateway({
    ...end.identity,
    host: HOST,
    port: 0,
    document: () => ({}),
    onWire: end.onWire,
    ...overrides,
  })
  const { port } = await server.start()
  cleanUps.push(() => server.stop())
  return { end, server, port }
}

const addressOf = (port: number, tls: boolean) =>
  parseLinkAddress(`ws${tls ? 's' : ''}://${HOST}:${port}/relay`)

function diallerOf(end: TestEnd, options: { lab?: boolean; idleMs?: number } = {}): WebSocketDialler {
  const { lab = true, ...rest } = options
  return new WebSocketDialler({ ...end.identity, destinations: end.destinations({ lab }), ...rest })
}

function refusalOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'none',
    (error: unknown) => (error instanceof CulvertError ? error.code : String(error)),
  )
}

const socketOf = (end: TestEnd) => (end.pipe as unknown as { socket: WebSocket }).socket

async function wireOver(tls: Certificates | undefined, ordeal?: Ordeal): Promise<LinkWire> {
  const right = await gateway({ certificates: tls })
  const proxy = await ByteProxy.to(right.port)
  cleanUps.push(() => proxy.stop())
  const left = new TestEnd()
  const dialler = diallerOf(left, ordeal === 'half-open' ? { idleMs: 1_000 } : {})
  const address = addressOf(proxy.port, tls !== undefined)
  left.onWire(await dialler.dial({ address, publicKey: right.end.publicKey }))
  await until(() => right.end.wires.length === 1)
  return {
    ...linkWireOf(left, right.end),
    get right() {
      return right.end.link
    },
    injectToRight: (bytes) => socketOf(left).send(bytes),
    injectBelow: (bytes) =>
      void (socketOf(left) as unknown as { _socket: { write(bytes: Uint8Array): void } })._socket.write(
        bytes,
      ),
    holdRight: (held) => (held ? socketOf(right.end).pause() : socketOf(right.end).resume()),
    cut: () => proxy.cut(),
    vanish: () => proxy.freeze(),
    stop: async () => {
      left.link.close('shutdown')
      await right.server.stop()
      proxy.stop()
    },
  }
}

for (const [scheme, tls] of [
  ['ws:', undefined],
  ['wss:', certificates],
] as const) {
  linkSuite(
    `WebSocket link between relays, ${scheme} over loopback (L-01, L-08, N-02)`,
    {
      reliable: true,
      tellsClose: true,
      hostile: { ...HOSTILE_MESSAGES, 'a message over 64 KiB': new Uint8Array(65_537) },
      hostileBelow: {
        'a frame that is not masked': Uint8Array.of(0x82, 1, 7),
        'a frame with reserved bits': Uint8Array.of(0xf2, 0x81, 1, 2, 3, 4, 5),
        'a length of 2^63': Uint8Array.of(0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255),
      },
      ordeals: ['back-pressure', 'cut', 'half-open'],
    },
    (ordeal) => wireOver(tls, ordeal),
  )
}

describe('WebSocket link between relays: who is at the other end (L-03)', () => {
  it.each([
    ['ws:', undefined, BINDINGS.none],
    ['wss:', certificates, BINDINGS.tlsExporter],
  ])('is proved both ways over %s', async (_scheme, tls, binding) => {
    const { end, port } = await gateway({ certificates: tls })
    const left = new TestEnd()
    const address = addressOf(port, tls !== undefined)
    const wire = await diallerOf(left).dial({ address, publicKey: end.publicKey })
    await until(() => end.wires.length === 1)
    expect(wire).toMatchObject({ kind: 'websocket', binding, initiated: true, address })
    expect(end.wires[0]).toMatchObject({ kind: 'websocket', binding, initiated: false })
    expect(end.wires[0]?.neighbour.equals(left.publicKey)).toBe(true)
  })

  it.each([
    ['with the binding changed to none', BINDINGS.none],
    ['unchanged', BINDINGS.tlsExporter],
  ])('is nobody behind a proxy that ends TLS and passes everything on, %s', async (_what, kind) => {
    const { end, port } = await gateway({ certificates })
    /** What the proxy put another kind in the place of, message by message. */
    const changed: number[] = []
    const proxy = createServer(certificates.context)
    proxy.on('secureConnection', (inner: TLSSocket) => {
      const outer = connect({ host: HOST, port, rejectUnauthorized: false })
      for (const socket of [inner, outer]) socket.on('error', () => {})
      outer.pipe(inner)
      inner.on('data', (bytes) => {
        // A masked frame of one request: its third byte, whose mask is the third of the four after the lengths.
        if (bytes[0] === 0x82 && kind !== BINDINGS.tlsExporter && changed.length === 0) {
          const at = (bytes[1] & 0x7f) === 126 ? 4 : 2
          changed.push((bytes[at + 4 + 2] as number) ^ (bytes[at + 2] as number))
          bytes[at + 4 + 2] = (bytes[at + 2] as number) ^ kind
        }
        outer.write(bytes)
      })
    })
    await new Promise<void>((resolve) => proxy.listen(0, HOST, resolve))
    cleanUps.push(() => proxy.close())
    const address = addressOf((proxy.address() as AddressInfo).port, true)
    const attempt = diallerOf(new TestEnd()).dial({ address, publicKey: end.publicKey })
    expect(await refusalOf(attempt)).toBe('auth-signature')
    await until(() => end.counters.get('gateway-auth-refused') === 1)
    // The kind that was meant, so that it was this byte and no other.
    expect(changed).toEqual(kind === BINDINGS.none ? [BINDINGS.tlsExporter] : [])
    expect(end.wires).toEqual([])
  })
})

describe('WebSocket link between relays: dialling (L-01, L-02)', () => {
  /** A server that answers requests to upgrade in its own way. */
  async function answering(answer: (request: IncomingMessage) => string) {
    const requests: IncomingMessage[] = []
    const server = createPlainServer()
    server.on('upgrade', (request, socket) => {
      requests.push(request)
      socket.on('error', () => {})
      socket.end(answer(request))
    })
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve))
    cleanUps.push(() => server.close())
    return { requests, port: (server.address() as AddressInfo).port }
  }

  it('follows no redirect, offers no compression, and says nothing of itself', async () => {
    const { end, port } = await gateway()
    const redirect = await answering(
      () => `HTTP/1.1 302 Found\r\nLocation: ws://${HOST}:${port}/relay\r\nContent-Length: 0\r\n\r\n`,
    )
    const dialler = diallerOf(new TestEnd())
    const attempt = dialler.dial({ address: addressOf(redirect.port, false), publicKey: end.publicKey })
    expect(await refusalOf(attempt)).toBe('link-unreachable')
    expect(end.counters.get('gateway-admitted')).toBe(0)
    const [request] = redirect.requests
    expect(Object.keys(request?.headers ?? {}).sort()).toEqual([
      'connection',
      'host',
      'sec-websocket-key',
      'sec-websocket-version',
      'upgrade',
    ])
  })

  it.each([
    ['a page that is not there', 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'],
    ['no HTTP', 'hello\r\n\r\n'],
    ['a head without an end', `HTTP/1.1 101 ${'x'.repeat(20_000)}`],
  ])('takes %s for no relay', async (_what, answer) => {
    const { port } = await answering(() => answer)
    const attempt = diallerOf(new TestEnd()).dial({
      address: addressOf(port, false),
      publicKey: new TestEnd().publicKey,
    })
    expect(await refusalOf(attempt)).toBe('link-unreachable')
  })

  it('is told that the relay is full', async () => {
    const { end, port } = await gateway({ limits: { connections: 0 } })
    const attempt = diallerOf(new TestEnd()).dial({
      address: addressOf(port, false),
      publicKey: end.publicKey,
    })
    expect(await refusalOf(attempt)).toBe('link-full')
  })

  it('is over when it is not wanted any more', async () => {
    const { end, port } = await gateway()
    const controller = new AbortController()
    const target = { address: addressOf(port, false), publicKey: end.publicKey }
    const attempt = diallerOf(new TestEnd()).dial(target, controller.signal)
    controller.abort()
    expect(await refusalOf(attempt)).toBe('link-aborted')
  })

  it.each([
    'ws://10.0.0.1/relay',
    'wss://[::1]/relay',
    'ws://localhost/relay',
    'ws://127.0.0.1:8080/relay',
    `ws://${'a'.repeat(55)}d.onion/relay`,
  ])('does not go to %s outside a lab', async (text) => {
    const address = parseLinkAddress(text)
    const dialler = diallerOf(new TestEnd(), { lab: false })
    expect(dialler.canDial(address)).toBe(false)
    const attempt = dialler.dial({ address, publicKey: new TestEnd().publicKey })
    expect(await refusalOf(attempt)).toBe('link-address-refused')
  })

  it('goes where the name led when it was judged, and names it to the gateway', async () => {
    const { end, port } = await gateway()
    const left = new TestEnd()
    const nameServer = { ipv4: async () => [{ address: HOST, ttl: 60 }], ipv6: async () => [] }
    const dialler = new WebSocketDialler({
      ...left.identity,
      destinations: left.destinations({ lab: true, nameServer }),
    })
    const address = parseLinkAddress(`ws://relay.example.org:${port}/relay`)
    const wire = await dialler.dial({ address, publicKey: end.publicKey })
    expect(wire.link.address).toEqual({ kind: 'ipv4', host: HOST, port })
  })
})

describe('the end of a WebSocket (L-08, O-06)', () => {
  it('comes in time where the neighbour has sent his close frame and keeps the connection', async () => {
    const clock = new VirtualClock()
    const { end, server, port } = await gateway({ clock })
    const left = new TestEnd()
    const address = addressOf(port, false)
    const wire = await diallerOf(left).dial({ address, publicKey: end.publicKey })
    left.onWire(wire)
    await until(() => end.wires.length === 1)
    const page = socketOf(left)
    const theirs = socketOf(end)
    page.close(1_000)
    // Not read any more: neither their close frame, nor that they have ended their side.
    page.pause()
    await until(() => theirs.readyState === theirs.CLOSING)
    end.link.close('shutdown')
    clock.advance(STREAM_CLOSE_GRACE_MS)
    await until(() => server.size === 0)
    page.terminate()
  })
})

describe('gateway over TLS (L-01, W-02)', () => {
  it('serves what it serves without, and shows a certificate that was read anew', async () => {
    const state = stateFolder()
    const own = await testCertificates(state)
    const { port } = await gateway({ certificates: own })
    const get = () =>
      new Promise<{ status: number | undefined; fingerprint: string }>((resolve, reject) => {
        const request = httpsRequest(
          { host: HOST, port, path: '/healthz', rejectUnauthorized: false, agent: false },
          (response) => {
            const { fingerprint256 } = (response.socket as TLSSocket).getPeerCertificate()
            response
              .resume()
              .on('end', () => resolve({ status: response.statusCode, fingerprint: fingerprint256 }))
          },
        )
        request.on('error', reject)
        request.end()
      })
    const before = await get()
    expect(before.status).toBe(200)
    // Gone, so that another is made.
    await rm(join(state, 'tls.crt'))
    expect(await own.reload()).toBe(true)
    const after = await get()
    expect(after.status).toBe(200)
    expect(after.fingerprint).not.toBe(before.fingerprint)
  })
})
