import { describe, expect, it } from 'vitest'
import type { IpAddress } from '../bytes/address.ts'
import { decodeDictionary, encodeBencode } from '../bytes/bencode.ts'
import { KeyPair } from '../identity/keys.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { EXIT_PROBE } from './exit-probe-constants.ts'
import { echoFor, probePath } from './exit-probe-paths.ts'
import type { ProbeRelay } from './exit-probe-ports.ts'
import { StrangerPings, StrangerShares } from './exit-probe-strangers.ts'

const random = new SeededRandom(1)
const ipv4 = (host: string, port = 7000): IpAddress => ({ kind: 'ipv4', host, port })
const ECHO = ipv4('192.0.2.1')

function relay(host: string, exit: boolean, more: Partial<ProbeRelay> = {}): ProbeRelay {
  const address = ipv4(host)
  const { publicKey } = KeyPair.generate(random)
  return {
    publicKey,
    name: host,
    address,
    claimed: [address],
    exit,
    stream: exit,
    bytesPerSecond: 0,
    ...more,
  }
}

const exits = [relay('198.51.1.1', true), relay('198.51.2.1', true), relay('198.51.3.1', true)]
const middles = [relay('198.51.4.1', false), relay('198.51.5.1', false), relay('198.51.6.1', false)]
const others = [...exits, ...middles]

const paths = (candidate: ProbeRelay, more: Partial<Parameters<typeof probePath>[0]> = {}) =>
  Array.from({ length: 60 }, () =>
    probePath({
      candidate,
      others,
      echoes: [ECHO],
      mayShare: (a, b) => a !== b,
      random,
      settings: EXIT_PROBE,
      ...more,
    }),
  )

describe('paths of probes (issue 4)', () => {
  it('end at an exit mostly, and have it in the middle at times, never alone and never twice', () => {
    const candidate = relay('198.51.9.1', true)
    const all = paths(candidate)
    const last = all.filter((each) => each?.path.at(-1) === candidate)
    expect(last.length).toBeGreaterThan(30)
    expect(last.length).toBeLessThan(60)
    for (const each of all) {
      expect(new Set(each?.path).size).toBe(each?.path.length)
      expect([2, 3]).toContain(each?.path.length)
      expect(each?.control).toEqual(each?.path.filter((hop) => hop !== candidate))
      expect(each?.destination).toBe(ECHO)
    }
  })

  it('have a relay that is no exit in the middle, before one', () => {
    const candidate = relay('198.51.9.1', false)
    for (const each of paths(candidate)) {
      expect(each?.path.indexOf(candidate)).toBe(1)
      expect(each?.path.at(-1)?.exit).toBe(true)
      expect(each?.controlDestination).toBe(ECHO)
    }
  })

  it('ask the last hop itself where nobody can reach us, or no exit is known', () => {
    for (const more of [{ echoes: [] }, { others: middles }]) {
      for (const each of paths(relay('198.51.9.1', false), more)) expect(each?.destination).toBeUndefined()
    }
  })

  it('are none where no two others may share a circuit with it', () => {
    const candidate = relay('198.51.9.1', false)
    expect(paths(candidate, { mayShare: () => false }).every((each) => each === undefined)).toBe(true)
    expect(paths(candidate, { others: middles.slice(0, 1) }).every((each) => each === undefined)).toBe(true)
  })

  it('do not ask of an exit what it says that it refuses, nor that it reach its own machine', () => {
    expect(echoFor(relay('192.0.2.1', true), [ECHO])).toBeUndefined()
    expect(echoFor(relay('198.51.9.1', true, { letsOut: () => false }), [ECHO])).toBeUndefined()
    expect(echoFor(relay('198.51.9.1', true, { letsOut: (_, kind) => kind === 'udp' }), [ECHO])).toBe(ECHO)
    const only6: IpAddress = { kind: 'ipv6', host: '2001:db8::1', port: 7000 }
    expect(echoFor(relay('198.51.9.1', true, { claimed: [only6] }), [ECHO])).toBeUndefined()
  })
})

describe('pings to strangers (issue 4)', () => {
  it('count answers to what was asked, once each, and nothing else', () => {
    const pings = new StrangerPings(random)
    const asked = decodeDictionary(pings.next())
    const id = new Uint8Array(20)
    const answer = encodeBencode({ t: asked.string('t'), y: 'r', r: { id } })
    pings.receive(encodeBencode({ t: random.bytes(4), y: 'r', r: { id } }))
    pings.receive(encodeBencode({ t: asked.string('t'), y: 'e', e: [201, 'no'] }))
    pings.receive(random.bytes(50))
    expect([pings.asked, pings.answered]).toEqual([1, 0])
    pings.receive(answer)
    pings.receive(answer)
    expect([pings.asked, pings.answered]).toEqual([1, 1])
  })

  it('are judged by what the other exits get, the exit itself left out', () => {
    const shares = new StrangerShares(EXIT_PROBE)
    shares.note('a', 6, 6)
    shares.note('b', 6, 3)
    expect(shares.others('x')).toBeUndefined()
    shares.note('c', 6, 0)
    expect(shares.others('x')).toBe(0.5)
    expect(shares.others('b')).toBeUndefined()
    shares.note('d', 0, 0)
    expect(shares.others('b')).toBeUndefined()
  })
})
