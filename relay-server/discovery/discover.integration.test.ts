import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { stringify } from 'yaml'
import { EXIT_CODE, main } from '../cli.ts'
import { parseConfig, type RelayConfigInput } from '../config.ts'
import { type LabDhtNode, startDhtNode } from '../lab/dht-node.ts'
import { type LabTracker, startTracker } from '../lab/tracker.ts'
import { clock, random, startRelay, type TestRelay } from '../relay.fixture.ts'
import { discoverOnce } from './discover.ts'

const [FIRST, SECOND, DHT, TRACKER, SELF] = [
  '127.0.67.1',
  '127.0.67.2',
  '127.0.67.3',
  '127.0.67.4',
  '127.0.67.9',
]
let relays: TestRelay[] = []
let dht: LabDhtNode
let tracker: LabTracker
let folder = ''
let said = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'culvert-discover-test-'))
  dht = await startDhtNode(DHT as string, [])
  tracker = await startTracker(TRACKER as string, 0)
  const discovery = {
    dht: { routers: [dht.address], defaultRouters: false },
    trackers: [tracker.announceUrl],
  }
  relays = [await startRelay(FIRST as string, { nickname: 'willow', discovery })]
  relays.push(
    await startRelay(SECOND as string, {
      nickname: 'alder',
      discovery,
      bootstrap: [relays[0]?.relay.udpAddress as string],
    }),
  )
  await vi.waitUntil(() => relays.every(({ relay }) => relay.directory.list().some(({ proven }) => proven)), {
    timeout: 30_000,
  })
  await vi.waitUntil(() => relays.every(({ counters }) => counters.get('dht-announced') > 0), {
    timeout: 30_000,
  })
}, 70_000)

afterAll(async () => {
  await Promise.all(relays.map(({ relay }) => relay.stop()))
  await Promise.all([dht.stop(), tracker.stop()])
  await rm(folder, { recursive: true })
})

afterEach(() => {
  vi.restoreAllMocks()
})

function configOf(fields: RelayConfigInput = {}): RelayConfigInput {
  return {
    lab: true,
    network: 'test',
    state: join(folder, 'state'),
    udp: { host: SELF as string },
    discovery: { dht: { routers: [dht.address], defaultRouters: false }, trackers: [tracker.announceUrl] },
    bootstrap: [relays[0]?.relay.udpAddress as string],
    ...fields,
  }
}

const log = { error: () => undefined, info: () => undefined, debug: () => undefined }
const world = { clock, random, log }

describe('discovery by hand, on its own (D-01, D-06)', () => {
  for (const method of ['dht', 'tracker', 'exchange', 'bootstrap'] as const) {
    it(`finds and checks both relays by ${method}`, async () => {
      const config = parseConfig(JSON.stringify(configOf()), 'test')
      const { runs, relays: rows } = await discoverOnce(config, [method], world)
      expect(runs).toMatchObject([{ method, success: true }])
      expect(rows.map(({ nickname }) => nickname).sort()).toEqual(['alder', 'willow'])
      for (const row of rows) {
        expect(row).toMatchObject({ proven: true, score: 1, class: 'high', standing: 'trusted' })
        expect(row.checks).toEqual({ address: true, port: true, key: true, answer: true, proof: true })
      }
    })
  }

  it('finds them all ways together, the exchange after those that find whom to ask', async () => {
    const config = parseConfig(JSON.stringify(configOf({ bootstrap: [] })), 'test')
    const { runs } = await discoverOnce(config, ['dht', 'tracker', 'exchange', 'bootstrap'], world)
    expect(runs.map(({ method, success }) => ({ method, success }))).toEqual(
      ['dht', 'tracker', 'exchange', 'bootstrap'].map((method) => ({ method, success: true })),
    )
  })

  it('leaves nothing behind, and does not touch what the relay remembers', async () => {
    const config = parseConfig(JSON.stringify(configOf()), 'test')
    await discoverOnce(config, ['bootstrap'], world)
    await expect(stat(config.state)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('is a command that shows method, relays, time and success, and a table with score and checks', async () => {
    const path = join(folder, 'relay.yaml')
    await writeFile(path, stringify(configOf()))
    const collect = (text: unknown) => {
      said += String(text)
      return true
    }
    vi.spyOn(process.stdout, 'write').mockImplementation(collect)
    vi.spyOn(process.stderr, 'write').mockImplementation(collect)
    expect(await main(['discover', '--config', path, '--method', 'bootstrap'])).toBe(EXIT_CODE.ok)
    expect(said).toMatch(/^bootstrap: 2 relays found in \d+\.\d s, success\n\nrelay +id +score/)
    expect(said).toMatch(/willow +[0-9a-f]{40} +1\.0 +high +0\.\d\d +trusted +yes +yes +yes +yes +yes\n/)
    said = ''
    expect(await main(['discover', '--config', path, '--method', 'bootstrap', '--json'])).toBe(EXIT_CODE.ok)
    expect(JSON.parse(said)).toMatchObject({ runs: [{ method: 'bootstrap', found: 2, success: true }] })
    expect(await main(['discover', '--config', path, '--method', 'luck'])).toBe(EXIT_CODE.usage)
    const alone = { ...configOf({ bootstrap: [], discovery: { dht: { enabled: false } } }) }
    await writeFile(path, stringify(alone))
    said = ''
    expect(await main(['discover', '--config', path])).toBe(EXIT_CODE.failed)
    expect(said).toContain('dht: not configured')
    expect(said).toContain('nobody could be asked')
  })
})
