import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { formatLinkAddress } from '../../shared/link/link-address.ts'
import { ConfigError, parseConfig } from '../config.ts'
import { FakeControlPort } from './tor-control.fixture.ts'
import { TorLinks, type TorLinksOptions } from './tor-links.ts'
import { HOST, stateFolder, TestEnd, until } from './wires.fixture.ts'

const ID = `${'a'.repeat(55)}d`
const KEY = `ED25519-V3:${'A'.repeat(86)}==`

const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

/** A tor that makes whatever service is asked of it. */
async function fakeTor(): Promise<FakeControlPort> {
  const port = new FakeControlPort((line) => {
    if (line.startsWith('PROTOCOLINFO')) return '250-AUTH METHODS=NULL\r\n250 OK\r\n'
    if (!line.startsWith('ADD_ONION')) return '250 OK\r\n'
    return `250-ServiceID=${ID}\r\n250-PrivateKey=${KEY}\r\n250 OK\r\n`
  })
  await port.start()
  stops.push(() => port.stop())
  return port
}

function makeLinks(tor: object, openGateway?: TorLinksOptions['openGateway']): TorLinks {
  const end = new TestEnd()
  const links = new TorLinks({
    ...end.identity,
    config: parseConfig(JSON.stringify({ state: stateFolder(), links: { tor } }), 'test'),
    log: { error: () => undefined, info: () => undefined, debug: () => undefined },
    onWire: end.onWire,
    ...(openGateway && { openGateway }),
  })
  stops.push(() => links.stop())
  return links
}

/** The ports that the relay asked tor for, by virtual port. */
function portsOf(tor: FakeControlPort): Record<string, string> {
  const line = tor.commands.find((each) => each.startsWith('ADD_ONION')) ?? ''
  return Object.fromEntries([...line.matchAll(/Port=(\d+),(\S+)/g)].map(([, from, to]) => [from, to]))
}

describe('what a relay does over Tor, by its configuration (L-01, L-02)', () => {
  it('dials, and has no service, where it is told of no control port', async () => {
    const links = makeLinks({ enabled: true })
    await links.start()
    expect([links.onion, links.addresses()]).toEqual([undefined, []])
    expect(links.dialler.kind).toBe('tor')
  })

  it('has tor send links to its own port, and tells its address once it can be found', async () => {
    const tor = await fakeTor()
    const links = makeLinks({ enabled: true, control: `${HOST}:${tor.port}`, port: 7001 })
    await links.start()
    await until(() => links.onion !== undefined)
    const { 7001: target = '', ...others } = portsOf(tor)
    expect(others).toEqual({})
    expect(target).toMatch(/^127\.0\.0\.1:\d+$/)
    const socket = connect(Number(target.split(':')[1]), HOST)
    await new Promise((resolve) => socket.once('connect', resolve))
    socket.destroy()
    expect(links.addresses()).toEqual([])
    tor.tell(`650 HS_DESC UPLOADED ${ID} UNKNOWN $F\r\n`)
    await until(() => links.addresses().length === 1)
    expect(links.addresses().map(formatLinkAddress)).toEqual([`tor://${ID}.onion:7001`])
  })

  it('has tor send port 80 to the door that the gateway opens for it', async () => {
    const tor = await fakeTor()
    const names: (() => string | undefined)[] = []
    const control = `${HOST}:${tor.port}`
    const links = makeLinks({ enabled: true, control, gateway: true }, async (listen, name) => {
      expect(listen).toEqual({ host: HOST, port: 0 })
      names.push(name)
      return { host: HOST, port: 8123 }
    })
    await links.start()
    await until(() => links.onion !== undefined)
    expect(portsOf(tor)['80']).toBe(`${HOST}:8123`)
    expect(names.map((name) => name())).toEqual([`${ID}.onion`])
  })

  it('leaves the gateway alone where it is not asked for, and does without where there is none', async () => {
    const tor = await fakeTor()
    let opened = 0
    const count = () => {
      opened++
      return undefined
    }
    const control = `${HOST}:${tor.port}`
    for (const gateway of [false, true]) {
      const links = makeLinks({ enabled: true, control, gateway }, count)
      await links.start()
      await until(() => links.onion !== undefined)
      await links.stop()
    }
    expect(opened).toBe(1)
    expect(Object.keys(portsOf(tor))).toEqual(['6667'])
  })

  it('uses the service that the operator made, without a word to tor', async () => {
    const tor = await fakeTor()
    const free = await fakeTor()
    await free.stop()
    const links = makeLinks({
      enabled: true,
      control: `${HOST}:${tor.port}`,
      onion: `${ID}.onion:7000`,
      listen: `${HOST}:${free.port}`,
    })
    await links.start()
    expect(links.addresses().map(formatLinkAddress)).toEqual([`tor://${ID}.onion:7000`])
    expect(tor.commands).toEqual([])
  })

  it('is refused a configuration that cannot work', () => {
    const refused = (tor: object) => () => parseConfig(JSON.stringify({ links: { tor } }), 'test')
    expect(refused({ onion: `${ID}.onion:7000` })).toThrow(ConfigError)
    expect(refused({ onion: `${ID}.onion:7000` })).toThrow(/onion needs listen/)
    const made = { onion: `${ID}.onion:7000`, listen: '127.0.0.1:7000' }
    expect(refused({ ...made, gateway: true })).toThrow(/needs gatewayListen/)
    for (const onion of ['example.org:80', 'expyuzz4wqqyqhjn.onion:80', `${ID}.onion`, `${ID}.onion:0`]) {
      expect(refused({ ...made, onion }), onion).toThrow(/should be <56 characters>\.onion:port/)
    }
    expect(refused({ ...made, gateway: true, gatewayListen: '127.0.0.1:7001' })).not.toThrow()
  })
})
