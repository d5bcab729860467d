import type { ChildProcess } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { addressOf, type IpAddress } from '../../shared/bytes/address.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { parseConfig } from '../config.ts'
import { NETWORK_CHECK_MS, RETRY_MS, STOP_MS } from './constants.ts'
import { type MapperSettings, readReport } from './messages.ts'
import { PortMapping } from './port-mapping.ts'
import { RelayPorts } from './relay-ports.ts'
import { defaultRouter, localAddressTowards } from './router.ts'

/** A mapper process that does as it is told, or does not. */
class FakeMapper extends EventEmitter {
  readonly signals: string[] = []
  readonly settings: MapperSettings

  constructor(settings: MapperSettings) {
    super()
    this.settings = settings
  }

  kill(signal: string): boolean {
    this.signals.push(signal)
    return true
  }
}

function relayPorts(config = '', lan = '192.168.1.9', gateway: string | undefined = undefined) {
  const clock = new VirtualClock()
  const mappers: FakeMapper[] = []
  const lines: string[] = []
  const mapped: (IpAddress | undefined)[] = []
  const links: (IpAddress | undefined)[] = []
  const network = { host: lan }
  const write = (line: string) => lines.push(line)
  const ports = new RelayPorts({
    config: parseConfig(config, 'relay.yaml'),
    clock,
    log: { error: write, info: write, debug: write },
    lan: () => addressOf(network.host, 6421) as IpAddress,
    gateway: gateway === undefined ? undefined : addressOf(gateway, 8080),
    onMapped: (udp, linkTcp) => {
      mapped.push(udp)
      links.push(linkTcp)
    },
    startMapper: (settings) => {
      const mapper = new FakeMapper(settings)
      mappers.push(mapper)
      return mapper as unknown as ChildProcess
    },
  })
  ports.start()
  const [mapper] = mappers
  const report = (externalHost: string, externalPort = 6421) =>
    mapper?.emit('message', {
      via: 'upnp',
      mapped: [
        { port: 6421, protocol: 'udp', externalHost, externalPort },
        { port: 6667, protocol: 'tcp', externalHost, externalPort: externalPort + 1 },
      ],
    })
  return { clock, network, mappers, mapper, lines, mapped, links, ports, report }
}

describe('the ports that a router is asked for (N-10)', () => {
  const tcp = (port: number) => ({ port, protocol: 'tcp' })

  it('are UDP, that of TCP links, and the gateway’s where others can reach it (L-01)', () => {
    const udp = { port: 6421, protocol: 'udp' }
    expect(relayPorts().mapper?.settings.ports).toEqual([udp, tcp(6667)])
    expect(relayPorts('', '192.168.1.9', '127.0.0.1').mapper?.settings.ports).toEqual([udp, tcp(6667)])
    expect(relayPorts('', '192.168.1.9', '0.0.0.0').mapper?.settings.ports).toEqual([
      udp,
      tcp(8080),
      tcp(6667),
    ])
  })

  it.each([
    ['{enabled: false}', []],
    ['{port: 0}', []],
    ['{host: 127.0.0.1}', []],
    ['{host: "::1"}', []],
    ['{publicHost: relay.example.org}', []],
    ['{port: 7000, host: 192.168.1.9}', [tcp(7000)]],
  ])('are for TCP links where they come in at a known port over IPv4: %s (L-01)', (config, ports) => {
    expect(relayPorts(`links: {tcp: ${config}}`).mapper?.settings.ports.slice(1)).toEqual(ports)
  })

  it.each([
    ['lab: true', '192.168.1.9'],
    ['udp: {portMapping: false}', '192.168.1.9'],
    ['udp: {publicHost: 203.0.113.7}', '192.168.1.9'],
    ['', '127.0.0.1'],
    ['', '93.184.216.34'],
    ['', '2a00:1450::7'],
  ])('are none with %j at %s', (config, lan) => {
    const { mappers, ports } = relayPorts(config, lan)
    expect(mappers).toEqual([])
    expect(ports.state).toBe('off')
  })

  it('lead to the router’s address, unless that is private itself', () => {
    const { report, mapped, links, lines, ports } = relayPorts()
    expect(ports.state).toBe('asking')
    report('93.184.216.34', 40_000)
    report('93.184.216.34', 40_000)
    report('100.64.0.9')
    expect(mapped).toEqual([addressOf('93.184.216.34', 40_000), undefined])
    expect(links).toEqual([addressOf('93.184.216.34', 40_001), undefined])
    expect(ports.state).toBe('upnp')
    expect(lines).toEqual([
      "the router sends this relay's port here (UPnP)",
      "the router sends this relay's port here (UPnP), but is behind another router itself",
    ])
  })
})

describe('a network that comes late, or changes (N-10, O-06)', () => {
  it('is asked for ports as soon as there is one', () => {
    const { clock, network, mappers, ports } = relayPorts('', '127.0.0.1')
    expect([mappers.length, ports.state]).toEqual([0, 'off'])
    network.host = '192.168.1.9'
    clock.advance(NETWORK_CHECK_MS)
    expect([mappers.length, ports.state]).toEqual([1, 'asking'])
    clock.advance(10 * NETWORK_CHECK_MS)
    expect(mappers).toHaveLength(1)
  })

  it('is asked once the ports of the one before have been taken back, and is not if it is no home’s', async () => {
    const { clock, network, mappers, report, mapped, ports } = relayPorts()
    report('93.184.216.34')
    network.host = '10.1.2.3'
    clock.advance(NETWORK_CHECK_MS)
    expect(mapped.at(-1)).toBeUndefined()
    expect(mappers.map(({ signals }) => signals)).toEqual([['SIGTERM']])
    mappers[0]?.emit('exit', 0)
    await Promise.resolve()
    expect([mappers.length, ports.state]).toEqual([2, 'asking'])
    network.host = '93.184.216.35'
    clock.advance(NETWORK_CHECK_MS)
    mappers[1]?.emit('exit', 0)
    await Promise.resolve()
    expect([mappers.length, ports.state]).toEqual([2, 'off'])
    await ports.stop()
    expect(clock.idle).toBe(true)
  })

  it('is not asked any more where the relay stops meanwhile', async () => {
    const { clock, network, mapper, mappers, ports } = relayPorts()
    network.host = '10.1.2.3'
    clock.advance(NETWORK_CHECK_MS)
    const stopped = ports.stop()
    mapper?.emit('exit', 0)
    await stopped
    expect(mappers).toHaveLength(1)
    expect(clock.idle).toBe(true)
  })
})

describe('a router or mapper that fails (N-10, O-06)', () => {
  it('is told once, and tried again after half an hour', () => {
    const { clock, mappers, mapper, lines, ports, report, mapped } = relayPorts()
    report('93.184.216.34')
    mapper?.emit('exit', 1)
    expect(ports.state).toBe('none')
    expect(mapped.at(-1)).toBeUndefined()
    clock.advance(RETRY_MS)
    mappers[1]?.emit('error', new Error('out of processes'))
    mappers[1]?.emit('exit', 1)
    clock.advance(RETRY_MS)
    expect(mappers).toHaveLength(3)
    expect(lines.filter((line) => line.startsWith('no router'))).toHaveLength(1)
  })

  it('is tried again though not even a process could be started', async () => {
    const clock = new VirtualClock()
    const states: string[] = []
    let tries = 0
    const mapping = new PortMapping({
      ports: [{ port: 6421, protocol: 'udp' }],
      clock,
      onChange: (state) => states.push(state),
      startMapper: (settings) => {
        tries++
        if (tries < 3) throw new Error('spawn ENOMEM')
        return new FakeMapper(settings) as unknown as ChildProcess
      },
    })
    mapping.start()
    expect([states, tries]).toEqual([['none'], 1])
    clock.advance(2 * RETRY_MS)
    expect([states, tries]).toEqual([['none'], 3])
    expect(clock.idle).toBe(true)
  })

  it('does not hold up the end: it is asked to take the mapping back, and cut off', async () => {
    const { clock, mapper, ports } = relayPorts()
    const stopped = ports.stop()
    expect(mapper?.signals).toEqual(['SIGTERM'])
    clock.advance(STOP_MS)
    await stopped
    expect(mapper?.signals).toEqual(['SIGTERM', 'SIGKILL'])
    mapper?.emit('exit', null)
    clock.advance(2 * RETRY_MS)
    expect(clock.idle).toBe(true)
  })

  it('is not believed what is no report', () => {
    const good = { port: 6421, protocol: 'udp', externalHost: '93.184.216.34', externalPort: 6421 }
    expect(readReport({ via: 'nat-pmp', mapped: [good] })).toEqual({ via: 'nat-pmp', mapped: [good] })
    const bad: unknown[] = [
      null,
      'mapped',
      { via: 'pcp', mapped: [good] },
      { via: 'upnp', mapped: good },
      { via: 'upnp', mapped: [null] },
      { via: 'upnp', mapped: [good, good, good, good] },
      ...[{ externalPort: 0 }, { externalPort: 65_536 }, { externalPort: '1' }, { port: 1.5 }].map(
        (part) => ({
          via: 'upnp',
          mapped: [{ ...good, ...part }],
        }),
      ),
      ...['router.example', '', '::1', 7, '1.2.3.4.5'].map((externalHost) => ({
        via: 'upnp',
        mapped: [{ ...good, externalHost }],
      })),
      { via: 'upnp', mapped: [{ ...good, protocol: 'sctp' }] },
    ]
    for (const each of bad) expect(readReport(each)).toBeUndefined()
  })
})

describe('the way out of this network (N-10)', () => {
  it('is read as Linux tells it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'culvert-route-'))
    const path = join(folder, 'route')
    const head = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n'
    writeFileSync(
      path,
      `${head}eth0\t0032A8C0\t00000000\t0001\t0\t0\t0\neth0\t00000000\t0132A8C0\t0003\t0\t0\t0\n`,
    )
    expect(await defaultRouter(path)).toBe('192.168.50.1')
    writeFileSync(path, `${head}eth0\t00000000\t00000000\t0001\t0\t0\t0\nppp0\t00000000\tnonsense\t0\n`)
    expect(await defaultRouter(path)).toBeUndefined()
    rmSync(folder, { recursive: true })
    expect(await defaultRouter(path)).toBeUndefined()
  })

  it('has our own address on it', async () => {
    expect(await localAddressTowards('127.0.0.9')).toBe('127.0.0.1')
  })
})
