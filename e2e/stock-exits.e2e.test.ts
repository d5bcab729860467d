import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Lab } from '../relay-server/lab/lab.ts'
import { CHROMIUM, CHROMIUM_FLAGS } from './chromium.ts'
import { Seeder } from './engine/seeder.ts'
import { UdpTracker } from './engine/udp-tracker.ts'
import { openMagnet, percentHere, startBuiltLab } from './lab.ts'

const folder = mkdtempSync(join(tmpdir(), 'culvert-stock-exit-'))
let lab: Lab
let browser: Browser
let seeder: Seeder
let tracker: UdpTracker

beforeAll(async () => {
  writeFileSync(join(folder, 'noise.bin'), randomBytes(3_000_000))
  lab = await startBuiltLab({ tcpExits: false, offerSample: false })
  seeder = await Seeder.start(folder, { transport: 'utp', uploadLimit: 0 })
  tracker = await UdpTracker.listen()
  tracker.peerPorts.push(seeder.port)
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [...CHROMIUM_FLAGS],
  })
})

afterAll(async () => {
  await browser?.close()
  tracker?.close()
  await seeder?.stop()
  await lab?.stop()
  rmSync(folder, { recursive: true })
})

describe('exits that let datagrams out and nothing else, as Tribler’s do (C-01, C-07)', () => {
  it('carry a whole download by uTP', async () => {
    const page = await browser.newPage()
    await page.goto(lab.url)
    // A tracker that does not answer stands in the way of nothing.
    const tracker = `tr=${encodeURIComponent('http://127.0.0.1:9/announce')}`
    await openMagnet(page, `magnet:?xt=urn:btih:${seeder.infoHash}&x.pe=127.0.0.1:${seeder.port}&${tracker}`)
    await expect.poll(() => percentHere(page).catch(() => 0), { timeout: 50_000 }).toBe(100)
    expect(await page.getByRole('alert').filter({ hasText: 'No exit' }).count()).toBe(0)
  })

  it('carry what was asked of a UDP tracker before there was a circuit', async () => {
    const page = await browser.newPage()
    await page.goto(lab.url)
    const announce = encodeURIComponent(`udp://127.0.0.1:${tracker.port}`)
    await openMagnet(page, `magnet:?xt=urn:btih:${seeder.infoHash}&tr=${announce}`)
    await expect.poll(() => percentHere(page).catch(() => 0), { timeout: 50_000 }).toBe(100)
  })

  it('ask a tracker by HTTP, and carry what it tells of', async () => {
    const infoHash = seeder.infoHash.replace(/../g, '%$&')
    const rest = `peer_id=-XX0000-somebody0000&port=${seeder.port}&uploaded=0&downloaded=0&left=0&compact=1`
    expect((await fetch(`${lab.announceUrl}?info_hash=${infoHash}&${rest}`)).ok).toBe(true)
    const page = await browser.newPage()
    await page.goto(lab.url)
    await openMagnet(page, `magnet:?xt=urn:btih:${seeder.infoHash}&tr=${encodeURIComponent(lab.announceUrl)}`)
    await expect.poll(() => percentHere(page).catch(() => 0), { timeout: 50_000 }).toBe(100)
  })
})
