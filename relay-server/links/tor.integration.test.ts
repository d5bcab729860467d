import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { KeyPair } from '../../shared/identity/keys.ts'
import { BINDINGS } from '../../shared/link/auth-binding.ts'
import type { Link, LinkCloseReason } from '../../shared/link/link.ts'
import type { LinkAddress } from '../../shared/link/link-address.ts'
import type { Wire } from '../../shared/link/wire.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import { Counters } from '../../shared/world/counters.ts'
import { parseConfig, type RelayConfigInput } from '../config.ts'
import { NodeClock } from '../node-clock.ts'
import { NodeRandom } from '../node-random.ts'
import { codeOfPromise } from './tor-control.fixture.ts'
import { TorControl } from './tor-control.ts'
import { TorLinks } from './tor-links.ts'
import { startTorNet, TOR_NET_MS, type TorNet } from './tor-net.fixture.ts'
import { eventually, freePorts } from './tor-process.fixture.ts'

const clock = new NodeClock()
const random = new NodeRandom()
/** How long one attempt to link may take. */
const PATIENCE_MS = 10_000
const folder = mkdtempSync(join(tmpdir(), 'culvert-tor-links-'))

let net: TorNet
/** Where the onion service of torrc leads, as an operator makes one. */
let listenPort: number
const stops: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  ;[listenPort = 0] = await freePorts(1)
  const made = [`HiddenServiceDir "${folder}/service"`, `HiddenServicePort 7000 127.0.0.1:${listenPort}`]
  net = await startTorNet([made, []])
}, TOR_NET_MS)
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})
afterAll(async () => {
  await net?.stop()
  rmSync(folder, { recursive: true, force: true })
})

type TorConfig = NonNullable<NonNullable<RelayConfigInput['links']>['tor']>

class Side {
  readonly keyPair = KeyPair.generate(random)
  readonly counters = new Counters()
  readonly wires: Wire[] = []
  readonly logged: string[] = []
  readonly received: Uint8Array[] = []
  readonly closed: LinkCloseReason[] = []
  readonly links: TorLinks

  /** @param name of its state folder: the same name, the same onion service */
  constructor(name: string, tor: TorConfig) {
    const note = (line: string) => void this.logged.push(line)
    this.links = new TorLinks({
      keyPair: this.keyPair,
      network: 'test',
      clock,
      random,
      counters: this.counters,
      log: { error: note, info: note, debug: note },
      config: parseConfig(JSON.stringify({ state: join(folder, name), links: { tor } }), 'test'),
      onWire: (wire) => {
        this.wires.push(wire)
        wire.handTo(this)
      },
    })
    stops.push(() => this.links.stop())
  }

  readonly onPacket = (_link: Link, packet: Uint8Array) => void this.received.push(packet)
  readonly onClosed = (_link: Link, reason: LinkCloseReason) => void this.closed.push(reason)

  /** Its onion address, once others can find it. */
  address(): Promise<LinkAddress> {
    return eventually('the onion service to be published', async () => this.links.addresses()[0])
  }

  /**
   * Tries again, as a keeper of links does: for a while after a restart, old ways into the service are still known. Tor asks no
   * directory twice within minutes, even if all that it heard was old, unless it is told to forget.
   */
  dialUntilOpen(address: LinkAddress, to: Side): Promise<Wire> {
    return eventually('a link', () =>
      this.dial(address, to).catch(async () => {
        await clientAt(1).tor.ask('SIGNAL NEWNYM')
        return undefined
      }),
    )
  }

  async dial(address: LinkAddress, to: Side): Promise<Wire> {
    const target = { address, publicKey: to.keyPair.publicKey }
    const wire = await this.links.dialler.dial(target, AbortSignal.timeout(PATIENCE_MS))
    wire.handTo(this)
    return wire
  }
}

const clientAt = (index: number) => {
  const client = net.clients[index]
  if (!client) throw new Error('there is no such tor')
  return client
}
const socksOf = (index: number) => `127.0.0.1:${clientAt(index).socksPort}`
const controlOf = (index: number) => `127.0.0.1:${clientAt(index).tor.controlPort}`

async function until(what: string, predicate: () => boolean): Promise<void> {
  await eventually(what, async () => predicate())
}

describe('links over a real Tor network (L-01, L-02, L-03)', { timeout: 240_000 }, () => {
  it('carry packets both ways, whole and in order, and tell why they end', async () => {
    const service = new Side('service-one', { enabled: true, socks: socksOf(0), control: controlOf(0) })
    await service.links.start()
    const caller = new Side('caller', { enabled: true, socks: socksOf(1) })
    const wire = await caller.dialUntilOpen(await service.address(), service)
    await until('the wire at the other end', () => service.wires.length > 0)
    expect([wire.binding, service.wires[0]?.binding]).toEqual([BINDINGS.onion, BINDINGS.onion])
    const sizes = [1, 100, 1_472, 16_000, wire.link.mtu]
    const packets = sizes.map((size) => new SeededRandom(size).bytes(size))
    for (const packet of packets) {
      wire.link.send(packet.slice(), 5)
      service.wires[0]?.link.send(packet.slice(), 5)
    }
    await until(
      'all packets',
      () => Math.min(caller.received.length, service.received.length) === sizes.length,
    )
    expect(caller.received).toEqual(packets)
    expect(service.received).toEqual(packets)
    for (let i = 0; i < 300; i++) wire.link.send(new Uint8Array(1_400).fill(i), 5)
    await until('many packets', () => service.received.length === sizes.length + 300)
    expect(service.received.slice(sizes.length).every((packet, i) => packet[9] === (i & 0xff))).toBe(true)
    wire.link.close('unneeded')
    await until('the end at the other end', () => service.closed.length === 1)
    expect(service.closed).toEqual(['unneeded'])
    // No address of anybody, in neither log (N-13).
    expect([...service.logged, ...caller.logged].join()).not.toContain('.onion')
  })

  it('go to a service that the operator made in torrc', async () => {
    const name = readFileSync(join(folder, 'service/hostname'), 'latin1').trim()
    const service = new Side('made', {
      enabled: true,
      socks: socksOf(0),
      onion: `${name}:7000`,
      listen: `127.0.0.1:${listenPort}`,
    })
    await service.links.start()
    expect(service.links.onion).toBe(name)
    const caller = new Side('caller', { enabled: true, socks: socksOf(1) })
    const address = await service.address()
    const wire = await caller.dialUntilOpen(address, service)
    expect(wire.address).toEqual({ kind: 'tor', at: { kind: 'domain', host: name, port: 7000 } })
  })

  it('come back after tor was killed and started again, at the same address', async () => {
    const service = new Side('service-two', { enabled: true, socks: socksOf(0), control: controlOf(0) })
    await service.links.start()
    const caller = new Side('caller', { enabled: true, socks: socksOf(1) })
    const before = await service.address()
    const first = await caller.dialUntilOpen(before, service)
    const { tor } = clientAt(0)
    await tor.stop('SIGKILL')
    await until('the loss of the link', () => !first.link.open)
    await until('the loss of the service', () => service.links.addresses().length === 0)
    expect(service.logged.join()).toMatch(/goes on without its onion service/)
    await tor.start()
    expect(await service.address()).toEqual(before)
    expect(service.logged.at(-1)).toMatch(/tor is back/)
    await caller.dialUntilOpen(before, service)
    await until('the wire at the other end', () => service.wires.length > 1)
  })

  it('say what is wrong: no tor, no such service, a wrong password', async () => {
    const [nobody = 0] = await freePorts(1)
    const lost = new Side('lost', {
      enabled: true,
      socks: `127.0.0.1:${nobody}`,
      control: `127.0.0.1:${nobody}`,
    })
    await lost.links.start()
    const unknown = `${'a'.repeat(55)}d.onion`
    const at = { kind: 'tor', at: { kind: 'domain', host: unknown, port: 1 } } as const
    expect(await codeOfPromise(lost.dial(at, lost))).toBe('tor-socks-unreachable')
    await until('the word of it', () => lost.logged.length === 2)
    expect(lost.logged.join('\n')).toMatch(/SOCKS port \(ECONNREFUSED\)/)
    expect(lost.logged.join('\n')).toMatch(/control port cannot be reached: ECONNREFUSED/)

    const caller = new Side('caller', { enabled: true, socks: socksOf(1) })
    expect(['tor-onion-unreachable', 'link-aborted']).toContain(await codeOfPromise(caller.dial(at, lost)))

    const { tor } = clientAt(1)
    const hash = execFileSync('tor', ['--hash-password', 'right'], { encoding: 'latin1' })
      .trim()
      .split('\n')
      .at(-1)
    await tor.ask(`SETCONF CookieAuthentication=0 HashedControlPassword="${hash}"`)
    const port = { host: '127.0.0.1', port: tor.controlPort, clock, random }
    expect(await codeOfPromise(TorControl.open({ ...port, password: 'wrong' }))).toBe('tor-control-auth')
    expect(await codeOfPromise(TorControl.open(port))).toBe('tor-control-auth')
    const control = await TorControl.open({ ...port, password: 'right' })
    await control.command('SETCONF CookieAuthentication=1 HashedControlPassword=')
    control.close()
    expect((await tor.ask('GETINFO version'))[0]).toMatch(/^version=/)
  })
})
