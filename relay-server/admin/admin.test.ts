import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { toHex } from '../../shared/bytes/bytes.ts'
import type { DiscoveryMethod } from '../../shared/discovery/constants.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import { Counters } from '../../shared/world/counters.ts'
import { parseConfig } from '../config.ts'
import { askAdmin } from './admin-client.ts'
import { AdminServer, type HandMark } from './admin-server.ts'
import { loadOrCreateToken, loadToken } from './token.ts'

const random = new SeededRandom(5)
const KEY = 'ab'.repeat(20)
let folder = ''
let token = ''
let server: AdminServer
let port = 0
let counters: Counters
const marks: [string, HandMark][] = []
const runs: DiscoveryMethod[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'culvert-admin-'))
  token = await loadOrCreateToken(join(folder, 'admin.token'), random)
  counters = new Counters()
  marks.length = 0
  runs.length = 0
  server = new AdminServer({
    host: '127.0.0.1',
    port: 0,
    token,
    counters,
    status: () => ({ state: 'joined', peers: 5 }),
    discovery: () => ({ status: {}, lastRuns: [] }),
    run: (method, done) => {
      runs.push(method)
      if (method === 'tracker') return false
      done({ method, candidates: 3, found: 2, fresh: 1, ms: 40, success: true, endedMs: 0 })
      return true
    },
    relays: () => [],
    links: () => ({ links: 1, neighbours: [{ status: 'open', id: '00'.repeat(20) }] }),
    mark: (mid, mark) => marks.push([toHex(mid), mark]),
  })
  port = await server.start()
})

afterEach(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

interface Asked {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

function ask(path: string, { method = 'GET', headers = {}, body }: Asked = {}) {
  const json = body === undefined ? {} : { 'content-type': 'application/json' }
  const all = { authorization: `Bearer ${token}`, ...json, ...headers }
  return new Promise<{ status: number | undefined; headers: object; value: unknown }>((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, headers: all }, (response) => {
      let text = ''
      response.on('data', (part: Buffer) => {
        text += part.toString()
      })
      response.on('end', () =>
        resolve({
          status: response.statusCode,
          headers: response.headers,
          value: response.headers['content-type'] === 'application/json' ? JSON.parse(text) : text,
        }),
      )
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

const post = (path: string, value: unknown, headers = {}) =>
  ask(path, { method: 'POST', body: JSON.stringify(value), headers })

describe('the admin API (D-01, D-08, L-07)', () => {
  it('tells how things stand to who knows the secret', async () => {
    expect(await ask('/status')).toMatchObject({ status: 200, value: { state: 'joined' } })
    expect(await ask('/discovery')).toMatchObject({ status: 200, value: { lastRuns: [] } })
    expect(await ask('/relays')).toMatchObject({ status: 200, value: { relays: [] } })
    expect(await ask('/links')).toMatchObject({ status: 200, value: { neighbours: [{ status: 'open' }] } })
  })

  it('tells its numbers to Prometheus, for the same secret', async () => {
    expect(await ask('/metrics')).toMatchObject({
      status: 200,
      value: '# TYPE culvert_peers gauge\nculvert_peers 5\n',
    })
    expect(await ask('/metrics', { headers: { authorization: '' } })).toMatchObject({ status: 401 })
  })

  it('runs a discovery by hand: method, relays found, time, success', async () => {
    expect(await post('/discovery/run', { method: 'dht' })).toMatchObject({
      status: 200,
      value: { method: 'dht', found: 2, ms: 40, success: true },
    })
    expect(await post('/discovery/run', { method: 'tracker' })).toMatchObject({ status: 409 })
    expect(await post('/discovery/run', { method: 'luck' })).toMatchObject({ status: 400 })
    expect(runs).toEqual(['dht', 'tracker'])
  })

  it('blocks and trusts relays by hand', async () => {
    await post('/relays/block', { key: KEY })
    await post('/relays/trust', { key: KEY })
    await post('/relays/unmark', { key: KEY })
    expect(marks).toEqual([
      [KEY, 'block'],
      [KEY, 'trust'],
      [KEY, 'unmark'],
    ])
    for (const key of ['', 'AB'.repeat(20), 'ab', 7, `${KEY}00`, ['ab']]) {
      expect(await post('/relays/block', { key })).toMatchObject({
        status: 400,
        value: { error: 'admin-key' },
      })
    }
    expect(marks).toHaveLength(3)
  })

  it('is nobody’s without the secret', async () => {
    for (const authorization of [
      '',
      'Bearer',
      `Bearer ${token.slice(1)}`,
      `Basic ${token}`,
      `Bearer ${token}0`,
    ]) {
      expect(await ask('/status', { headers: { authorization } })).toMatchObject({
        status: 401,
        value: { error: 'admin-token' },
      })
    }
    expect(counters.get('admin-refused')).toBe(5)
  })

  it('is closed to pages: no other name, no origin, no leave to read', async () => {
    expect(await ask('/status', { headers: { host: `relay.example:${port}` } })).toMatchObject({
      status: 403,
    })
    expect(await ask('/status', { headers: { host: '127.0.0.1' } })).toMatchObject({ status: 403 })
    const origin = `http://127.0.0.1:${port}`
    expect(await ask('/status', { headers: { origin } })).toMatchObject({ status: 403 })
    expect(await ask('/status', { headers: { 'sec-fetch-site': 'same-origin' } })).toMatchObject({
      status: 403,
    })
    const preflight = await ask('/status', { method: 'OPTIONS' })
    expect(preflight.status).toBe(404)
    expect(Object.keys(preflight.headers).filter((name) => name.startsWith('access-control'))).toEqual([])
  })

  it('takes small JSON bodies and known paths alone', async () => {
    expect(await ask('/relays/block', { method: 'POST', body: '[]' })).toMatchObject({ status: 400 })
    expect(await ask('/relays/block', { method: 'POST', body: '{' })).toMatchObject({ status: 400 })
    expect(await post('/relays/block', { key: 'a'.repeat(5_000) })).toMatchObject({ status: 413 })
    expect(await post('/relays/block', { key: KEY }, { 'content-type': 'text/plain' })).toMatchObject({
      status: 415,
    })
    expect(await ask('/status?x')).toMatchObject({ status: 404 })
    expect(await ask('/constructor')).toMatchObject({ status: 404 })
    expect(marks).toEqual([])
  })

  it('is asked by the status command, with the secret of the file', async () => {
    const admin = { enabled: true, host: '127.0.0.1', port, tokenFile: join(folder, 'admin.token') }
    expect(await askAdmin({ admin }, '/status')).toEqual({ state: 'joined', peers: 5 })
    await expect(askAdmin({ admin: { ...admin, enabled: false } }, '/status')).rejects.toMatchObject({
      code: 'admin-off',
    })
    await writeFile(admin.tokenFile, `${'0'.repeat(64)}\n`)
    await expect(askAdmin({ admin }, '/status')).rejects.toMatchObject({ code: 'admin-token' })
    await server.stop()
    await expect(askAdmin({ admin }, '/status')).rejects.toMatchObject({ code: 'admin-unreachable' })
  })
})

describe('another program at admin.port (D-08)', () => {
  it('is told from a relay, whatever it answers', async () => {
    const answers = ['<html>', 'null', '7', '', '{"error":7}']
    const other = createServer((asked, response) => {
      response.writeHead(asked.url === '/found' ? 200 : 404).end(answers[0])
    })
    await once(other.listen(0, '127.0.0.1'), 'listening')
    const { port } = other.address() as AddressInfo
    const admin = { enabled: true, host: '127.0.0.1', port, tokenFile: join(folder, 'admin.token') }
    while (answers.length > 0) {
      // An object with status 200 is what a relay answers.
      for (const path of answers[0]?.startsWith('{') ? ['/lost'] : ['/found', '/lost']) {
        await expect(askAdmin({ admin }, path)).rejects.toMatchObject({ code: 'admin-answer' })
      }
      answers.shift()
    }
    other.close()
  })
})

describe('the secret of the admin API', () => {
  it('is made once, in a file that its owner alone may read', async () => {
    const path = join(folder, 'admin.token')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await loadOrCreateToken(path, random)).toBe(token)
    expect((await readFile(path, 'utf8')).trim()).toBe(token)
  })

  it('is refused where others may read it, and where it is none', async () => {
    const path = join(folder, 'admin.token')
    await chmod(path, 0o644)
    await expect(loadToken(path)).rejects.toMatchObject({ code: 'admin-token-open' })
    await writeFile(join(folder, 'other'), 'secret', { mode: 0o600 })
    await expect(loadToken(join(folder, 'other'))).rejects.toMatchObject({ code: 'admin-token-malformed' })
    await expect(loadToken(join(folder, 'none'))).rejects.toMatchObject({ code: 'admin-token-missing' })
  })

  it('is refused with words where it cannot be written', async () => {
    await expect(loadOrCreateToken(join(folder, 'none', 'token'), random)).rejects.toMatchObject({
      code: 'admin-token-unwritable',
      message: expect.stringContaining('there is no such file or folder; make its folder'),
    })
  })

  it('is for a loopback address alone', () => {
    expect(() => parseConfig('admin:\n  host: 0.0.0.0\n', 'x')).toThrow(
      'admin.host: should be a loopback address',
    )
    expect(parseConfig('admin:\n  host: "::1"\n', 'x').admin.host).toBe('::1')
  })
})
