import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { fromHex } from '../shared/bytes/bytes.ts'
import { PublicKey } from '../shared/identity/keys.ts'
import { BINDINGS } from '../shared/link/auth-binding.ts'
import { pingPacket } from '../shared/link/control.ts'
import { parseLinkAddress } from '../shared/link/link-address.ts'
import { type Child, startChild } from './lab/child.ts'
import { WebSocketDialler } from './links/websocket.ts'
import { HOST, stateFolder, TestEnd } from './links/wires.fixture.ts'
import type { RelayReady } from './relay-process.ts'

let child: Child<RelayReady> | undefined

afterEach(() => child?.stop())

/** What has come so far, and waiting for more without keeping the one processor busy. */
class Heard<T> {
  readonly all: T[] = []
  private readonly waiting: (() => void)[] = []

  readonly add = (each: T): void => {
    this.all.push(each)
    for (const look of this.waiting.splice(0)) look()
  }

  async until(predicate: (all: readonly T[]) => boolean): Promise<void> {
    while (!predicate(this.all)) await new Promise<void>((resolve) => this.waiting.push(resolve))
  }
}

/** A relay as a process of its own, whose gateway serves TLS. */
async function startRelay(folder: string, lines: Heard<string>): Promise<Child<RelayReady>> {
  const config = join(folder, 'relay.yaml')
  await writeFile(
    config,
    `
lab: true
network: test
udp: { host: ${HOST}, portMapping: false }
gateway: { enabled: true, port: 0, tls: true }
links: { tcp: { port: 0 } }
bootstrapDefaults: false
discovery: { enabled: false }
`,
  )
  return startChild<RelayReady>('relay', 'sources', ['run', '--config', config], lines.add)
}

/** The certificate that whoever connects now is shown. */
function fingerprintAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: HOST, port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256)
      socket.destroy()
    })
    socket.once('error', reject)
  })
}

/** A process is started, on a machine that may be busy. */
const TIMEOUT_MS = 180_000

describe('TLS of a relay that runs (L-01, L-03)', () => {
  it(
    'shows another certificate after SIGHUP, without a link lost; one that is damaged changes nothing',
    async () => {
      const folder = stateFolder()
      const lines = new Heard<string>()
      const relay = await startRelay(folder, lines)
      child = relay
      const said = (text: string) => lines.until((all) => all.some((line) => line.includes(text)))
      const url = new URL(relay.ready.gateway ?? '')
      expect(url.protocol).toBe('https:')
      const port = Number(url.port)

      const left = new TestEnd()
      const dialler = new WebSocketDialler({ ...left.identity, destinations: left.destinations() })
      const address = parseLinkAddress(`wss://${HOST}:${port}/relay`)
      const publicKey = PublicKey.parse(fromHex(relay.ready.publicKey))
      const wire = await dialler.dial({ address, publicKey })
      const packets = new Heard<Uint8Array>()
      const closed: string[] = []
      wire.handTo({
        onPacket: (_link, packet) => packets.add(packet),
        onClosed: (_link, reason) => closed.push(reason),
      })
      expect(wire.binding).toBe(BINDINGS.tlsExporter)
      const pongs = async () => {
        const before = packets.all.length
        wire.link.send(pingPacket(7), 0)
        await packets.until((all) => all.length > before)
      }
      await pongs()

      const first = await fingerprintAt(port)
      await rm(join(folder, 'relay-state', 'tls.crt'))
      process.kill(relay.pid, 'SIGHUP')
      await said('read the TLS certificate anew')
      const second = await fingerprintAt(port)
      expect(second).not.toBe(first)
      await pongs()

      await writeFile(join(folder, 'relay-state', 'tls.crt'), 'garbage')
      process.kill(relay.pid, 'SIGHUP')
      await said('the TLS certificate stays as it was')
      expect(await fingerprintAt(port)).toBe(second)
      await pongs()
      expect(closed).toEqual([])
    },
    TIMEOUT_MS,
  )

  it(
    'ends the start with what is wrong with the operator’s files',
    async () => {
      const folder = stateFolder()
      const config = join(folder, 'relay.yaml')
      await writeFile(
        config,
        'udp: { host: 127.0.0.1 }\nlinks: { tls: { certificate: a.crt, key: a.key } }\n',
      )
      const start = startChild<RelayReady>('relay', 'sources', ['run', '--config', config], () => {})
      await expect(start).rejects.toThrow(`${join(folder, 'a.crt')} cannot be read: there is no such file`)
    },
    TIMEOUT_MS,
  )
})
