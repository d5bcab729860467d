import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import TrackerServer from 'bittorrent-tracker/server'
import { afterEach, describe, expect, it } from 'vitest'
import { addressOf, formatAddress, type IpAddress } from '../../shared/bytes/address.ts'
import type { Announce } from '../../shared/discovery/tracker-wire.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { Counters } from '../../shared/world/counters.ts'
import { announceHttp } from './http-tracker.ts'
import { Opentracker } from './opentracker.fixture.ts'
import type { TrackerRequest, TrackerWorld } from './tracker-request.ts'
import { trackerResolver } from './tracker-resolver.ts'
import { TrackerSource } from './tracker-source.ts'
import { announceUdp } from './udp-tracker.ts'

const HOST = '127.0.66.1'
/** Where the relays that announce are. */
const SELF = '127.0.66.7'
const INFO_HASH = new Uint8Array(20).fill(0xc5)
const random = new SeededRandom(3)

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** A host is an address already; the tracker's own word may lead nowhere but to 127.0.66.0/24. */
const resolve: TrackerWorld['resolve'] = async (host, port, redirected = false) => {
  const address = addressOf(host, port)
  return address.kind === 'domain' || (redirected && !host.startsWith('127.0.66.')) ? [] : [address]
}

function announceOf(): Announce {
  const peerId = random.bytes(20)
  return {
    infoHash: INFO_HASH,
    peerId,
    port: 7_001,
    event: 'started',
    looking: true,
    key: 9,
    wanted: 50,
  }
}

function ask(url: string, more: Partial<TrackerWorld> = {}) {
  const request: TrackerRequest = { url: new URL(url), announce: announceOf(), trackerId: undefined }
  const signal = AbortSignal.timeout(20_000)
  const world: TrackerWorld = { random, resolve, from: () => undefined, signal, ...more }
  return url.startsWith('udp:') ? announceUdp(request, world) : announceHttp(request, world)
}

interface Finds {
  readonly found: string[]
  readonly success: boolean
}

function sourceOf(
  urls: readonly string[],
  port: number,
  clock = new VirtualClock(),
  isContent = () => false,
) {
  const counters = new Counters()
  const source = new TrackerSource({
    urls,
    infoHash: INFO_HASH,
    clock,
    random: new SeededRandom(port),
    counters,
    port: () => port,
    isContent,
    resolve,
    from: (kind) => (kind === 'ipv4' ? SELF : undefined),
  })
  cleanups.push(() => source.stop())
  const run = () =>
    new Promise<Finds>((done) => {
      const found: string[] = []
      source.run(
        (candidates) => found.push(...candidates.map(({ address }) => formatAddress(address))),
        (success) => done({ found, success }),
      )
    })
  return { source, run, counters, clock }
}

async function bittorrentTracker(host: string): Promise<{ http: string; udp: string }> {
  const server = new TrackerServer({ http: true, udp: true, ws: false, stats: false, interval: 600_000 })
  server.on('warning', () => undefined)
  const listening = once(server, 'listening')
  const hosts: unknown = { http: host, udp: host, udp6: '::1' }
  server.listen(0, hosts as string)
  await listening
  const udp = (server as unknown as { udp4: Socket }).udp4
  cleanups.push(() => {
    server.http.closeAllConnections()
    return new Promise<void>((done) => server.close(() => done()))
  })
  return {
    http: `http://${host}:${(server.http.address() as AddressInfo).port}/announce`,
    udp: `udp://${host}:${udp.address().port}/announce`,
  }
}

async function hostileHttp(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server: Server = createServer(answer)
  server.listen(0, HOST)
  await once(server, 'listening')
  cleanups.push(() => {
    server.closeAllConnections()
    return new Promise<void>((done) => server.close(() => done()))
  })
  return `http://${HOST}:${(server.address() as AddressInfo).port}/announce`
}

async function hostileUdp(answer: (question: Buffer) => Uint8Array | undefined): Promise<string> {
  const socket = createSocket('udp4')
  socket.on('message', (question, from) => {
    const bytes = answer(question)
    if (bytes) socket.send(bytes, from.port, from.address)
  })
  socket.bind(0, HOST)
  await once(socket, 'listening')
  cleanups.push(() => new Promise<void>((done) => socket.close(() => done())))
  return `udp://${HOST}:${socket.address().port}`
}

describe('trackers that are in use (D-03)', () => {
  for (const protocol of ['http', 'udp'] as const) {
    it(`opentracker over ${protocol}: one relay learns of another that has announced itself`, async () => {
      const tracker = await Opentracker.start(HOST, [INFO_HASH])
      cleanups.push(() => tracker.stop())
      const first = sourceOf([tracker.url(protocol)], 7_001)
      const second = sourceOf([tracker.url(protocol)], 7_002)
      expect((await first.run()).success).toBe(true)
      const { found, success } = await second.run()
      expect(success).toBe(true)
      expect(found).toContain(`${SELF}:7001`)
      expect(second.counters.get('tracker-announced')).toBe(1)
    })

    it(`bittorrent-tracker over ${protocol}: likewise`, async () => {
      const urls = await bittorrentTracker(HOST)
      expect((await sourceOf([urls[protocol]], 7_001).run()).success).toBe(true)
      const { found, success } = await sourceOf([urls[protocol]], 7_002).run()
      expect(success).toBe(true)
      expect(found).toContain(`${SELF}:7001`)
    })
  }

  it('are asked at their next address where nobody is at the first', async () => {
    const url = new URL(await hostileHttp((_, response) => response.end('d5:peers6:abcdefe')))
    const several = (hosts: readonly string[]): TrackerWorld['resolve'] => {
      return async (_, port) => hosts.map((host) => addressOf(host, port) as IpAddress)
    }
    url.hostname = 'tracker.example'
    expect((await ask(url.href, { resolve: several(['127.0.66.2', HOST]) })).peers).toHaveLength(1)
    const nowhere = ask(url.href, { resolve: several(['127.0.66.2', '127.0.66.3']) })
    await expect(nowhere).rejects.toMatchObject({ code: 'tracker-unreachable' })
  })

  it('are asked by the IP versions that the relay speaks alone', async () => {
    const resolver = (...families: IpAddress['kind'][]) =>
      trackerResolver({ config: { lab: false }, families, mayReach: () => true })
    expect(await resolver('ipv4')('::1', 80)).toEqual([])
    expect(await resolver('ipv4', 'ipv6')('::1', 80)).toMatchObject([{ host: '::1' }])
    for (const kind of ['ipv4', 'ipv6'] as const) {
      expect((await resolver(kind)('localhost', 80)).every((each) => each.kind === kind)).toBe(true)
    }
  })

  it('forgets a relay that has stopped', async () => {
    const tracker = await Opentracker.start(HOST, [INFO_HASH])
    cleanups.push(() => tracker.stop())
    const first = sourceOf([tracker.url('udp')], 7_001)
    await first.run()
    await first.source.stop()
    const { found } = await sourceOf([tracker.url('udp')], 7_002).run()
    expect(found).not.toContain(`${SELF}:7001`)
  })

  it('asks several at once, and takes what those give that answer', async () => {
    const urls = await bittorrentTracker(HOST)
    const dead = await hostileHttp((_, response) => response.writeHead(500).end())
    const all = [urls.http, urls.udp, dead]
    await sourceOf(all, 7_001).run()
    const second = sourceOf(all, 7_002)
    const { found, success } = await second.run()
    expect(success).toBe(true)
    expect(found.filter((each) => each.endsWith(':7001'))).toHaveLength(2)
    expect(second.counters.get('tracker-failed')).toBe(1)
  })

  it('are not asked again before their interval, and never within 300 s', async () => {
    const urls = await bittorrentTracker(HOST)
    const { source, run, counters, clock } = sourceOf([urls.http], 7_001)
    await run()
    await run()
    expect(counters.get('tracker-announced')).toBe(1)
    expect(source.notBefore()).toBe(600_000)
    clock.advance(600_000)
    await run()
    expect(counters.get('tracker-announced')).toBe(2)
  })

  it('are told started, completed once enough relays are known, and stopped', async () => {
    const events: (string | null)[] = []
    const url = await hostileHttp((request, response) => {
      const { searchParams } = new URL(request.url ?? '', 'http://tracker')
      events.push(`${searchParams.get('event')} ${searchParams.get('left')}`)
      response.end('d8:intervali5e5:peers0:e')
    })
    let content = false
    const { source, run, clock } = sourceOf([url], 7_001, new VirtualClock(), () => content)
    await run()
    // Five seconds is no interval for us.
    expect(source.notBefore()).toBe(300_000)
    clock.advance(300_000)
    await run()
    content = true
    clock.advance(300_000)
    await run()
    clock.advance(300_000)
    await run()
    await source.stop()
    expect(events).toEqual(['started 1', 'null 1', 'completed 0', 'null 0', 'stopped 0'])
  })
})

describe('hostile trackers (D-03, D-07)', () => {
  it('answer no more than 64 KiB', async () => {
    const url = await hostileHttp((_, response) => {
      const more = () => {
        while (response.write(Buffer.alloc(16_384, 'a')));
      }
      response.on('drain', more)
      more()
    })
    await expect(ask(url)).rejects.toMatchObject({ code: 'tracker-answer' })
  })

  it('redirect to no private address, and not for ever', async () => {
    const inner = await hostileHttp((_, response) => response.end('d5:peers0:e'))
    const { port } = new URL(inner)
    const away = await hostileHttp((_, response) =>
      response.writeHead(302, { location: `http://127.0.0.1:${port}/announce` }).end(),
    )
    await expect(ask(away)).rejects.toMatchObject({ code: 'tracker-address' })
    const near = await hostileHttp((_, response) => response.writeHead(302, { location: inner }).end())
    expect(await ask(near)).toMatchObject({ peers: [] })
    const round = await hostileHttp((_, response) => response.writeHead(302, { location: '/announce' }).end())
    await expect(ask(round)).rejects.toMatchObject({ code: 'tracker-answer' })
    const file = await hostileHttp((_, response) =>
      response.writeHead(302, { location: 'file:///etc' }).end(),
    )
    await expect(ask(file)).rejects.toMatchObject({ code: 'tracker-answer' })
  })

  it('redirect to no user, whose name may be no text', async () => {
    const inner = await hostileHttp((_, response) => response.end('d5:peers0:e'))
    const { port } = new URL(inner)
    for (const user of ['%ff', 'a:%ff', 'a:b']) {
      const location = `http://${user}@${HOST}:${port}/announce`
      const away = await hostileHttp((_, response) => response.writeHead(302, { location }).end())
      await expect(ask(away)).rejects.toMatchObject({ code: 'tracker-answer' })
      const { run, counters } = sourceOf([away], 7_001)
      expect(await run()).toEqual({ found: [], success: false })
      expect(counters.get('tracker-answer')).toBe(1)
    }
    // Nor does the relay end of one that was written down so.
    await expect(ask(`http://%ff@${HOST}:${port}/announce`)).rejects.toMatchObject({
      code: 'tracker-unreachable',
    })
    const { run, counters } = sourceOf([`http://%ff@${HOST}:${port}/announce`], 7_001)
    expect(await run()).toEqual({ found: [], success: false })
    expect(counters.get('tracker-failed')).toBe(1)
  })

  it('say what is no answer, and no more than 200 peers are taken of what is one', async () => {
    const answers: [string | Uint8Array, string][] = [
      ['', 'tracker-answer'],
      ['d5:peers', 'tracker-answer'],
      ['d14:failure reason4:nopee', 'tracker-refused'],
      ['l'.repeat(60_000), 'tracker-answer'],
    ]
    for (const [body, code] of answers) {
      const url = await hostileHttp((_, response) => response.end(body))
      await expect(ask(url)).rejects.toMatchObject({ code })
    }
    const many = await hostileHttp((_, response) =>
      response.end(Buffer.concat([Buffer.from('d5:peers6000:'), Buffer.alloc(6_000, 1), Buffer.from('e')])),
    )
    expect((await ask(many)).peers).toHaveLength(200)
  })

  it('over UDP: what answers another question, says no, or is nonsense', async () => {
    const refusing = await hostileUdp((question) =>
      Buffer.concat([Buffer.from([0, 0, 0, 3]), question.subarray(12, 16)]),
    )
    await expect(ask(refusing)).rejects.toMatchObject({ code: 'tracker-refused' })
    const short = await hostileUdp((question) =>
      Buffer.concat([Buffer.from([0, 0, 0, 0]), question.subarray(12, 16)]),
    )
    await expect(ask(short)).rejects.toMatchObject({ code: 'tracker-answer' })
    let questions = 0
    const wrong = await hostileUdp((question) => {
      if (++questions === 1) return Buffer.alloc(16)
      return Buffer.concat([Buffer.from([0, 0, 0, 3]), question.subarray(12, 16)])
    })
    // The question is sent once more after the wrong answer was ignored.
    await expect(ask(wrong)).rejects.toMatchObject({ code: 'tracker-refused' })
    expect(questions).toBe(2)
  })

  it('are given up when the run is', async () => {
    const url = await hostileHttp(() => undefined)
    const { source, counters } = sourceOf([url], 7_001)
    await new Promise<boolean>((done) => {
      const run = source.run(() => undefined, done)
      setImmediate(() => run.cancel())
    })
    expect(counters.get('tracker-timeout')).toBe(1)
    expect(source.notBefore()).toBe(300_000)
  })

  it('are given up too while their names are looked up', async () => {
    for (const url of ['http://tracker.example/announce', 'udp://tracker.example:80']) {
      const never = new Promise<never>(() => undefined)
      const asked = ask(url, { signal: AbortSignal.timeout(50), resolve: () => never })
      await expect(asked).rejects.toMatchObject({ code: 'tracker-timeout' })
    }
  })

  it('are left alone for longer the more often they fail', async () => {
    const url = await hostileHttp((_, response) => response.writeHead(404).end())
    const { source, run, clock } = sourceOf([url], 7_001)
    const waits: number[] = []
    for (let i = 0; i < 7; i++) {
      expect((await run()).success).toBe(false)
      waits.push(source.notBefore() / 1000)
      clock.advance(source.notBefore())
    }
    expect(waits).toEqual([300, 600, 1_200, 2_400, 4_800, 7_200, 7_200])
  })
})
