import { connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { KeyPair } from '../../shared/identity/keys.ts'
import { BINDINGS } from '../../shared/link/auth-binding.ts'
import { parseLinkAddress } from '../../shared/link/link-address.ts'
import {
  HOSTILE_MESSAGES,
  type LinkWire,
  linkSuite,
  type Ordeal,
} from '../../shared/link/link-suite.fixture.ts'
import { streamMessage } from '../../shared/link/stream-messages.ts'
import type { Wire } from '../../shared/link/wire.ts'
import { ByteProxy } from './byte-proxy.fixture.ts'
import { TorDialler, TorListener, type TorListenerOptions } from './tor.ts'
import { codeOfPromise } from './tor-control.fixture.ts'
import { FakeSocksPort, SOCKS_REPLY } from './tor-socks.fixture.ts'
import { HOST, linkWireOf, random, TestEnd, until } from './wires.fixture.ts'

const ONION = `${'a'.repeat(55)}d.onion`
const OTHER_ONION = `${'b'.repeat(55)}d.onion`
const ADDRESS = parseLinkAddress(`tor://${ONION}:6667`)

const stops: (() => unknown)[] = []
const stopAll = async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
}
afterEach(stopAll)

/** Two relays, and between them a SOCKS port that leads every name to the second. */
async function makePair(options: Partial<TorListenerOptions> = {}, silenceMs?: number) {
  const socks = new FakeSocksPort()
  await socks.start()
  const logged: string[] = []
  const note = (line: string) => void logged.push(line)
  const log = { error: note, info: note, debug: note }
  const [left, right] = [new TestEnd(), new TestEnd()]
  const listener = new TorListener({
    ...right.identity,
    listen: { host: HOST, port: 0 },
    virtualPort: 6667,
    onion: () => ONION,
    published: () => true,
    onWire: right.onWire,
    ...options,
  })
  await listener.start()
  const proxy = await ByteProxy.to(listener.port)
  socks.target = proxy.port
  const dialler = new TorDialler({
    ...left.identity,
    socks: { host: HOST, port: socks.port },
    log,
    timeoutMs: 5_000,
    ...(silenceMs !== undefined && { silenceMs }),
  })
  stops.push(
    () => socks.stop(),
    () => proxy.stop(),
    () => listener.stop(),
  )
  const target = { address: ADDRESS, publicKey: right.publicKey }
  return { socks, listener, proxy, dialler, target, left, right, logged }
}

async function torWire(ordeal?: Ordeal): Promise<LinkWire> {
  const pair = await makePair({}, ordeal === 'half-open' ? 1_000 : undefined)
  const { dialler, target, left, right, proxy } = pair
  left.onWire(await dialler.dial(target))
  await until(() => right.wires.length === 1)
  const socketOf = (end: TestEnd) => (end.pipe as unknown as { socket: Socket }).socket
  return {
    ...linkWireOf(left, right),
    get right() {
      return right.link
    },
    injectToRight: (bytes) => void socketOf(left).write(streamMessage(bytes)),
    injectBelow: (bytes) => void socketOf(left).write(bytes),
    holdRight: (held) => void (held ? socketOf(right).pause() : socketOf(right).resume()),
    cut: () => proxy.cut(),
    vanish: () => proxy.freeze(),
    stop: stopAll,
  }
}

const { 'an empty message': _noneHere, ...hostile } = HOSTILE_MESSAGES

linkSuite(
  'a link over Tor, over loopback (L-01, L-02)',
  {
    reliable: true,
    tellsClose: true,
    hostile,
    hostileBelow: {
      'a length over 64 KiB': Uint8Array.of(0, 1, 0, 1, 7),
      'another protocol': new Uint8Array(Buffer.from('GET / HTTP/1.1\r\n\r\n')),
    },
    ordeals: ['back-pressure', 'cut', 'half-open'],
  },
  torWire,
)

describe('dialling over Tor (L-01, L-02)', () => {
  it('proves both keys, tied to the onion address, and tells who dialled what', async () => {
    const { dialler, target, left, right } = await makePair()
    const wire = await dialler.dial(target)
    await until(() => right.wires.length === 1)
    const [other] = right.wires as [Wire]
    expect(wire).toMatchObject({ kind: 'tor', binding: BINDINGS.onion, initiated: true, address: ADDRESS })
    expect(other).toMatchObject({
      kind: 'tor',
      binding: BINDINGS.onion,
      initiated: false,
      address: undefined,
    })
    expect(wire.neighbour.equals(right.publicKey)).toBe(true)
    expect(other.neighbour.equals(left.publicKey)).toBe(true)
    expect(other.link.address).toEqual({ kind: 'ipv4', host: '0.0.0.0', port: 0 })
    wire.link.close('unneeded')
  })

  it('asks tor for onion names alone, each neighbour under a name of its own', async () => {
    const { socks, dialler, target } = await makePair()
    const links = [await dialler.dial(target), await dialler.dial(target)]
    const stranger = { ...target, publicKey: KeyPair.generate(random).publicKey }
    expect(await codeOfPromise(dialler.dial(stranger))).toBe('auth-key')
    expect(socks.asked.map(({ host, port }) => `${host}:${port}`)).toEqual(Array(3).fill(`${ONION}:6667`))
    const [first, again, other] = socks.asked.map(({ user }) => user)
    expect(first).toMatch(/^[0-9a-f]{32}$/)
    expect(again).toBe(first)
    expect(other).not.toBe(first)
    for (const { link } of links) link.close('unneeded')
    for (const text of ['tcp://127.0.0.1:6667', 'ws://127.0.0.1/relay']) {
      const address = parseLinkAddress(text)
      expect(dialler.canDial(address)).toBe(false)
      expect(await codeOfPromise(dialler.dial({ ...target, address }))).toBe('tor-not-onion')
    }
    const forged = { kind: 'tor', at: { kind: 'domain', host: 'example.org', port: 80 } } as const
    expect(await codeOfPromise(dialler.dial({ ...target, address: forged }))).toBe('tor-not-onion')
    expect(socks.asked).toHaveLength(3)
  })

  it('refuses a stream that another onion service passes on', async () => {
    // Whoever dialled the other service signs its name; this relay signs and expects its own.
    const { dialler, target, right } = await makePair()
    const address = parseLinkAddress(`tor://${OTHER_ONION}:6667`)
    expect(await codeOfPromise(dialler.dial({ ...target, address }))).toBe('auth-signature')
    await until(() => right.counters.get('link-auth-refused') === 1)
    expect(right.wires).toEqual([])
  })

  it('takes no stream before the service has a name', async () => {
    const { dialler, listener, target, right } = await makePair({ onion: () => undefined })
    expect(await codeOfPromise(dialler.dial(target))).toBe('auth-refused')
    expect([right.wires, listener.addresses()]).toEqual([[], []])
  })

  it('says why there is no stream, and tells the operator once what is wrong with tor', async () => {
    const { socks, dialler, target, logged, left } = await makePair()
    socks.reply = SOCKS_REPLY.hostUnreachable
    expect(await codeOfPromise(dialler.dial(target))).toBe('tor-onion-unreachable')
    expect(logged).toEqual([])
    const { port } = socks
    await socks.stop()
    for (let tries = 0; tries < 2; tries++) {
      expect(await codeOfPromise(dialler.dial(target))).toBe('tor-socks-unreachable')
    }
    expect(logged).toHaveLength(1)
    expect(logged[0]).toMatch(/no tor at its SOCKS port.*goes on without/)
    expect(logged[0]).not.toContain(ONION.slice(0, 10))
    expect(left.counters.get('tor-socks-unreachable')).toBe(2)
    await socks.start(port)
    socks.reply = SOCKS_REPLY.granted
    const wire = await dialler.dial(target)
    expect(logged.at(-1)).toMatch(/tor is back/)
    wire.link.close('unneeded')
  })

  it('notices what is no SOCKS port, and what never answers', async () => {
    const { dialler, left, target } = await makePair()
    const portOf = async (says: string | undefined) => {
      const server = createServer((socket) => {
        socket.on('error', () => socket.destroy()).resume()
        if (says !== undefined) socket.end(says)
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      stops.push(() => new Promise((resolve) => server.close(resolve)))
      const address = server.address()
      return typeof address === 'object' && address ? address.port : 0
    }
    const log = { error: () => undefined, info: () => undefined, debug: () => undefined }
    const dial = async (says: string | undefined, timeoutMs = 5_000) => {
      const socks = { host: '127.0.0.1', port: await portOf(says) }
      return codeOfPromise(new TorDialler({ ...left.identity, socks, log, timeoutMs }).dial(target))
    }
    expect(await dial('HTTP/1.1 400 Bad Request\r\n\r\n')).toBe('tor-socks-protocol')
    expect(await dial('')).toBe('tor-socks-protocol')
    expect(await dial(undefined, 200)).toBe('tor-onion-timeout')
    expect(dialler.kind).toBe('tor')
  })

  it('ends an attempt that is not wanted any more, before and in the middle of it', async () => {
    const { socks, dialler, target, right } = await makePair()
    expect(await codeOfPromise(dialler.dial(target, AbortSignal.abort()))).toBe('link-aborted')
    expect(socks.asked).toEqual([])
    const silent = createServer((socket) => void socket.on('error', () => socket.destroy()).resume())
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    stops.push(() => new Promise((resolve) => silent.close(resolve)))
    const address = silent.address()
    socks.target = typeof address === 'object' && address ? address.port : 0
    const controller = new AbortController()
    const code = codeOfPromise(dialler.dial(target, controller.signal))
    await until(() => socks.through.length === 1)
    controller.abort()
    expect(await code).toBe('link-aborted')
    expect(right.wires).toEqual([])
  })

  it('tells its address only while the service can be found', async () => {
    let published = false
    const { listener } = await makePair({ published: () => published })
    expect(listener.addresses()).toEqual([])
    published = true
    expect(listener.addresses()).toEqual([ADDRESS])
  })

  it('says that its port is taken', async () => {
    const { listener, right } = await makePair()
    const second = new TorListener({
      ...right.identity,
      listen: { host: '127.0.0.1', port: listener.port },
      virtualPort: 6667,
      onion: () => ONION,
      published: () => true,
      onWire: () => undefined,
    })
    expect(await codeOfPromise(second.start())).toBe('link-port-busy')
    await second.stop()
  })

  it('bounds the streams that have proved nothing', async () => {
    const { socks, listener, right } = await makePair()
    const sockets = Array.from({ length: 40 }, () => connect({ host: '127.0.0.1', port: listener.port }))
    for (const socket of sockets) socket.on('error', () => socket.destroy())
    await until(() => right.counters.get('tor-streams-full') === 8)
    for (const socket of sockets) socket.destroy()
    await until(() => right.counters.get('link-auth-closed') === 32)
    expect(socks.asked).toEqual([])
  })
})
