import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fromHex } from '../../shared/bytes/bytes.ts'
import { Directory } from '../../shared/directory/directory.ts'
import { DirectoryExchange } from '../../shared/directory/exchange.ts'
import { PublicKey } from '../../shared/identity/keys.ts'
import { Counters } from '../../shared/world/counters.ts'
import type { SiteDocument } from '../../web/engine/site-document.ts'
import { UdpLinks } from '../links/udp.ts'
import { clock, random } from '../relay.fixture.ts'
import { type Lab, startLab } from './lab.ts'

let sampleFolder = ''
let lab: Lab
const said: string[] = []

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function until(predicate: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await predicate())) await new Promise((resolve) => setTimeout(resolve, 50))
}

beforeAll(async () => {
  sampleFolder = await mkdtemp(join(tmpdir(), 'culvert-test-sample-'))
  await writeFile(join(sampleFolder, 'film.mp4'), random.bytes(300_000))
  await writeFile(join(sampleFolder, 'film.en.vtt'), 'WEBVTT\n')
  lab = await startLab({ sampleFolder, onOutput: (line) => said.push(line) })
  // Eight programs start from their sources, beside whatever else the machine does.
}, 180_000)

afterAll(async () => {
  await lab.stop()
  await rm(sampleFolder, { recursive: true })
})

/** What a page learns from one relay: the descriptors that it serves. */
async function descriptorsOf(udp: string) {
  const counters = new Counters()
  const directory = new Directory({ network: 'lab', clock, counters })
  const exchange = new DirectoryExchange({ directory, own: () => undefined, clock, random, counters })
  const links = await UdpLinks.bind('127.0.0.30', 0, {
    clock,
    random,
    counters,
    onPacket: (link, packet) => exchange.receive(link, packet),
  })
  const [host = '', port] = udp.split(':')
  const link = links.linkTo({ kind: 'ipv4', host, port: Number(port) })
  await new Promise<void>((resolve) => exchange.fetchFrom(link!, () => resolve()))
  await links.close()
  return directory.list().map(({ descriptor }) => descriptor)
}

describe('the lab (O-01)', () => {
  it('has relays of which three are exits, each on an address of its own', () => {
    expect(lab.relays).toHaveLength(6)
    expect(lab.relays.filter((relay) => relay.exit)).toHaveLength(3)
    expect(new Set(lab.relays.map((relay) => relay.host)).size).toBe(6)
    expect(lab.pids.every(alive)).toBe(true)
  })

  it('tells pages what it offers', async () => {
    for (const relay of lab.relays) {
      const response = await fetch(`${relay.url}/culvert.json`)
      const document = (await response.json()) as SiteDocument
      expect(document).toMatchObject({ lab: true, network: 'lab', networkPrefixBits: 32, dht: [lab.dht] })
      expect(document.entry.publicKey).toBe(relay.publicKey)
      expect(PublicKey.parse(fromHex(document.entry.publicKey))).toBeDefined()
      expect(document.sample).toMatchObject({ bytes: 300_007, seconds: 80 })
      const torrent = await fetch(`${relay.url}${document.sample?.torrent}`)
      expect(new Uint8Array(await torrent.arrayBuffer())).toEqual(
        new Uint8Array(readFileSync(lab.sample.file)),
      )
    }
  })

  it('has relays that all know all', async () => {
    for (const { udp } of lab.relays) await until(async () => (await descriptorsOf(udp)).length === 6)
    const descriptors = await descriptorsOf(lab.relays[0]!.udp)
    expect(descriptors.filter(({ flags }) => (flags & 2) !== 0)).toHaveLength(3)
    expect(descriptors.map(({ websocket }) => websocket).sort()).toEqual(
      lab.relays.map(({ url }) => `${url.replace('http', 'ws')}/relay`).sort(),
    )
  })

  it('has a tracker that knows the seeder by its own address', async () => {
    const announce = (infoHash: string) =>
      new Promise<string>((resolve, reject) => {
        const hash = infoHash.replace(/../g, '%$&')
        const query = `info_hash=${hash}&peer_id=-TEST00-000000000000&port=1&left=1&compact=0&event=started`
        get(`${lab.announceUrl}?${query}`, { localAddress: '127.0.0.30' }, (response) => {
          let body = ''
          response.setEncoding('latin1').on('data', (chunk: string) => {
            body += chunk
          })
          response.on('end', () => resolve(body))
        }).on('error', reject)
      })
    for (const { infoHash } of [lab.sample, lab.unlisted]) {
      await until(async () => (await announce(infoHash)).includes('10:127.0.0.23'))
    }
    expect(lab.sample.infoHash).not.toBe(lab.unlisted.infoHash)
    expect(lab.unlisted.magnet).toContain(lab.unlisted.infoHash)
  })

  it('logs nothing about anyone at its default level (N-13)', () => {
    expect(said.length).toBeGreaterThanOrEqual(6)
    for (const line of said) {
      expect(line).not.toMatch(/\d+\.\d+\.\d+\.\d+/)
      expect(line).not.toMatch(/[0-9a-f]{16}/)
    }
  })

  it('loses one relay and goes on, and stops without a trace', async () => {
    const [, , third] = lab.relays
    await third!.stop()
    expect(third!.running).toBe(false)
    expect(alive(third!.pid)).toBe(false)
    expect((await fetch(`${lab.url}/healthz`)).status).toBe(200)
    await lab.stop()
    expect(lab.pids.filter(alive)).toEqual([])
    expect(existsSync(lab.stateFolder)).toBe(false)
  })

  it('leaves nothing behind when its process is killed', async () => {
    const main = fileURLToPath(new URL('../main.ts', import.meta.url))
    const state = join(sampleFolder, 'tmp')
    await mkdir(state)
    const parent = spawn(
      process.execPath,
      ['--import', 'tsx', main, 'lab', '--sample', sampleFolder],
      // Its state lies in a folder of ours: nobody is left to remove it.
      { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env: { ...process.env, TMPDIR: state } },
    )
    const [ready] = (await once(parent, 'message')) as [{ url: string; pids: number[] }]
    expect(ready.pids).toHaveLength(7)
    expect(ready.pids.every(alive)).toBe(true)
    parent.kill('SIGKILL')
    await until(() => !ready.pids.some(alive))
    // Eight processes start one after the other from their sources: slow on a busy machine.
  }, 120_000)
})
