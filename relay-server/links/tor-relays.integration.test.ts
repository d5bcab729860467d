import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NO_ADDRESS } from '../../shared/bytes/address.ts'
import { toHex } from '../../shared/bytes/bytes.ts'
import type { Link } from '../../shared/link/link.ts'
import { echoThrough, streamsIn } from '../circuit-streams.fixture.ts'
import type { RelayConfigInput } from '../config.ts'
import { listen } from '../exit/exit.fixture.ts'
import { openPageLink, startRelay, TestOwner, type TestRelay } from '../relay.fixture.ts'
import { startTorNet, TOR_NET_MS, type TorNet } from './tor-net.fixture.ts'
import { eventually } from './tor-process.fixture.ts'

const folder = mkdtempSync(join(tmpdir(), 'culvert-tor-relays-'))
let net: TorNet
let entry: TestRelay
let exit: TestRelay
let target: Awaited<ReturnType<typeof listen>>

/** Relays outside of a lab: on this machine they may reach each other in no way but over Tor. */
function configOf(client: number, more: RelayConfigInput = {}): RelayConfigInput {
  const tor = net.clients[client]
  return {
    lab: false,
    ...more,
    links: {
      connectSeconds: 10,
      reconnectSeconds: 1,
      retrySeconds: 1,
      tries: 100,
      min: 1,
      ...more.links,
      tor: {
        enabled: true,
        socks: `127.0.0.1:${tor?.socksPort}`,
        control: `127.0.0.1:${tor?.tor.controlPort}`,
      },
    },
    udp: { host: client === 0 ? '127.0.0.71' : '127.0.0.72', port: 0, portMapping: false },
  }
}

beforeAll(async () => {
  net = await startTorNet()
  target = await listen((socket) => void socket.pipe(socket))
  const state = join(folder, 'exit')
  exit = await startRelay(
    '127.0.0.71',
    configOf(0, { state, exit: { enabled: true, allowNetworks: ['127.0.0.0/8'] } }),
  )
  const name = await eventually('the name of the onion service', async () => {
    try {
      return readFileSync(join(state, 'tor-onion.name'), 'latin1').trim()
    } catch {
      return undefined
    }
  })
  const key = toHex(exit.keyPair.publicKey.bytes)
  entry = await startRelay(
    '127.0.0.72',
    configOf(1, {
      gateway: { enabled: true, host: '127.0.0.72', port: 0 },
      links: { firstRing: [{ key, addresses: [`tor://${name}:6667`] }] },
    }),
  )
}, TOR_NET_MS)
afterAll(async () => {
  await Promise.all([entry, exit].map((each) => each?.relay.stop()))
  await target?.stop()
  await net?.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** What the entry has of links with other relays now. */
const linksOf = ({ relay }: TestRelay) =>
  (relay.status()?.links.neighbours ?? []).filter(({ status }) => status === 'open')

const linked = () =>
  eventually('the link over Tor', async () => linksOf(entry).some(({ kinds }) => kinds.includes('tor')))

/** A page's link to the entry, a circuit over it to the exit, and 100 kB through that and back. */
async function stream(): Promise<void> {
  const owner = new TestOwner()
  const url = `${entry.relay.gatewayUrl?.replace('http', 'ws')}/relay`
  const link: Link = await openPageLink(url, entry.keyPair.publicKey, owner)
  const circuit = await owner.build(link, [entry.hop, { ...exit.hop, address: NO_ADDRESS, culvert: true }])
  expect(circuit.state).toBe('ready')
  const streams = streamsIn(circuit, owner)
  expect(await echoThrough(streams, target.address, 100_000)).toEqual({ end: 'orderly', whole: true })
  streams.circuitClosed()
  circuit.destroy('unneeded')
  link.close('unneeded')
}

describe('two relays that know each other by an onion address alone (L-01, L-04)', {
  timeout: 240_000,
}, () => {
  it('link over Tor, and in no other way', async () => {
    await linked()
    expect(linksOf(entry).map(({ kinds }) => kinds)).toEqual([['tor']])
    expect(linksOf(entry)[0]?.wires[0]).toMatchObject({ kind: 'tor', binding: 3, initiated: true })
  })

  it('carry a circuit and its stream over that link', async () => {
    await stream()
  })

  it('come back by themselves when tor was restarted, on either side', async () => {
    for (const { tor } of net.clients) {
      await tor.stop()
      await eventually('the loss of the link', async () => linksOf(entry).length === 0)
      await tor.start()
      await linked()
      await stream()
    }
    expect(exit.logged.join('\n')).toMatch(/tor is back: the onion service is published again/)
    expect([...entry.logged, ...exit.logged].join('\n')).not.toMatch(/[a-z2-7]{56}|\d+\.\d+\.\d+\.\d+/)
  })
})
