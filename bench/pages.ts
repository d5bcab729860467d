import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RelayConfigInput } from '../relay-server/config.ts'
import { sodiumCurves } from '../relay-server/crypto/sodium-curves.ts'
import { type Child, startChild } from '../relay-server/lab/child.ts'
import type { RelayReady } from '../relay-server/relay-process.ts'
import { addressOf, type IpAddress } from '../shared/bytes/address.ts'
import { fromHex } from '../shared/bytes/bytes.ts'
import { useCurves } from '../shared/crypto/curves.ts'
import { PublicKey } from '../shared/identity/keys.ts'
import type { PathHop } from '../shared/onion/hop.ts'
import { type BenchPage, openPage } from './pages-client.ts'
import type { Section } from './report.ts'

const PAGES = 500
/** The most that the relay's process may take (L-01: 500 pages). */
const MEMORY_AIM_MB = 512
const HOSTS = ['127.0.40.1', '127.0.40.2', '127.0.40.3'] as const
/** Pages come from many homes: a gateway takes 32 of one address. */
const PAGES_OF_A_HOME = 25
const AT_ONCE = 10
/** Datagrams there and back, of each page. */
const ECHOES = 40
const ECHO_BYTES = 1_000

interface BenchRelay {
  readonly child: Child<RelayReady>
  readonly hop: PathHop
}

/** What a relay process of 500 pages takes, each with an authenticated link and a circuit of three hops that has carried data. */
export async function benchPages(): Promise<Section> {
  useCurves(sodiumCurves)
  const folder = await mkdtemp(join(tmpdir(), 'culvert-bench-pages-'))
  const relays: BenchRelay[] = []
  const pages: BenchPage[] = []
  const echo = createSocket('udp4')
  try {
    echo.on('message', (data, from) => echo.send(data, from.port, from.address))
    echo.bind(0, '127.0.0.1')
    await once(echo, 'listening')
    for (const host of HOSTS) relays.push(await startRelay(folder, host, relays[0]))
    const [entry] = relays
    if (entry === undefined) throw new Error('no relay')
    const target = {
      url: `${entry.child.ready.gateway?.replace('http', 'ws')}/relay`,
      path: relays.map(({ hop }) => hop),
    }
    // What the first page loads is no page's.
    const first = await openPage({ ...target, from: '127.0.41.1' })
    const alone = await memoryMb(entry)
    const to = addressOf('127.0.0.1', echo.address().port)
    for (let opened = 0; opened < PAGES; opened += AT_ONCE) {
      const more = Array.from({ length: AT_ONCE }, (_, i) =>
        openPage({ ...target, from: `127.0.42.${1 + Math.floor((opened + i) / PAGES_OF_A_HOME)}` }),
      )
      pages.push(...(await Promise.all(more)))
    }
    const open = await memoryMb(entry)
    // All pages at once, one datagram under way for each.
    const data = new TextEncoder().encode(`d${'x'.repeat(ECHO_BYTES)}e`)
    for (let i = 0; i < ECHOES; i++) await Promise.all(pages.map((page) => page.echo(to, data)))
    const used = await memoryMb(entry)
    first.close()
    return {
      title: `${PAGES} pages on one relay process, each with a circuit of three hops`,
      figures: [
        { what: 'memory (RSS) before', value: alone.now, unit: 'MB' },
        {
          what: `with ${PAGES} pages`,
          value: open.now,
          unit: 'MB',
          against: { name: 'before', value: alone.now },
          aim: MEMORY_AIM_MB,
        },
        {
          what: `after ${ECHOES} datagrams there and back of each`,
          value: used.now,
          unit: 'MB',
          against: { name: 'before', value: alone.now },
          aim: MEMORY_AIM_MB,
        },
        { what: 'the most at any time', value: used.most, unit: 'MB', aim: MEMORY_AIM_MB },
        { what: 'of it, each page', value: ((used.most - alone.now) * 1024) / PAGES, unit: 'kB' },
      ],
    }
  } finally {
    for (const page of pages) page.close()
    echo.close()
    await Promise.all(relays.map(({ child }) => child.stop()))
    await rm(folder, { recursive: true, force: true })
  }
}

/** A relay as anybody runs it, but for what one machine must be told, and for as many circuits over a link as there are pages. */
async function startRelay(folder: string, host: string, first: BenchRelay | undefined): Promise<BenchRelay> {
  const name = `relay-${host}`
  const path = join(folder, `${name}.yaml`)
  const config: RelayConfigInput = {
    identity: `${name}.key`,
    state: `${name}-state`,
    network: 'bench',
    lab: true,
    logLevel: 'error',
    udp: { host, port: 0 },
    links: { tcp: { port: 0 } },
    gateway: { enabled: true, host, port: 0, limits: { connections: 1_000 } },
    exit: { enabled: true, allowNetworks: ['127.0.0.0/8'], limits: { circuits: 2_000 } },
    discovery: { dht: { enabled: false } },
    bootstrapDefaults: false,
    bootstrap: first ? [first.child.ready.udp] : [],
    trust: { probes: false },
    limits: { circuitsPerLink: 2_000, handshakesPerSecond: 1_000, handshakesPerSecondPerLink: 1_000 },
  }
  // JSON is YAML.
  await writeFile(path, JSON.stringify(config))
  const built = existsSync(fileURLToPath(new URL('../dist/relay-server/main.js', import.meta.url)))
  const command = ['run', '--config', path]
  const child = await startChild<RelayReady>(name, built ? 'built' : 'sources', command, (line) =>
    console.error(line),
  )
  const cut = child.ready.udp.lastIndexOf(':')
  const address = addressOf(host, Number(child.ready.udp.slice(cut + 1))) as IpAddress
  const publicKey = PublicKey.parse(fromHex(child.ready.publicKey))
  return { child, hop: { publicKey, address, name, culvert: true } }
}

/** Resident memory of a process, now and at the most (Linux: /proc). */
async function memoryMb({ child }: BenchRelay): Promise<{ now: number; most: number }> {
  const text = await readFile(`/proc/${child.pid}/status`, 'utf8')
  const of = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) / 1024
  return { now: of('VmRSS'), most: of('VmHWM') }
}
