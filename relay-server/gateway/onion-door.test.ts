import { get } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { CulvertError } from '../../shared/bytes/error.ts'
import { KeyPair } from '../../shared/identity/keys.ts'
import { BINDINGS, type ChannelBinding, NO_BINDING } from '../../shared/link/auth-binding.ts'
import { parseLinkAddress } from '../../shared/link/link-address.ts'
import type { Wire } from '../../shared/link/wire.ts'
import { Counters } from '../../shared/world/counters.ts'
import { onionBinding } from '../links/tor.ts'
import { WebSocketWire } from '../links/websocket-wire.ts'
import { NodeClock } from '../node-clock.ts'
import { NodeRandom } from '../node-random.ts'
import { ONION_CONNECTIONS } from './constants.ts'
import { Gateway, type GatewayOptions } from './gateway.ts'

const clock = new NodeClock()
const random = new NodeRandom()
const ONION = `${'a'.repeat(55)}d.onion`
const OTHER = `${'b'.repeat(55)}d.onion`
const keyPair = KeyPair.generate(random)
const identity = () => ({ network: 'test', clock, random, counters: new Counters() })

let gateway: Gateway
let counters: Counters
let wires: Wire[]
const sockets: WebSocket[] = []

/** @returns the ports of the ordinary door and of the onion service's */
async function start(options: Partial<GatewayOptions> = {}): Promise<[number, number]> {
  wires = []
  const own = identity()
  counters = own.counters
  gateway = new Gateway({
    ...own,
    host: '127.0.0.1',
    port: 0,
    keyPair,
    document: () => ({ fine: true }),
    status: () => ({ secret: true }),
    onWire: (wire) => wires.push(wire),
    ...options,
  })
  const { port } = await gateway.start()
  return [port, await gateway.openToOnion('127.0.0.1', 0, () => ONION)]
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate()
  await gateway.stop()
})

interface Answer {
  readonly status: number
  readonly body: string
  readonly policy: string
}

function ask(port: number, path: string, host: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, headers: { host }, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text
      })
      const policy = String(response.headers['content-security-policy'])
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body, policy }))
    }).on('error', reject)
  })
}

/** 101, or the status of the refusal. */
function upgrade(
  port: number,
  host: string,
  origin?: string,
): Promise<{ status: number; socket: WebSocket }> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/relay`, {
      headers: { host },
      autoPong: false,
      ...(origin === undefined ? {} : { origin }),
    })
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.once('open', () => resolve({ status: 101, socket }))
    socket.once('unexpected-response', (_, { statusCode = 0 }) => resolve({ status: statusCode, socket }))
  })
}

/** The code of the failure, or the kind of binding that was agreed on. */
async function linkOver(socket: WebSocket, binding: ChannelBinding): Promise<string | number> {
  return new Promise((resolve) => {
    new WebSocketWire({
      ...identity(),
      keyPair: KeyPair.generate(random),
      socket,
      peer: { kind: 'domain', host: ONION, port: 80 },
      role: { address: parseLinkAddress(`ws://${ONION}/relay`), expectedKey: keyPair.publicKey, binding },
      onWire: (wire) => resolve(wire.binding),
      onFailed: (error) => resolve(error.code),
    })
  })
}

const bindingTo = (onion: string): ChannelBinding => ({ kind: BINDINGS.onion, value: onionBinding(onion) })

describe('the gateway as an onion service (L-01, L-03)', () => {
  it('serves the page under the service’s name alone', async () => {
    const [, onion] = await start()
    expect(await ask(onion, '/culvert.json', ONION)).toMatchObject({ status: 200, body: '{"fine":true}' })
    expect((await ask(onion, '/culvert.json', `${ONION.toUpperCase()}:80`)).status).toBe(200)
    for (const host of ['localhost', '127.0.0.1', OTHER, `${ONION}.example`, '']) {
      expect((await ask(onion, '/culvert.json', host)).status, host).toBe(421)
      expect((await upgrade(onion, host)).status, host).toBe(404)
    }
  })

  it('lets the page connect to the service alone, and offers no way out of Tor', async () => {
    const moreFiles = new Map([['/direct.html', new Uint8Array(9)]])
    const [plain, onion] = await start({ moreFiles })
    const { policy } = await ask(onion, '/culvert.json', ONION)
    expect(policy.split('; ').filter((each) => each.startsWith('connect-src'))).toEqual([
      `connect-src 'self' ws://${ONION}`,
    ])
    expect((await ask(plain, '/direct.html', 'localhost')).status).toBe(200)
    expect((await ask(onion, '/direct.html', ONION)).status).toBe(404)
  })

  it('shows nobody there what is for programs of this machine', async () => {
    const [plain, onion] = await start()
    expect((await ask(plain, '/status.json', `127.0.0.1:${plain}`)).body).toContain('secret')
    for (const host of [ONION, 'localhost', `127.0.0.1:${onion}`]) {
      expect((await ask(onion, '/status.json', host)).body, host).not.toContain('secret')
    }
    // Nor where that program says that it is the service: the ordinary door is none of the service's.
    expect((await ask(plain, '/status.json', ONION)).status).toBe(404)
  })

  it('serves nothing before the service has a name', async () => {
    await start()
    const unnamed = await gateway.openToOnion('127.0.0.1', 0, () => undefined)
    expect((await ask(unnamed, '/culvert.json', ONION)).status).toBe(421)
    expect((await upgrade(unnamed, '')).status).toBe(404)
  })

  it('ties links to its name, and to no other’s', async () => {
    const [plain, onion] = await start()
    const open = async (port: number) => (await upgrade(port, ONION)).socket
    expect(await linkOver(await open(onion), bindingTo(ONION))).toBe(BINDINGS.onion)
    // A page that came by another service, whose operator passes it on here.
    expect(await linkOver(await open(onion), bindingTo(OTHER))).toBe('auth-signature')
    // Whoever reaches the gateway without Tor cannot say that he came through it.
    expect(await linkOver(await open(plain), bindingTo(ONION))).toBe('auth-refused')
    expect(await linkOver(await open(plain), NO_BINDING)).toBe(BINDINGS.none)
    expect(wires.map(({ link }) => link.address.host)).toEqual(['0.0.0.0', '127.0.0.1'])
  })

  it('takes, in a lab, pages of its own origin alone', async () => {
    const [, onion] = await start({ localPagesOnly: true })
    expect((await upgrade(onion, ONION, `http://${ONION}`)).status).toBe(101)
    for (const origin of [`https://${ONION}`, `http://${OTHER}`, 'http://localhost', 'null']) {
      expect((await upgrade(onion, ONION, origin)).status, origin).toBe(403)
    }
  })

  it('gives those who come through Tor places of their own', async () => {
    const [plain, onion] = await start({ limits: { connectionsPerAddress: 1 } })
    for (let i = 0; i < 3; i++) expect((await upgrade(onion, ONION)).status).toBe(101)
    await upgrade(plain, 'localhost')
    expect(counters.get('gateway-limit-address')).toBe(0)
    expect(ONION_CONNECTIONS).toBeGreaterThan(3)
  })

  it('says that the port is taken, and stops all the same', async () => {
    const [plain] = await start()
    const code = await gateway
      .openToOnion('127.0.0.1', plain, () => ONION)
      .catch((error: CulvertError) => error.code)
    expect(code).toBe('gateway-port-busy')
  })
})
