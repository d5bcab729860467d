import { type EventEmitter, once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { KeyPair } from '../../shared/identity/keys.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { Counters } from '../../shared/world/counters.ts'
import { testCertificates, until } from '../links/wires.fixture.ts'
import { CLOSE_GRACE_MS } from './constants.ts'
import { Gateway } from './gateway.ts'

const certificates = await testCertificates()
const HOST = '127.0.0.1'
const UPGRADE =
  'GET /relay HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'
/** Masked, as a page's are, with a mask of zeros: the code 1000. */
const CLOSE_FRAME = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8])

const closing: Socket[] = []
afterEach(() => {
  for (const socket of closing.splice(0)) socket.destroy()
})

async function start(tls: boolean) {
  const clock = new VirtualClock()
  const gateway = new Gateway({
    host: HOST,
    port: 0,
    document: () => ({}),
    keyPair: KeyPair.generate(new SeededRandom(5)),
    network: 'culvert-test',
    clock,
    random: new SeededRandom(6),
    counters: new Counters(),
    ...(tls ? { certificates } : {}),
    onWire: () => {},
  })
  const { port } = await gateway.start()
  const [door] = (gateway as unknown as { doors: { server: EventEmitter; sockets: Set<Socket> }[] }).doors
  /** Comes in, and never goes by itself. */
  const come = async (secure: boolean): Promise<Socket> => {
    const accepted = once(door?.server as EventEmitter, 'connection')
    const socket = secure
      ? connectTls({ host: HOST, port, rejectUnauthorized: false })
      : connect({ host: HOST, port, allowHalfOpen: true })
    closing.push(socket)
    socket.on('error', () => {})
    await Promise.all([accepted, once(socket, secure ? 'secureConnect' : 'connect')])
    return socket
  }
  const open = () => [...(door?.sockets ?? [])]
  /** Which of all that came in is there still, once the moment that it has to end is over. */
  const stop = async () => {
    const sockets = open()
    const stopped = gateway.stop()
    clock.advance(CLOSE_GRACE_MS)
    const left = sockets.filter(({ destroyed }) => !destroyed)
    if (left.length === 0) await stopped
    return left
  }
  return { come, open, stop }
}

/** Reads until what came ends on `end`, and nothing from then on: not that the other side has closed, either. */
async function readUntil(socket: Socket, end: (heard: Buffer) => boolean): Promise<void> {
  let heard = Buffer.alloc(0)
  await new Promise<void>((resolve) => {
    const read = (data: Buffer) => {
      heard = Buffer.concat([heard, data])
      if (!end(heard)) return
      socket.pause()
      socket.off('data', read)
      resolve()
    }
    socket.on('data', read)
    socket.resume()
  })
}

describe.each([false, true])('a gateway that is to stop, with TLS: %s (L-01, O-06)', (tls) => {
  it('is not held up by a page that has sent its close frame and keeps the connection', async () => {
    const { come, open, stop } = await start(tls)
    const page = await come(tls)
    page.write(UPGRADE)
    await readUntil(page, (heard) => heard.includes('\r\n\r\n'))
    page.write(CLOSE_FRAME)
    await readUntil(page, (heard) => heard.includes(Buffer.from([0x88, 2, 0x03, 0xe8])))
    expect(open()).toHaveLength(1)
    expect(await stop()).toEqual([])
  })

  it('is not held up by whoever says nothing, within a TLS handshake or before a request', async () => {
    const { come, open, stop } = await start(tls)
    await come(false)
    if (tls) await come(true)
    expect(open()).toHaveLength(tls ? 2 : 1)
    expect(await stop()).toEqual([])
  })

  it('knows the connections that are open, and no others', async () => {
    const { come, open, stop } = await start(tls)
    for (let i = 0; i < 3; i++) {
      const page = await come(tls)
      page.end('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
      page.resume()
      await once(page, 'close')
    }
    const last = await come(tls)
    last.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
    await readUntil(last, (heard) => heard.includes('ok'))
    await until(() => open().length === 1)
    await stop()
  })
})
