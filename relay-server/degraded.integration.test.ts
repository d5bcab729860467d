import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../shared/sim/virtual-clock.ts'
import { OVERLAY_ASK_MS, OverlayWatch } from '../web/engine/overlay-watch.ts'
import { readSiteDocument } from '../web/engine/site-document.ts'
import type { RelayConfigInput } from './config.ts'
import { type Child, startChild } from './lab/child.ts'
import type { RelayStatus } from './relay.ts'
import type { RelayReady } from './relay-process.ts'

const HOST = '127.0.0.41'
const BOOTSTRAP_HOST = '127.0.0.42'
const DEGRADED_LINE = 'no bootstrap node answers: retrying every 30 s'

let folder = ''
const children: Child<RelayReady>[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'culvert-test-'))
})

afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.stop()))
  await rm(folder, { recursive: true })
})

/** A relay of this test's own, as a process, with what it logs. */
async function run(name: string, config: RelayConfigInput) {
  const path = join(folder, `${name}.yaml`)
  const settings = { lab: true, network: 'test', identity: `${name}.key`, ...config }
  await writeFile(path, JSON.stringify(settings))
  const logged: string[] = []
  const child = await startChild<RelayReady>(name, 'sources', ['run', '--config', path], (line) =>
    logged.push(line),
  )
  children.push(child)
  return { ...child.ready, logged }
}

/** Polls another process, which cannot be told to wait. */
async function until(predicate: () => Promise<boolean>): Promise<void> {
  while (!(await predicate())) await new Promise((resolve) => setTimeout(resolve, 100))
}

describe('a relay whose bootstrap node does not answer (N-06, N-13)', () => {
  it('says so in its log, its status and to pages, and joins by itself when that node is back', {
    timeout: 90_000,
  }, async () => {
    // Its port is taken by somebody who takes packets and says nothing.
    const silent = createSocket('udp4')
    let asked = 0
    silent.on('message', () => asked++)
    silent.bind(0, BOOTSTRAP_HOST)
    await once(silent, 'listening')
    const { port } = silent.address()
    const relay = await run('alone', {
      udp: { host: HOST },
      gateway: { enabled: true, host: HOST, port: 0 },
      bootstrap: [`${BOOTSTRAP_HOST}:${port}`],
    })
    const json = async (path: string) => (await fetch(`${relay.gateway}${path}`)).json()
    const status = async () => (await json('/status.json')) as RelayStatus
    const overlay = async () => readSiteDocument(await json('/culvert.json')).overlay
    expect(await overlay()).toBe('starting')

    await until(async () => relay.logged.some((line) => line.endsWith(DEGRADED_LINE)))
    expect(asked).toBeGreaterThanOrEqual(5)
    expect(await status()).toMatchObject({
      state: 'degraded',
      peers: 0,
      bootstrapKnown: 1,
      bootstrapAnswered: 0,
    })
    // What a page makes of it, which asks each half minute.
    const pageClock = new VirtualClock()
    let toldPage = 0
    const page = new OverlayWatch({
      clock: pageClock,
      ask: overlay,
      needed: () => true,
      changed: () => toldPage++,
    })
    page.start(await overlay())
    expect([page.degraded, toldPage]).toEqual([true, 1])

    silent.close()
    await once(silent, 'close')
    await run('back', { udp: { host: BOOTSTRAP_HOST, port } })
    await until(async () => relay.logged.some((line) => line.endsWith('joined: 1 peer')))
    expect(await status()).toMatchObject({ state: 'joined', peers: 1, bootstrapAnswered: 1 })
    expect(relay.logged.filter((line) => line.endsWith(DEGRADED_LINE))).toHaveLength(1)
    pageClock.advance(OVERLAY_ASK_MS)
    await until(async () => !page.degraded)
    expect(toldPage).toBe(2)
    page.stop()
    for (const line of relay.logged) expect(line).not.toMatch(/127\.0\.0\.4/)
  })
})
