import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addressOf, type IpAddress } from '../shared/bytes/address.ts'
import { KeyPair } from '../shared/identity/keys.ts'
import { OLD_STYLE } from '../shared/ipv8/introduction.ts'
import { prefixOf, signedPacket, unsignedPacket } from '../shared/ipv8/packet.ts'
import type { Link } from '../shared/link/link.ts'
import type { StreamClient } from '../shared/stream/stream-client.ts'
import { Counters } from '../shared/world/counters.ts'
import type { SiteDocument } from '../web/engine/site-document.ts'
import { streamsIn } from './circuit-streams.fixture.ts'
import { listen, Recorder } from './exit/exit.fixture.ts'
import { UdpLinks } from './links/udp.ts'
import {
  COMMUNITY,
  clock,
  openPageLink,
  random,
  startRelay,
  TestOwner,
  type TestRelay,
} from './relay.fixture.ts'
import type { RelayStatus } from './relay.ts'

const HOSTS = ['127.0.0.31', '127.0.0.32', '127.0.0.33', '127.0.0.34'] as const
let relays: TestRelay[] = []

/** Polls for what only time brings: packets between the relays, which nothing here can see. */
async function until(predicate: () => boolean): Promise<void> {
  while (!predicate()) await new Promise((resolve) => setTimeout(resolve, 10))
}

beforeAll(async () => {
  const first = await startRelay(HOSTS[0], { gateway: { enabled: true, host: HOSTS[0], port: 0 } })
  const bootstrap = [first.relay.udpAddress]
  const second = await startRelay(HOSTS[1], { bootstrap })
  const exit = { enabled: true, allowNetworks: ['127.0.0.0/8'], localIpv4: HOSTS[2] }
  const third = await startRelay(HOSTS[2], { bootstrap, exit })
  relays = [first, second, third]
})

afterAll(async () => {
  await Promise.all(relays.map(({ relay }) => relay.stop()))
})

function pageLink(owner: TestOwner): Promise<Link> {
  const [first] = relays
  const url = `${first?.relay.gatewayUrl?.replace('http', 'ws')}/relay`
  return openPageLink(url, first!.keyPair.publicKey, owner)
}

async function udpLink(owner: TestOwner): Promise<{ link: Link; close(): Promise<void> }> {
  const links = await UdpLinks.bind('127.0.0.30', 0, {
    clock,
    random,
    counters: new Counters(),
    onPacket: owner.onPacket,
  })
  return { link: links.linkTo(relays[0]!.hop.address)!, close: () => links.close() }
}

describe('relays on one machine (D-04, C-01)', () => {
  it('learn of each other', async () => {
    await until(() => relays.every(({ relay }) => relay.directory.size === 2))
    const names = relays.map(({ relay }) => relay.directory.list().map(({ descriptor }) => descriptor.flags))
    expect(names.map((flags) => flags.filter((each) => each & 2).length)).toEqual([1, 1, 0])
  })

  it('meet as IPv8 peers, by walking (N-08)', async () => {
    await until(() => relays.every(({ relay }) => relay.status()?.peers === 2))
    expect(relays.map(({ relay }) => relay.status()?.relays)).toEqual([2, 2, 2])
  })

  it('serve the document that a page begins with, and log nothing about anyone (N-13)', async () => {
    const url = relays[0]!.relay.gatewayUrl!
    const document = (await (await fetch(`${url}/culvert.json`)).json()) as SiteDocument
    expect(document.lab).toBe(true)
    expect(document.networkPrefixBits).toBe(32)
    expect(document.entry.websocket).toBe('/relay')
    expect(document).toMatchObject({ minRelays: 3, overlay: 'joined' })
    for (const { logged } of relays) for (const line of logged) expect(line).not.toMatch(/\d+\.\d+\.\d+/)
  })

  it('name their neighbours in the log to who asks for level debug (N-13)', () => {
    const [first, second] = relays
    const walked = second!.debugged.filter((line) => line.startsWith('walk: ')).at(-1)
    expect(walked).toMatch(/^walk: joined; peers: /)
    expect(walked).toContain(first!.relay.udpAddress)
  })

  it('say how they stand, to programs of this machine, without a word of who is there (N-13)', async () => {
    const response = await fetch(`${relays[0]!.relay.gatewayUrl}/status.json`)
    const text = await response.text()
    const status = JSON.parse(text) as RelayStatus
    expect(status).toMatchObject({ state: 'joined', relays: 2, relayOnly: false })
    expect(status.peers).toBeGreaterThan(0)
    expect(status.counters['udp-sent-bytes']).toBeGreaterThan(status.counters['udp-sent'] ?? 0)
    expect(status.counters['udp-received-bytes']).toBeGreaterThan(0)
    expect(text).not.toMatch(/\d+\.\d+\.\d+\.\d+|[0-9a-f]{16}/)
  })

  it.each([1, 2, 3])(
    'carry a circuit of %i hops and UDP through its exit (C-02, C-03, C-08)',
    async (hops) => {
      const target = createSocket('udp4')
      const heard: string[] = []
      target.on('message', (data, from) => {
        heard.push(from.address)
        target.send(data, from.port, from.address)
      })
      target.bind(0, '127.0.0.1')
      await once(target, 'listening')
      const owner = new TestOwner()
      const viaUdp = hops === 1 ? await udpLinkTo(owner, relays[2]!) : undefined
      const link = viaUdp?.link ?? (await pageLink(owner))
      const path = [[relays[2]!], [relays[0]!, relays[2]!], relays][hops - 1]!.map(({ hop }) => hop)
      const circuit = await owner.build(link, path)
      expect(circuit.state).toBe('ready')
      const destination = addressOf('127.0.0.1', target.address().port)
      circuit.sendDatagram(destination, new TextEncoder().encode(`d${hops}e`))
      await owner.until(() => owner.datagrams.length === 1)
      expect(owner.datagrams[0]).toEqual({ origin: destination, data: `d${hops}e` })
      expect(heard).toEqual([HOSTS[2]])
      circuit.destroy('unneeded')
      link.close('unneeded')
      await viaUdp?.close()
      target.close()
    },
  )

  it('carry a circuit whose owner comes by UDP (C-01)', async () => {
    const owner = new TestOwner()
    const { link, close } = await udpLink(owner)
    const circuit = await owner.build(
      link,
      relays.map(({ hop }) => hop),
    )
    expect(circuit.state).toBe('ready')
    expect(circuit.hops.every((hop) => hop.state === 'proven')).toBe(true)
    expect(relays[1]!.relay.status()?.router.relaying).toBeGreaterThanOrEqual(1)
    circuit.destroy('unneeded')
    await close()
  })

  it('refuse what is no BitTorrent, and what the policy refuses (O-06)', async () => {
    const owner = new TestOwner()
    const link = await pageLink(owner)
    const circuit = await owner.build(
      link,
      relays.map(({ hop }) => hop),
    )
    const { counters } = relays[2]!
    const bencoded = new TextEncoder().encode('de')
    circuit.sendDatagram(addressOf('127.0.0.1', 9), new TextEncoder().encode('GET / HTTP/1.1'))
    circuit.sendDatagram(addressOf('10.0.0.1', 9), bencoded)
    circuit.sendDatagram(addressOf('::ffff:127.0.0.1', 9), bencoded)
    circuit.sendDatagram(addressOf('2130706433', 9), bencoded)
    await until(() => counters.get('exit-destination-refused') >= 3)
    expect(counters.get('exit-udp-content-refused')).toBe(1)
    circuit.destroy('unneeded')
    link.close('unneeded')
  })

  describe('and streams through their exit', () => {
    let owner: TestOwner
    let link: Link
    let streams: StreamClient
    const stops: (() => Promise<void>)[] = []

    beforeAll(async () => {
      owner = new TestOwner()
      link = await pageLink(owner)
      const circuit = await owner.build(
        link,
        relays.map(({ hop }) => hop),
      )
      streams = streamsIn(circuit, owner)
    })

    afterAll(async () => {
      streams.circuitClosed()
      owner.circuit?.destroy('unneeded')
      link.close('unneeded')
      for (const stop of stops) await stop()
    })

    it('carry 1 MB there and back, whole, and close in order (C-07)', async () => {
      const addresses = new Set<string | undefined>()
      const { address, stop } = await listen((socket) => {
        addresses.add(socket.remoteAddress)
        socket.pipe(socket)
      })
      stops.push(stop)
      const events = new Recorder()
      const stream = streams.open(address, events)
      const sent = random.bytes(1_000_000)
      for (let at = 0; at < sent.length; at += 50_000) {
        if (stream.write(sent.slice(at, at + 50_000))) continue
        const drains = () => events.said.filter((word) => word === 'drained').length
        const before = drains()
        await events.until(() => drains() > before)
      }
      stream.end()
      await events.until(() => events.end !== undefined)
      expect(events.end).toBe('orderly')
      expect(Buffer.concat(events.chunks).equals(sent)).toBe(true)
      expect([...addresses]).toEqual([HOSTS[2]])
    })

    it('keep one direction open when the other is finished', async () => {
      const { address, stop } = await listen((socket) => {
        let heard = ''
        socket.on('data', (chunk) => {
          heard += chunk
        })
        socket.on('end', () => socket.end(`you said: ${heard}`))
      })
      stops.push(stop)
      const events = new Recorder()
      const stream = streams.open(address, events)
      stream.write(new TextEncoder().encode('hello'))
      stream.end()
      await events.until(() => events.end !== undefined)
      expect(events.text()).toBe('you said: hello')
    })

    it('say why a connection could not be made (O-06)', async () => {
      const gone = await listen(() => undefined)
      await gone.stop()
      const reasonFor = async (host: string, port: number) => {
        const events = new Recorder()
        streams.open(addressOf(host, port), events)
        await events.until(() => events.end !== undefined)
        return events.end
      }
      expect(await reasonFor('127.0.0.1', gone.address.port)).toBe('connection-refused')
      expect(await reasonFor('127.0.0.1', 25)).toBe('destination-refused')
      expect(await reasonFor('10.0.0.1', 80)).toBe('destination-refused')
      expect(await reasonFor('::ffff:127.0.0.1', 80)).toBe('destination-refused')
      expect(await reasonFor('localhost', 80)).toBe('destination-refused')
      expect(await reasonFor('0x7f000001', 80)).toBe('destination-refused')
    })
  })

  it.each([
    ['no relay’s place', '10.0.0.1'],
    ['of the other IP version', '2606:4700::1111'],
  ])('refuse to extend to addresses that are %s', async (_, host) => {
    const owner = new TestOwner()
    const link = await pageLink(owner)
    const [relay] = relays
    const before = relay!.counters.get('extend-refused')
    const path = [
      relay!.hop,
      {
        publicKey: KeyPair.generate(random).publicKey,
        address: addressOf(host, 80) as never,
        name: 'x',
      },
    ]
    const circuit = await owner.build(link, path)
    expect(circuit.state).toBe('closed')
    expect(owner.closedFor).toBe('destroyed')
    expect(relay!.counters.get('extend-refused')).toBe(before + 1)
    link.close('unneeded')
  })

  it.each(['127.0.0.35', '::1'])(
    'that speak both IP versions at one port extend circuits to %s (N-01, C-03)',
    async (host) => {
      const both = await startRelay('::')
      const next = await startRelay(host)
      const owner = new TestOwner()
      const { port } = both.hop.address
      const links = await UdpLinks.bind('::', 0, {
        clock,
        random,
        counters: new Counters(),
        onPacket: owner.onPacket,
      })
      // In by one IP version, on by the other.
      const entry = addressOf(host === '::1' ? '127.0.0.1' : '::1', port) as IpAddress
      const circuit = await owner.build(links.linkTo(entry) as Link, [
        { ...both.hop, address: entry },
        next.hop,
      ])
      expect(circuit.state).toBe('ready')
      circuit.destroy('unneeded')
      await links.close()
      await both.relay.stop()
      await next.relay.stop()
    },
  )

  it('send nothing into a private network that a stranger names (N-08, O-06)', async () => {
    const { relay, counters } = await startRelay(HOSTS[3], { lab: false })
    const links = await UdpLinks.bind('127.0.0.30', 0, {
      clock,
      random,
      counters: new Counters(),
      onPacket: () => {},
    })
    const target = createSocket('udp4')
    target.bind(0, '127.0.0.1')
    await once(target, 'listening')
    const walkerWan = addressOf('127.0.0.1', target.address().port) as IpAddress
    const packet = unsignedPacket(
      prefixOf(COMMUNITY),
      OLD_STYLE.punctureRequestId,
      OLD_STYLE.punctureRequest,
      { time: 1n, walkerLan: walkerWan, walkerWan, identifier: 7 },
    )
    let reached = 0
    target.on('message', () => reached++)
    const link = links.linkTo(addressOf(HOSTS[3], Number(relay.udpAddress.split(':')[1])))
    // Only who has introduced himself is punctured for; the answer to him is refused as well.
    const introduction = signedPacket(
      prefixOf(COMMUNITY),
      OLD_STYLE.requestId,
      KeyPair.generate(random),
      OLD_STYLE.request,
      {
        time: 1n,
        destination: walkerWan,
        lan: walkerWan,
        wan: walkerWan,
        bits: 0,
        identifier: 6,
        extra: new Uint8Array(2),
      },
    )
    link?.send(introduction, 0)
    await until(() => counters.get('relay-private-address') > 0)
    link?.send(packet, 0)
    await until(() => counters.get('ipv8-puncture-target') === 1)
    expect(reached).toBe(0)
    target.close()
    await links.close()
    await relay.stop()
  })

  it('end their circuits and links when they stop (O-08)', async () => {
    const [first] = relays
    const extra = await startRelay('127.0.0.34', { bootstrap: [first!.relay.udpAddress] })
    const owner = new TestOwner()
    const { link, close } = await udpLinkTo(owner, extra)
    const circuit = await owner.build(link, [extra.hop])
    expect(circuit.state).toBe('ready')
    await extra.relay.stop()
    await owner.until(() => owner.closedFor !== undefined)
    expect(owner.closedFor).toBe('destroyed')
    await close()
  })
})

async function udpLinkTo(owner: TestOwner, relay: TestRelay) {
  const links = await UdpLinks.bind('127.0.0.30', 0, {
    clock,
    random,
    counters: new Counters(),
    onPacket: owner.onPacket,
  })
  return { link: links.linkTo(relay.hop.address)!, close: () => links.close() }
}
