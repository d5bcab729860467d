import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { addressOf, type IpAddress } from '../shared/bytes/address.ts'
import { fromHex } from '../shared/bytes/bytes.ts'
import { PublicKey } from '../shared/identity/keys.ts'
import { type Child, startChild } from './lab/child.ts'
import { clock, openPageLink, TestOwner } from './relay.fixture.ts'
import type { RelayReady } from './relay-process.ts'

const HOST = '127.0.0.65'
const folder = mkdtempSync(join(tmpdir(), 'culvert-pages-log-'))
const lines: string[] = []
let child: Child<RelayReady> | undefined

afterAll(async () => {
  await child?.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** The real program, at its default log level, with what it wrote. */
async function start(): Promise<Child<RelayReady>> {
  const path = join(folder, 'relay.yaml')
  const config = {
    lab: true,
    network: 'test',
    udp: { host: HOST, port: 0 },
    links: { tcp: { port: 0 } },
    gateway: { enabled: true, host: HOST, port: 0, limits: { connectionsPerAddress: 2 } },
    bootstrapDefaults: false,
    discovery: { dht: { enabled: false } },
  }
  writeFileSync(path, JSON.stringify(config))
  child = await startChild<RelayReady>('relay', 'sources', ['run', '--config', path], (line) =>
    lines.push(line),
  )
  return child
}

function closed(socket: WebSocket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => undefined)
    socket.on('close', () => resolve())
  })
}

describe('what an operator sees of pages (O-06, L-09)', () => {
  it('is their number, at the default log level never an address, key or id', async () => {
    const { ready, stop } = await start()
    const url = `${ready.gateway?.replace('http', 'ws')}/relay`
    const publicKey = PublicKey.parse(fromHex(ready.publicKey))
    const address = addressOf(HOST, Number(ready.udp.split(':').at(-1))) as IpAddress
    // One that stays for a circuit, one that talks nonsense, and one too many.
    const owner = new TestOwner()
    const link = await openPageLink(url, publicKey, owner)
    const circuit = await owner.build(link, [{ publicKey, address, name: 'relay' }])
    expect(circuit.state).toBe('ready')
    const nonsense = new WebSocket(url)
    nonsense.on('open', () => nonsense.send('hello'))
    await closed(nonsense)
    const many = [new WebSocket(url), new WebSocket(url)]
    await Promise.race(many.map(closed))
    const status = await (await fetch(`${ready.gateway}/status.json`)).text()
    expect(JSON.parse(status)).toMatchObject({ pages: 1, counters: { 'gateway-limit-address': 1 } })
    circuit.destroy('unneeded')
    link.close('unneeded')
    for (const each of many) each.terminate()
    const untilMs = clock.now() + 20_000
    const pages = async () =>
      ((await (await fetch(`${ready.gateway}/status.json`)).json()) as { pages: number }).pages
    while ((await pages()) > 0 && clock.now() < untilMs) await new Promise((done) => setTimeout(done, 50))
    await stop()
    expect(lines.join('\n')).toContain('has stopped')
    for (const text of [...lines, status]) {
      // A line begins with its time; no address of four numbers, no key, mid or circuit id of sixteen digits.
      expect(text).not.toMatch(/\d+\.\d+\.\d+\.\d+|[0-9a-f]{16}/)
    }
  })
})
