import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { get, type IncomingHttpHeaders, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KeyPair } from '../../shared/identity/keys.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import { Counters } from '../../shared/world/counters.ts'
import { NodeClock } from '../node-clock.ts'
import { NodeRandom } from '../node-random.ts'
import { Gateway } from './gateway.ts'

const INDEX = '<!doctype html><title>Culvert</title>'
const SCRIPT = 'console.log("film")\n'.repeat(100)

let folder: string
let gateway: Gateway
let port: number

function gatewayOver(webRoot: string | undefined, at = 0): Gateway {
  const random = new NodeRandom()
  return new Gateway({
    host: '127.0.0.1',
    port: at,
    ...(webRoot !== undefined && { webRoot }),
    moreFiles: new Map([['/geo.bin', new Uint8Array(5_000)]]),
    document: () => ({ network: 'culvert-test', lab: true }),
    keyPair: KeyPair.generate(new SeededRandom(5)),
    network: 'culvert-test',
    clock: new NodeClock(),
    random,
    counters: new Counters(),
    onWire: () => {},
  })
}

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

/** Asks for a path as it is, dots and all. */
function ask(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) })
      })
    })
      .on('error', reject)
      .end()
  })
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'culvert-web-'))
  const root = join(folder, 'root')
  await mkdir(join(root, 'assets'), { recursive: true })
  await writeFile(join(folder, 'secret.txt'), 'secret')
  await writeFile(join(root, 'index.html'), INDEX)
  await writeFile(join(root, 'sw.js'), '// worker')
  await writeFile(join(root, 'direct.html'), INDEX)
  await writeFile(join(root, '.env'), 'hidden')
  await writeFile(join(root, 'assets', 'app-B3kf92aQ.js'), SCRIPT)
  await writeFile(join(root, 'assets', 'film ü.webm'), 'film')
  await symlink(join(folder, 'secret.txt'), join(root, 'link.txt'))
  gateway = gatewayOver(root)
  port = (await gateway.start()).port
})

afterAll(async () => {
  await gateway.stop()
  await rm(folder, { recursive: true })
})

describe('gateway: the web app’s files (W-09, O-06)', () => {
  it('serves the app, and lets browsers keep what is named by its content', async () => {
    const index = await ask('/')
    expect(index.status).toBe(200)
    expect(index.body.toString()).toBe(INDEX)
    expect(index.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
    })
    const script = await ask('/assets/app-B3kf92aQ.js?v=1')
    expect(script.body.toString()).toBe(SCRIPT)
    expect(script.headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
    })
    expect((await ask('/assets/film%20%C3%BC.webm')).headers['content-type']).toBe('video/webm')
    expect((await ask('/sw.js')).headers['cache-control']).toBe('no-cache')
  })

  it('answers 304 to those who have it already', async () => {
    const { headers } = await ask('/index.html')
    const again = await ask('/index.html', { 'if-none-match': headers.etag ?? '' })
    expect([again.status, again.body.length]).toEqual([304, 0])
  })

  it('compresses for those who can read it', async () => {
    const plain = await ask('/assets/app-B3kf92aQ.js')
    const zipped = await ask('/assets/app-B3kf92aQ.js', { 'accept-encoding': 'gzip, br' })
    expect(zipped.headers['content-encoding']).toBe('gzip')
    expect(zipped.body.length).toBeLessThan(plain.body.length)
    expect(gunzipSync(zipped.body).toString()).toBe(SCRIPT)
    expect(zipped.headers.etag).not.toBe(plain.headers.etag)
  })

  it('serves the table of countries and networks, compressed and for keeping while it is the same (K-08)', async () => {
    const { headers, body } = await ask('/geo.bin', { 'accept-encoding': 'gzip' })
    expect(headers).toMatchObject({ 'content-encoding': 'gzip', 'cache-control': 'no-cache' })
    expect(gunzipSync(body)).toEqual(Buffer.alloc(5_000))
    const asked = { 'accept-encoding': 'gzip', 'if-none-match': headers.etag ?? '' }
    expect((await ask('/geo.bin', asked)).status).toBe(304)
  })

  it('gives the head without the body', async () => {
    const { status, headers, body } = await ask('/index.html', {}, 'HEAD')
    expect([status, headers['content-length'], body.length]).toEqual([200, String(INDEX.length), 0])
  })

  it('gives the app for a place within it, and nothing for a file that is missing', async () => {
    expect((await ask('/settings', { accept: 'text/html,*/*' })).body.toString()).toBe(INDEX)
    expect((await ask('/settings')).status).toBe(404)
    expect((await ask('/film.mp4', { accept: 'text/html' })).status).toBe(404)
  })

  it.each([
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/assets/../../secret.txt',
    '/assets/..%5c..%5csecret.txt',
    '//etc/passwd',
    '/link.txt',
    '/.env',
    '/index.html%00.js',
    '/assets',
    '/assets/',
  ])('serves nothing at %s', async (path) => {
    expect((await ask(path)).status).toBe(404)
  })

  it('refuses what is not a path, and other methods', async () => {
    expect((await ask('/%zz')).status).toBe(400)
    expect((await ask('/', {}, 'POST')).status).toBe(405)
    expect((await ask('/relay')).status).toBe(426)
  })

  it('says what a page may do, with every answer (W-03)', async () => {
    for (const path of ['/', '/healthz', '/culvert.json', '/nothing', '/%zz']) {
      const { headers } = await ask(path)
      const policy = String(headers['content-security-policy'])
      expect(policy).toContain("default-src 'none'")
      expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval'")
      expect(policy).not.toMatch(/unsafe-eval'(?<!wasm-unsafe-eval')|https?:|script-src[^;]*unsafe-inline/)
      expect(headers).toMatchObject({
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
      })
    }
  })

  it('lets the page of direct mode alone connect elsewhere than to relays (C-09, W-03)', async () => {
    // To the letter: what the private page may do is not to change because of another page.
    const ofThePrivatePage =
      "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self' ws: wss:; " +
      "worker-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; font-src 'self'; manifest-src 'self'; " +
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    const others = [
      '/',
      '/index.html',
      '/sw.js',
      '/assets/app-B3kf92aQ.js',
      '/direct',
      '/direct.html/',
      '/Direct.html',
    ]
    for (const path of others) {
      expect((await ask(path)).headers['content-security-policy']).toBe(ofThePrivatePage)
    }
    for (const path of ['/direct.html', '/direct.html?x=1', '/%64irect.html']) {
      const { status, headers } = await ask(path)
      const policy = String(headers['content-security-policy'])
      expect(status).toBe(200)
      expect(policy).toContain("connect-src 'self' ws: wss: http: https:;")
      expect(policy).toContain("default-src 'none'; script-src 'self';")
      expect(policy.replace(' http: https:', '').replace("'self';", "'self' 'wasm-unsafe-eval';")).toBe(
        ofThePrivatePage,
      )
      expect(headers['referrer-policy']).toBe('no-referrer')
    }
  })

  it('tells how to reach the network, never from a cache', async () => {
    const { headers, body } = await ask('/culvert.json')
    expect(headers['cache-control']).toBe('no-store')
    expect(JSON.parse(body.toString())).toEqual({ network: 'culvert-test', lab: true })
    expect((await ask('/healthz')).body.toString()).toBe('ok\n')
  })

  it('says that the web app is not built', async () => {
    await expect(gatewayOver(join(folder, 'missing')).start()).rejects.toMatchObject({
      code: 'web-root-missing',
    })
    await expect(gatewayOver(join(folder)).start()).rejects.toMatchObject({ code: 'web-root-missing' })
  })

  it('says which port is busy', async () => {
    await expect(gatewayOver(undefined, port).start()).rejects.toMatchObject({ code: 'gateway-port-busy' })
  })

  it('serves no files where there are none', async () => {
    const bare = gatewayOver(undefined)
    const at = await bare.start()
    const status = await new Promise((resolve) => {
      get({ host: '127.0.0.1', port: at.port, path: '/', agent: false }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
    })
    expect(status).toBe(404)
    await bare.stop()
  })
})
