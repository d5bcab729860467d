import { get } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { KeyPair } from '../../shared/identity/keys.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import { Counters } from '../../shared/world/counters.ts'
import { NodeClock } from '../node-clock.ts'
import { NodeRandom } from '../node-random.ts'
import { Gateway } from './gateway.ts'

let gateway: Gateway

async function start(status?: () => unknown): Promise<number> {
  gateway = new Gateway({
    host: '127.0.0.1',
    port: 0,
    document: () => ({}),
    keyPair: KeyPair.generate(new SeededRandom(5)),
    network: 'culvert-test',
    clock: new NodeClock(),
    random: new NodeRandom(),
    counters: new Counters(),
    onWire: () => {},
    ...(status ? { status } : {}),
  })
  return (await gateway.start()).port
}

function ask(port: number, headers: Record<string, string> = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/status.json', headers, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    }).on('error', reject)
  })
}

afterEach(() => gateway.stop())

describe('the status document (N-13)', () => {
  it('says how things stand now, to programs of this machine', async () => {
    let peers = 3
    const port = await start(() => ({ peers }))
    expect(await ask(port)).toEqual({ status: 200, body: '{"peers":3}' })
    peers = 4
    expect((await ask(port, { host: `localhost:${port}` })).body).toBe('{"peers":4}')
  })

  it.each([
    [{ host: 'evil.example' }],
    [{ host: '127.0.0.1.evil.example:80' }],
    [{ 'x-forwarded-for': '203.0.113.9' }],
    [{ forwarded: 'for=203.0.113.9' }],
    [{ via: '1.1 proxy' }],
  ])('is not there for what came by another name or a proxy: %j', async (headers) => {
    const port = await start(() => ({ peers: 3 }))
    const { status, body } = await ask(port, headers)
    expect(status).toBe(404)
    expect(body).not.toContain('peers')
  })

  it('is not there where none is given', async () => {
    expect((await ask(await start())).status).toBe(404)
  })
})
