import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Address } from '../../shared/bytes/address.ts'
import { FLAG_EXIT_HTTP } from '../../shared/ipv8/constants.ts'
import type { Circuit } from '../../shared/onion/circuit.ts'
import { parseConfig } from '../config.ts'
import { UdpLinks } from '../links/udp.ts'
import { clock, random, startRelay, TestOwner, type TestRelay } from '../relay.fixture.ts'
import { flagsOf } from '../relay-flags.ts'
import { listen } from './exit.fixture.ts'

const HOSTS = ['127.0.0.131', '127.0.0.132', '127.0.0.133'] as const
/** Three parts, and the last not full. */
const BODY = `d8:intervali900e5:peers3000:${'p'.repeat(3_000)}e`
const closers: (() => Promise<unknown>)[] = []
let relays: TestRelay[] = []

class Asker extends TestOwner {
  readonly responses: { identifier: number; text: string | undefined }[] = []
  readonly tests: number[] = []

  httpResponse(_circuit: Circuit, identifier: number, response: Uint8Array | undefined): void {
    this.responses.push({ identifier, text: response && Buffer.from(response).toString() })
    this.note()
  }

  tested(_circuit: Circuit, _identifier: number, data: Uint8Array): void {
    this.tests.push(data.length)
    this.note()
  }
}

beforeAll(async () => {
  const exit = { enabled: true, allowNetworks: ['127.0.0.0/8'] }
  relays = await Promise.all(HOSTS.map((host, i) => startRelay(host, i === 2 ? { exit } : {})))
})

afterAll(async () => {
  for (const close of closers.splice(0)) await close()
  await Promise.all(relays.map(({ relay }) => relay.stop()))
})

async function ready() {
  const owner = new Asker()
  const links = await UdpLinks.bind('127.0.0.130', 0, {
    clock,
    random,
    counters: owner.counters,
    onPacket: owner.onPacket,
  })
  closers.push(() => links.close())
  const [first] = relays
  const link = first && links.linkTo(first.hop.address)
  if (link === undefined) throw new RangeError('no link to the first relay')
  return {
    owner,
    circuit: await owner.build(
      link,
      relays.map(({ hop }) => hop),
    ),
  }
}

describe('what Tribler asks of exits, through three relays (C-01, C-07)', () => {
  it('an announce by HTTP, in parts that go as IP fragments', async () => {
    const requests: string[] = []
    const tracker = await listen((socket) =>
      socket.on('data', (data) => {
        requests.push(data.toString())
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`)
      }),
    )
    closers.push(tracker.stop)
    const { owner, circuit } = await ready()
    const request = 'GET /announce HTTP/1.1\r\nHost: t\r\n\r\n'
    const target: Address = tracker.address
    const identifier = circuit.httpRequest(target, Uint8Array.from(Buffer.from(request)))
    await owner.until(() => owner.responses.length > 0)
    expect(requests).toEqual([request])
    expect(owner.responses[0]?.identifier).toBe(identifier)
    expect(owner.responses[0]?.text?.endsWith(`\r\n\r\n${BODY}`)).toBe(true)
    expect(relays[2]?.counters.get('exit-http-answered')).toBe(1)
    circuit.destroy('unneeded')
  })

  it('a speed test with identifiers of two bytes and of four', async () => {
    const { owner, circuit } = await ready()
    circuit.sendTest(700, new Uint8Array(20))
    circuit.sendTest(800, new Uint8Array(20), true)
    await owner.until(() => owner.tests.length === 2)
    expect(owner.tests.toSorted()).toEqual([700, 800])
    circuit.destroy('unneeded')
  })

  it('is announced by exits for TCP, and by those that are told to', () => {
    const exits = [{ enabled: false }, { tcp: false }, {}, { tcp: false, http: true }, { http: false }]
    const flags = exits.map((exit) => {
      const config = parseConfig(JSON.stringify({ exit: { enabled: true, ...exit } }), 'test')
      return (flagsOf(config.exit) & FLAG_EXIT_HTTP) !== 0
    })
    expect(flags).toEqual([false, false, true, true, false])
  })
})
