import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sha1 } from '@noble/hashes/legacy.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { stringify } from 'yaml'
import { formatAddress } from '../../shared/bytes/address.ts'
import { EXIT_CODE, main } from '../cli.ts'
import { parseConfig, type RelayConfigInput } from '../config.ts'
import { NodeClock } from '../node-clock.ts'
import { NodeRandom } from '../node-random.ts'
import { bittorrentDhtNode } from './bittorrent-dht.fixture.ts'
import { crawlOnce } from './crawl.ts'
import { crawlLines } from './crawl-command.ts'
import { type CulvertNode, culvertNode } from './culvert-dht.fixture.ts'
import type { DhtNode } from './dht-nodes.fixture.ts'

const WAIT = { timeout: 30_000, interval: 50 }
const SELF = '127.71.9.1'
let ours: CulvertNode[] = []
let theirs: DhtNode[] = []
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'culvert-crawl-test-'))
  ours = await Promise.all([1, 2, 3, 4, 5, 6].map((i) => culvertNode(`127.71.${i}.1`)))
  theirs = await Promise.all([1, 2, 3].map((i) => bittorrentDhtNode(`127.72.${i}.1`)))
  const [first] = ours as [CulvertNode]
  await Promise.all([...ours.slice(1), ...theirs].map((node) => node.know([first.address])))
  await vi.waitUntil(() => first.kademlia.status().nodes.ipv4 === 8, WAIT)
  for (const name of ['one', 'two', 'three']) await first.announce(sha1(utf8ToBytes(name)))
}, 60_000)

afterAll(async () => {
  await Promise.all([...ours, ...theirs].map((node) => node.close()))
  await rm(folder, { recursive: true })
})

afterEach(() => {
  vi.restoreAllMocks()
})

function configOf(dht: object = {}): RelayConfigInput {
  const [first] = ours as [CulvertNode]
  return {
    lab: true,
    network: 'test',
    state: join(folder, 'state'),
    udp: { host: SELF },
    discovery: { dht: { routers: [formatAddress(first.address)], defaultRouters: false, ...dht } },
  }
}

const collected = (stream: 'stdout' | 'stderr') => {
  const said: string[] = []
  vi.spyOn(process[stream], 'write').mockImplementation((text: unknown) => said.push(String(text)) > 0)
  return said
}

describe('a crawl of real nodes, ours and those of bittorrent-dht (D-10)', { timeout: 60_000 }, () => {
  it('meets them all, and ends when it has', async () => {
    const config = parseConfig(JSON.stringify(configOf()), 'test')
    const figures = await crawlOnce(config, 50_000, { clock: new NodeClock(), random: new NodeRandom() })
    expect(figures).toMatchObject({
      ended: 'whole',
      met: 9,
      answered: 9,
      silent: 0,
      networkSize: 9,
      networks: 2,
      // bittorrent-dht does not answer questions of BEP 51.
      sampling: 6,
      infoHashes: 3,
      infoHashesExact: true,
    })
    // Nobody keeps a read-only node, and it leaves nothing behind.
    expect(ours.flatMap(({ kademlia }) => kademlia.nodes()).map(({ address }) => address.host)).not.toContain(
      SELF,
    )
    await expect(stat(config.state)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('is a command that shows numbers, and no address and no info hash', async () => {
    const path = join(folder, 'relay.yaml')
    await writeFile(path, stringify(configOf()))
    const said = collected('stdout')
    expect(await main(['crawl', '--config', path, '--seconds', '1', '--json'])).toBe(EXIT_CODE.ok)
    const figures = JSON.parse(said.join(''))
    expect(figures).toMatchObject({ ended: 'time', infoHashesExact: true })
    expect(figures.answered).toBeGreaterThan(0)
    expect(said.join('')).not.toMatch(/127\.|[0-9a-f]{20}/)
    expect(crawlLines(figures)).toContainEqual(expect.stringMatching(/^info hashes sampled +[0-3]$/))
  })

  it('says what is wrong', async () => {
    const path = join(folder, 'off.yaml')
    await writeFile(path, stringify(configOf({ enabled: false })))
    const said = collected('stderr')
    expect(await main(['crawl', '--config', path])).toBe(EXIT_CODE.failed)
    expect(said.join('')).toContain('nobody could be asked, for discovery.dht.enabled is false')
    expect(await main(['crawl', '--config', path, '--seconds', '0'])).toBe(EXIT_CODE.usage)
    expect(await main(['crawl'])).toBe(EXIT_CODE.usage)
  })
})
