import { describe, expect, it } from 'vitest'
import { formatAddress, type IpAddress } from '../bytes/address.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { INTRODUCTION_REQUEST, NEW_INTRODUCTION_REQUEST } from './constants.ts'
import { connectionTypeOf, NEW_STYLE, OLD_STYLE } from './introduction.ts'
import { Nat } from './nat.ts'
import type { PortAgreement } from './own-addresses.ts'
import { openSigned } from './packet.ts'
import { ip, NatBox, Town } from './town.fixture.ts'
import type { Walker } from './walker.ts'

const inside = (n: number): IpAddress => ({ kind: 'ipv4', host: `192.168.${n}.2`, port: 7000 })
const outside = (n: number) => `203.0.${n}.1`

/** Ten public walkers, and one behind a NAT for each of `kinds`; all know public walker 0. */
function townBehind(...kinds: ('port-restricted' | 'symmetric')[]) {
  const town = new Town()
  const start = [ip(0)]
  const open = Array.from({ length: 10 }, (_, n) => town.add(n, { bootstrap: n === 0 ? [] : start }))
  const hidden = kinds.map((kind, n) =>
    town.add(50 + n, { address: inside(n), nat: new NatBox(outside(n), kind), bootstrap: start }),
  )
  return { town, open, hidden }
}

const knows = (walker: Walker, host: string) => walker.peers().some(({ address }) => address.host === host)

describe('hole punching (N-08, N-10)', () => {
  it('lets two walkers behind port-restricted NATs meet, with the introduction of a public one', () => {
    const { town, open, hidden } = townBehind('port-restricted', 'port-restricted')
    for (const walker of [...open, ...hidden]) walker.start()
    town.clock.advance(60_000)
    const [a, b] = hidden
    expect(knows(a!, outside(1))).toBe(true)
    expect(knows(b!, outside(0))).toBe(true)
    expect(a!.wan).toEqual({ kind: 'ipv4', host: outside(0), port: 40_000 })
    expect(a!.status).toMatchObject({ nat: 'cone', relayOnly: false })
    expect(a!.status.puncturesSucceeded).toBeGreaterThan(0)
    expect(town.counters.get('ipv8-puncture-received')).toBeGreaterThan(0)
    town.stop()
  })

  it('is known for a cone’s by those who get through to it, where it never goes to anybody that it was told of', () => {
    const { town, open, hidden } = townBehind('port-restricted')
    const [a] = hidden
    for (let n = 0; n < 4; n++) a!.walkTo(ip(n))
    town.clock.advance(1_000)
    expect(a!.status).toMatchObject({ nat: 'unknown', puncturesTried: 0 })
    for (const walker of open) walker.start()
    town.clock.advance(20_000)
    expect(a!.status).toMatchObject({ nat: 'cone', relayOnly: false })
    town.stop()
  })

  it('does not come about without the puncture', () => {
    const { town, hidden } = townBehind('port-restricted', 'port-restricted')
    const [a, b] = hidden
    // Each has a mapping, and each knows the other's address; nobody has asked for a puncture.
    a!.walkTo(ip(1))
    town.clock.advance(20_000)
    b!.walkTo({ kind: 'ipv4', host: outside(0), port: 40_000 })
    town.clock.advance(20_000)
    expect(knows(b!, outside(0))).toBe(false)
    expect(knows(a!, outside(1))).toBe(false)
  })

  it('finds out about a symmetric NAT by the ports that others see, says so, and goes on with public peers', () => {
    const { town, open, hidden } = townBehind('symmetric', 'symmetric', 'port-restricted')
    for (const walker of [...open, ...hidden]) walker.start()
    town.clock.advance(60_000)
    const [a, b, restricted] = hidden
    for (const walker of [a!, b!]) {
      expect(walker.status).toMatchObject({ nat: 'likely-symmetric', relayOnly: true, state: 'joined' })
      expect(town.statuses.get(walker)?.at(-1)).toMatchObject({ nat: 'likely-symmetric', relayOnly: true })
      expect(walker.peers().length).toBeGreaterThanOrEqual(8)
    }
    expect(knows(a!, outside(1)) || knows(b!, outside(0))).toBe(false)
    expect(knows(restricted!, outside(0))).toBe(false)
    expect(restricted!.status.nat).not.toBe('likely-symmetric')
    // Its introductions say so, and nobody introduces another of the kind to it from then on.
    town.sent.length = 0
    for (const walker of [...open, ...hidden]) walker.walkTo(ip(0))
    a!.walkTo(ip(3))
    const own = town.sent.filter(({ from }) => from.startsWith(outside(0)))
    expect(own.length).toBeGreaterThan(0)
    for (const { packet } of own) {
      const { request } = packet[22] === INTRODUCTION_REQUEST ? OLD_STYLE : NEW_STYLE
      expect(connectionTypeOf(openSigned(packet, request).value.bits)).toBe('symmetric-nat')
    }
    town.clock.advance(60_000)
    const responses = town.sent.filter(
      ({ to, packet }) => to.startsWith(outside(0)) && packet[22] === OLD_STYLE.responseId,
    )
    for (const { packet } of responses) {
      expect(openSigned(packet, OLD_STYLE.response).value.introducedWan.host).not.toBe(outside(1))
    }
    town.stop()
  })

  it('meets one behind a symmetric NAT at the port that its puncture came from', () => {
    const { town, open, hidden } = townBehind('symmetric')
    for (const walker of [open[0]!, ...hidden]) walker.start()
    town.clock.advance(5_000)
    // Walker 9 has never been heard of; walker 0 introduces the hidden one, whose puncture comes from a new port.
    open[9]!.walkTo(ip(0))
    town.clock.advance(1_000)
    const [told] = open[9]!.walkable().filter(({ host, port }) => host === outside(0) && port !== 40_000)
    expect(told).toBeDefined()
    open[9]!.walkTo(told!)
    town.clock.advance(1_000)
    expect(open[9]!.peers().map(({ address }) => formatAddress(address))).toContain(formatAddress(told!))
    town.stop()
  })

  it('knows that it can be reached when strangers of three networks do so, and says that', () => {
    const { town, open } = townBehind()
    for (const n of [1, 2, 3]) open[n]!.walkTo(ip(0))
    town.clock.advance(1_000)
    expect(open[0]!.status).toMatchObject({ nat: 'open', relayOnly: false })
    town.sent.length = 0
    open[0]!.walkTo(ip(5))
    const { packet } = town.sent.find(({ packet: each }) =>
      [INTRODUCTION_REQUEST, NEW_INTRODUCTION_REQUEST].includes(each[22] as number),
    )!
    expect(connectionTypeOf(openSigned(packet, OLD_STYLE.request).value.bits)).toBe('public')
  })
})

describe('what the evidence says (N-10)', () => {
  function nat(ports: PortAgreement) {
    const clock = new VirtualClock()
    return { clock, nat: new Nat(clock, 600_000, () => ports) }
  }
  let target = 0
  const tries = (to: Nat, ...worked: boolean[]) => {
    for (const each of worked) to.puncture(ip(++target), each)
  }

  it('more than half of at least four punctures failing: likely symmetric', () => {
    const { nat: some, clock } = nat('unknown')
    tries(some, false, false, false)
    expect(some.type).toBe('unknown')
    tries(some, true)
    expect(some.type).toBe('likely-symmetric')
    tries(some, true, true)
    expect(some.type).toBe('unknown')
    tries(some, false)
    expect(some.type).toBe('likely-symmetric')
    expect([some.puncturesTried, some.puncturesSucceeded]).toEqual([7, 3])
    // One host that cannot be met counts once, at however many ports it is tried.
    for (let port = 1; port < 20; port++) some.puncture(ip(target, port), false)
    tries(some, true, true)
    expect(some.type).toBe('unknown')
    // Old evidence is none.
    tries(some, false, false)
    expect(some.type).toBe('likely-symmetric')
    clock.advance(600_000)
    expect(some.type).toBe('unknown')
  })

  it('ports that differ: likely symmetric without any try; ports that agree: much is needed against them', () => {
    expect(nat('differs').nat.type).toBe('likely-symmetric')
    const { nat: same } = nat('same')
    expect(same.type).toBe('unknown')
    tries(same, true)
    expect(same.type).toBe('cone')
    tries(same, false, false, false, false, false)
    expect(same.type).toBe('cone')
    tries(same, ...Array<boolean>(8).fill(false))
    expect(same.type).toBe('likely-symmetric')
  })

  it('strangers from three networks of the Internet: open', () => {
    const { nat: some } = nat('unknown')
    for (const n of [1, 2]) some.reachedBy(ip(n))
    some.reachedBy(ip(2, 7001))
    some.reachedBy({ kind: 'ipv4', host: '192.168.1.9', port: 7 })
    some.reachedBy({ kind: 'ipv4', host: '127.0.0.9', port: 7 })
    expect(some.type).toBe('unknown')
    some.reachedBy(ip(3))
    expect(some.type).toBe('open')
  })
})
