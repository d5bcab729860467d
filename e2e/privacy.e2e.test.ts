import { readFile } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import type { Page } from 'playwright'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Lab } from '../relay-server/lab/lab.ts'
import { addressOf, parseIpv4 } from '../shared/bytes/address.ts'
import { fromHex } from '../shared/bytes/bytes.ts'
import { openMagnet, startBuiltLab, videoState } from './lab.ts'
import { type Connection, type RecordedChromium, startRecordedChromium } from './privacy/capture.ts'
import { searchProcessMemory } from './privacy/memory.ts'
import { type RtcWatch, watchRtc } from './privacy/rtc.ts'

let lab: Lab
let chromium: RecordedChromium
let page: Page
let rtc: RtcWatch
/** What the relays and the seeder have logged, at the default level. */
const log: string[] = []

beforeAll(async () => {
  lab = await startBuiltLab({
    logLevel: 'info',
    offerSample: false,
    relaysInDht: false,
    onOutput: (line) => log.push(line),
  })
})

afterAll(async () => {
  await lab?.stop()
})

beforeEach(async () => {
  chromium = await startRecordedChromium()
  const context = await chromium.browser.newContext()
  rtc = await watchRtc(context)
  page = await context.newPage()
  await page.goto(lab.url)
})

afterEach(async () => {
  await chromium.browser.close()
})

const entry = () => new URL(lab.url)
const exitHosts = () => lab.relays.filter((relay) => relay.exit).map((relay) => relay.host)

async function playFor(seconds: number): Promise<void> {
  await expect
    .poll(async () => ((await page.locator('video').count()) ? (await videoState(page)).time : 0), {
      timeout: 60_000,
    })
    .toBeGreaterThan(seconds)
}

/**
 * Everything that left the browser, by the record of the system calls: nothing but TCP to the site's own relay and to the
 * gateway of one other, the standby's guard.
 */
function expectOnlyTheGuards(connections: readonly Connection[]): void {
  const left = connections.filter((connection) => connection.sent)
  const places = new Set(left.map(({ protocol, address, port }) => `${protocol} ${address}:${port}`))
  const place = (url: URL) => `tcp ${url.hostname}:${url.port}`
  const guards = lab.relays.filter((relay) => !relay.exit).map((relay) => place(new URL(relay.url)))
  expect([...places]).toContain(place(entry()))
  expect([...places].filter((each) => !guards.includes(each))).toEqual([])
  expect(places.size).toBeLessThanOrEqual(2)
}

/** A destination as it stands in memory: in text, and as the bytes of an address in a cell (IPv8's ipv4, port). */
function spellings(hostAndPort: string): Uint8Array[] {
  const [host = '', port = ''] = hostAndPort.split(':')
  const address = addressOf(host, Number(port))
  const bytes = Uint8Array.of(...(parseIpv4(address.host) ?? []), address.port >> 8, address.port & 0xff)
  return [new TextEncoder().encode(hostAndPort), bytes]
}

/**
 * No relay but an exit holds info hash or destination in its memory or its log, and the seeder has seen exits alone.
 * @param more further destinations, `host:port`
 */
async function expectNobodyLearned(more: readonly string[]): Promise<void> {
  const { infoHash } = lab.unlisted
  const tracker = new URL(lab.announceUrl).host
  const secrets = [
    fromHex(infoHash),
    new TextEncoder().encode(infoHash),
    new TextEncoder().encode(infoHash.toUpperCase()),
    ...spellings(lab.seeder),
    ...spellings(tracker),
    ...more.flatMap(spellings),
  ]
  // Among them the page's own and the standby's guard.
  for (const relay of lab.relays.filter(({ exit }) => !exit)) {
    // What the relay does know is found: the search works.
    const known = new TextEncoder().encode(relay.nickname)
    const found = await searchProcessMemory(relay.pid, [known, ...secrets])
    expect(found.get(known)).toBeGreaterThan(0)
    for (const secret of secrets) expect(found.get(secret)).toBe(0)
    const said = log.filter((line) => line.startsWith(`${relay.nickname}: `)).join('\n')
    expect(said).not.toBe('')
    for (const secret of [infoHash, lab.seeder, tracker, ...more]) expect(said).not.toContain(secret)
  }

  // The exit, through which it all goes, does hold some of them: the needles are right.
  const exits = lab.relays.filter((relay) => relay.exit)
  const inExits = await Promise.all(exits.map((relay) => searchProcessMemory(relay.pid, secrets)))
  const all = inExits.flatMap((counts) => [...counts.values()])
  expect(Math.max(...all)).toBeGreaterThan(0)

  const seen = (await readFile(lab.seederLog, 'utf8')).split('\n').filter((line) => line !== '')
  expect(seen.length).toBeGreaterThan(0)
  for (const address of seen) expect(exitHosts()).toContain(address)
}

describe('what leaves the page, and who learns what (W-02, W-03, C-08, N-13)', () => {
  it('plays the sample, telling the entry relay nothing and the swarm only the exit, and connects nowhere else', async () => {
    await openMagnet(page, lab.unlisted.magnet)
    await playFor(5)
    await page.locator('video').evaluate((video) => {
      ;(video as HTMLVideoElement).currentTime = 50
    })
    await playFor(52)
    await rtc.assertNoRtc()

    await expectNobodyLearned([])
    expectOnlyTheGuards(await chromium.stop())
  })

  it('is not led astray by a hostile magnet', async () => {
    const canary = await startCanary('127.0.0.66')
    const place = `127.0.0.66:${canary.port}`
    const lure = [
      `tr=${encodeURIComponent(`http://${place}/announce`)}`,
      `tr=${encodeURIComponent(`udp://${place}`)}`,
      `tr=${encodeURIComponent(`ws://${place}/`)}`,
      `tr=${encodeURIComponent(`wss://${place}/`)}`,
      `tr=${encodeURIComponent('http://10.0.0.1:80/announce')}`,
      `tr=${encodeURIComponent('udp://192.168.1.1:53')}`,
      `ws=${encodeURIComponent(`http://${place}/film.mp4`)}`,
      `ws=${encodeURIComponent('http://localhost:80/film.mp4')}`,
      `x.pe=${place}`,
      'x.pe=10.0.0.1:80',
      `xs=${encodeURIComponent(`http://${place}/film.torrent`)}`,
      `as=${encodeURIComponent(`http://${place}/film.torrent`)}`,
    ]
    await openMagnet(page, `${lab.unlisted.magnet}&${lure.join('&')}`)
    await playFor(5)
    // The lures that are allowed at all have been tried by now: the canary has heard from an exit.
    await expect.poll(() => canary.callers.length, { timeout: 30_000 }).toBeGreaterThan(0)
    await rtc.assertNoRtc()
    await expectNobodyLearned([place])
    canary.server.close()
    for (const address of canary.callers) expect(exitHosts()).toContain(address)
    expect(canary.said.join('')).not.toMatch(/Sec-WebSocket-Key/i)
    expectOnlyTheGuards(await chromium.stop())
  })
})

/** A TCP service that notes who calls and what is said, and answers nothing. */
async function startCanary(host: string) {
  const callers: string[] = []
  const said: string[] = []
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    callers.push(socket.remoteAddress ?? '')
    socket.on('data', (data) => said.push(data.toString('latin1')))
    socket.on('error', () => socket.destroy())
    socket.setTimeout(2_000, () => socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const address = server.address()
  return { server, callers, said, port: address && typeof address === 'object' ? address.port : 0 }
}
