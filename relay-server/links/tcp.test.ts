import { rm } from 'node:fs/promises'
import { type AddressInfo, createServer as createPlainServer } from 'node:net'
import { join } from 'node:path'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { BINDINGS } from '../../shared/link/auth-binding.ts'
import { formatLinkAddress, parseLinkAddress } from '../../shared/link/link-address.ts'
import {
  HOSTILE_MESSAGES,
  type LinkWire,
  linkSuite,
  type Ordeal,
} from '../../shared/link/link-suite.fixture.ts'
import { streamMessage } from '../../shared/link/stream-messages.ts'
import { ByteProxy } from './byte-proxy.fixture.ts'
import { certificates, cleanUps, diallerOf, listening, refusalOf, tcpTo } from './tcp.fixture.ts'
import { TcpDialler } from './tcp.ts'
import { HOST, linkWireOf, mayReach, stateFolder, TestEnd, testCertificates, until } from './wires.fixture.ts'

async function tcpWire(ordeal?: Ordeal): Promise<LinkWire> {
  const right = await listening()
  const proxy = await ByteProxy.to(right.port)
  cleanUps.push(() => proxy.stop())
  const left = new TestEnd()
  const dialler = diallerOf(left, { lab: true, ...(ordeal === 'half-open' && { silenceMs: 1_000 }) })
  left.onWire(await dialler.dial({ address: tcpTo(proxy.port), publicKey: right.end.publicKey }))
  await until(() => right.end.wires.length === 1)
  const socketOf = (end: TestEnd) => (end.pipe as unknown as { socket: TLSSocket }).socket
  return {
    ...linkWireOf(left, right.end),
    get right() {
      return right.end.link
    },
    injectToRight: (bytes) => void socketOf(left).write(streamMessage(bytes)),
    injectBelow: (bytes) => void socketOf(left).write(bytes),
    holdRight: (held) => void (held ? socketOf(right.end).pause() : socketOf(right.end).resume()),
    cut: () => proxy.cut(),
    vanish: () => proxy.freeze(),
    stop: async () => {
      left.link.close('shutdown')
      await right.listener.stop()
      proxy.stop()
    },
  }
}

const { 'an empty message': _noneHere, ...hostile } = HOSTILE_MESSAGES

linkSuite(
  'TCP link over TLS 1.3, over loopback (L-01, L-08, N-02)',
  {
    reliable: true,
    tellsClose: true,
    hostile,
    hostileBelow: {
      'a length over 64 KiB': Uint8Array.of(0, 1, 0, 1, 7),
      'a length of 4 GiB': Uint8Array.of(0xff, 0xff, 0xff, 0xff),
    },
    ordeals: ['back-pressure', 'cut', 'half-open'],
  },
  tcpWire,
)

describe('TCP link: who is at the other end (L-03)', () => {
  it('is proved both ways, tied to the TLS connection', async () => {
    const { end, address } = await listening()
    const left = new TestEnd()
    const wire = await diallerOf(left).dial({ address, publicKey: end.publicKey })
    left.onWire(wire)
    await until(() => end.wires.length === 1)
    expect(wire).toMatchObject({ kind: 'tcp', binding: BINDINGS.tlsExporter, initiated: true, address })
    expect(end.wires[0]).toMatchObject({ kind: 'tcp', binding: BINDINGS.tlsExporter, initiated: false })
    expect(wire.neighbour.equals(end.publicKey)).toBe(true)
    expect(end.wires[0]?.neighbour.equals(left.publicKey)).toBe(true)
    expect(end.wires[0]?.address).toBeUndefined()
  })

  it('is not somebody with another key', async () => {
    const { address, end } = await listening()
    const dialler = diallerOf(new TestEnd())
    const other = new TestEnd().publicKey
    expect(await refusalOf(dialler.dial({ address, publicKey: other }))).toBe('auth-key')
    expect(end.wires).toEqual([])
  })

  it('is the relay itself behind a proxy that passes bytes on blindly', async () => {
    const { end, port } = await listening()
    const proxy = await ByteProxy.to(port)
    cleanUps.push(() => proxy.stop())
    const wire = await diallerOf(new TestEnd()).dial({ address: tcpTo(proxy.port), publicKey: end.publicKey })
    expect(wire.neighbour.equals(end.publicKey)).toBe(true)
  })

  it('is nobody behind a proxy that ends TLS and passes everything on within', async () => {
    const { end, port } = await listening()
    // The relay's own certificate and key, even: they prove nothing here.
    const proxy = createServer(certificates.context, (inner) => {
      const outer = connect({ host: HOST, port, rejectUnauthorized: false })
      for (const socket of [inner, outer]) socket.on('error', () => {})
      inner.pipe(outer).pipe(inner)
    })
    await new Promise<void>((resolve) => proxy.listen(0, HOST, resolve))
    cleanUps.push(() => proxy.close())
    const { port: proxyPort } = proxy.address() as AddressInfo
    const attempt = diallerOf(new TestEnd()).dial({ address: tcpTo(proxyPort), publicKey: end.publicKey })
    expect(await refusalOf(attempt)).toBe('auth-signature')
    await until(() => end.counters.get('tcp-auth-refused') === 1)
    expect(end.wires).toEqual([])
  })

  it('must name the binding to TLS: nothing less is taken', async () => {
    const { end, port } = await listening()
    const proxy = createServer(certificates.context, (inner) => {
      const outer = connect({ host: HOST, port, rejectUnauthorized: false })
      for (const socket of [inner, outer]) socket.on('error', () => {})
      // Byte 2 of the first message, behind its length, is the kind of the binding.
      inner.once('data', (request) => {
        request[6] = BINDINGS.none
        outer.write(request)
        inner.pipe(outer)
      })
      outer.pipe(inner)
    })
    await new Promise<void>((resolve) => proxy.listen(0, HOST, resolve))
    cleanUps.push(() => proxy.close())
    const { port: proxyPort } = proxy.address() as AddressInfo
    const attempt = diallerOf(new TestEnd()).dial({ address: tcpTo(proxyPort), publicKey: end.publicKey })
    expect(await refusalOf(attempt)).toBe('auth-refused')
    expect(end.counters.get('tcp-auth-binding')).toBe(1)
  })
})

describe('TCP link: dialling (L-01, L-02)', () => {
  it('says that nobody listens', async () => {
    const { end, listener, address } = await listening()
    await listener.stop()
    const attempt = diallerOf(new TestEnd()).dial({ address, publicKey: end.publicKey })
    expect(await refusalOf(attempt)).toBe('link-unreachable')
  })

  it('speaks TLS 1.3 and nothing older', async () => {
    const { end } = await listening()
    const old = createServer({ ...certificates.context, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' })
    old.on('tlsClientError', () => {})
    await new Promise<void>((resolve) => old.listen(0, HOST, resolve))
    cleanUps.push(() => old.close())
    const { port } = old.address() as AddressInfo
    const attempt = diallerOf(new TestEnd()).dial({ address: tcpTo(port), publicKey: end.publicKey })
    expect(await refusalOf(attempt)).toBe('link-unreachable')
  })

  it('ends when it is not wanted any more, before and while it connects', async () => {
    const { end, address } = await listening()
    const target = { address, publicKey: end.publicKey }
    const dialler = diallerOf(new TestEnd())
    expect(await refusalOf(dialler.dial(target, AbortSignal.abort()))).toBe('link-aborted')
    const controller = new AbortController()
    const attempt = dialler.dial(target, controller.signal)
    controller.abort()
    expect(await refusalOf(attempt)).toBe('link-aborted')
    expect(end.wires).toEqual([])
  })

  it.each([
    '10.0.0.1',
    '192.168.1.1',
    '127.0.0.1',
    '169.254.1.1',
    '[::1]',
    '[fe80::1]',
    '[fc00::1]',
    'localhost',
  ])('does not go to %s outside a lab', async (host) => {
    const address = tcpTo(6667, host)
    const dialler = diallerOf(new TestEnd(), { lab: false })
    expect(dialler.canDial(address)).toBe(false)
    const attempt = dialler.dial({ address, publicKey: new TestEnd().publicKey })
    expect(await refusalOf(attempt)).toBe('link-address-refused')
  })

  it('does not go to the mail ports, nor to addresses of other kinds', () => {
    const dialler = diallerOf(new TestEnd(), { lab: false })
    expect(dialler.canDial(parseLinkAddress('tcp://1.1.1.1:6667'))).toBe(true)
    expect(dialler.canDial(parseLinkAddress('tcp://relay.example.org:6667'))).toBe(true)
    expect(dialler.canDial(parseLinkAddress('tcp://1.1.1.1:25'))).toBe(false)
    expect(dialler.canDial(parseLinkAddress('udp://1.1.1.1:6667'))).toBe(false)
  })

  it.each(['10.0.0.1', '127.0.0.1', '169.254.169.254'])(
    'judges what a name has resolved to, and does not go to %s',
    async (host) => {
      const end = new TestEnd()
      const asked: string[] = []
      const nameServer = {
        ipv4: async (name: string) => {
          asked.push(name)
          return [{ address: host, ttl: 0 }]
        },
        ipv6: async () => [],
      }
      const dialler = new TcpDialler({
        ...end.identity,
        destinations: end.destinations({ lab: false, nameServer }),
      })
      const attempt = dialler.dial({
        address: tcpTo(6667, 'relay.example.org'),
        publicKey: end.publicKey,
      })
      expect(await refusalOf(attempt)).toBe('link-address-refused')
      expect(asked).toEqual(['relay.example.org'])
    },
  )
})

describe('TCP link: where it is taken (L-01)', () => {
  it.each([
    ['the bound address, if others may be told of it', {}, (port: number) => [`tcp://${HOST}:${port}`]],
    ['nothing of a private address outside a lab', { mayReach: mayReach(false) }, () => []],
    ['nothing of all addresses at once', { host: '::' }, () => []],
    [
      'what the operator says',
      { host: '::', publicHost: 'relay.example.org', publicPort: 443 },
      () => ['tcp://relay.example.org:443'],
    ],
    [
      'an IPv6 address of the operator’s',
      { publicHost: '2001:db8::1', publicPort: 6667 },
      () => ['tcp://[2001:db8::1]:6667'],
    ],
  ])('tells others %s', async (_what, options, expected) => {
    const { listener } = await listening(options)
    const { server } = listener as unknown as { server: { address(): AddressInfo } }
    expect(listener.addresses().map(formatLinkAddress)).toEqual(expected(server.address().port))
  })

  it('says that the port is busy, and that an address is not of this machine', async () => {
    const busy = createPlainServer()
    await new Promise<void>((resolve) => busy.listen(0, HOST, resolve))
    cleanUps.push(() => busy.close())
    const { port } = busy.address() as AddressInfo
    expect(await refusalOf(listening({ port }))).toBe('link-port-busy')
    expect(await refusalOf(listening({ host: '192.0.2.1' }))).toBe('link-bind')
  })

  it('shows a new certificate after it was read anew, and keeps its links', async () => {
    const state = stateFolder()
    const own = await testCertificates(state)
    const { end, address } = await listening({ certificates: own })
    const left = new TestEnd()
    left.onWire(await diallerOf(left).dial({ address, publicKey: end.publicKey }))
    const before = own.context.cert
    await rm(join(state, 'tls.crt'))
    expect(await own.reload()).toBe(true)
    expect(own.context.cert).not.toBe(before)
    left.link.send(Uint8Array.of(1), 0)
    await until(() => end.received.length === 1)
    expect((await diallerOf(new TestEnd()).dial({ address, publicKey: end.publicKey })).link.open).toBe(true)
  })
})
