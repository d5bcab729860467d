import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SiteDocument } from '../web/engine/site-document.ts'
import type { RelayConfigInput } from './config.ts'
import { type Child, startChild } from './lab/child.ts'
import { startRelay } from './relay.fixture.ts'
import type { RelayStatus } from './relay.ts'
import type { RelayReady } from './relay-process.ts'

const HOST = '127.0.0.41'
const BOOTSTRAP_HOST = '127.0.0.42'
const DEGRADED_LINE = 'no bootstrap node answers: retrying every 30 s'

let folder = ''
let child: Child<RelayReady> | undefined

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'culvert-test-'))
})

afterEach(async () => {
  await child?.stop()
  await rm(folder, { recursive: true })
})

/** A relay as a process of its own, and what it logs. */
async function runProcess(config: RelayConfigInput) {
  const path = join(folder, 'relay.yaml')
  await writeFile(path, JSON.stringify({ lab: true, network: 'test', ...config }))
  const logged: string[] = []
  child = await startChild('relay', 'sources', ['run', '--config', path], (line) => logged.push(line))
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
    const relay = await runProcess({
      udp: { host: HOST },
      gateway: { enabled: true, host: HOST, port: 0 },
      bootstrap: [`${BOOTSTRAP_HOST}:${port}`],
    })
    const json = async (path: string) => (await fetch(`${relay.gateway}${path}`)).json()
    const status = async () => (await json('/status.json')) as RelayStatus
    const overlay = async () => ((await json('/culvert.json')) as SiteDocument).overlay
    expect(await overlay()).toBe('starting')

    await until(async () => relay.logged.some((line) => line.endsWith(DEGRADED_LINE)))
    expect(asked).toBeGreaterThanOrEqual(5)
    expect(await status()).toMatchObject({
      state: 'degraded',
      peers: 0,
      bootstrapKnown: 1,
      bootstrapAnswered: 0,
    })
    expect(await overlay()).toBe('degraded')

    silent.close()
    await once(silent, 'close')
    const back = await startRelay(BOOTSTRAP_HOST, { udp: { host: BOOTSTRAP_HOST, port } })
    await until(async () => relay.logged.some((line) => line.endsWith('joined: 1 peer')))
    expect(await status()).toMatchObject({ state: 'joined', peers: 1, bootstrapAnswered: 1 })
    expect(relay.logged.filter((line) => line.endsWith(DEGRADED_LINE))).toHaveLength(1)
    expect(await overlay()).toBe('joined')
    for (const line of relay.logged) expect(line).not.toMatch(/127\.0\.0\.4/)
    await back.relay.stop()
  })
})
