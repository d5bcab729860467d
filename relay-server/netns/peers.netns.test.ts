import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { IpAddress } from '../../shared/bytes/address.ts'
import type { WalkStatus } from '../../shared/ipv8/walker.ts'
import { Topology } from './namespaces.ts'
import { hostBehindNat, type NatKind } from './nat.ts'
import type { Acquaintances, CircuitReport, PeerSpec } from './peers.ts'
import { type Place, Remote } from './remote.ts'

const KINDS: readonly NatKind[] = ['full-cone', 'address-restricted', 'port-restricted', 'symmetric']
const PORT = 6421
const PUBLIC = 'public'
const topology = new Topology()
let remote: Remote

/** Where each peer is seen from outside: the host of its router. */
const outsideHosts = new Map<string, string>([[PUBLIC, '9.1.0.1']])
const ipv4 = (host: string): IpAddress => ({ kind: 'ipv4', host, port: PORT })

beforeAll(async () => {
  const outside = topology.segment('outside')
  const namespace = topology.namespace(PUBLIC)
  outside.attach(namespace, '9.1.0.1/8')
  const places: Place[] = [{ namespace, host: '9.1.0.1', port: PORT }]
  const specs: PeerSpec[] = [{ name: PUBLIC, lan: ipv4('9.1.0.1') }]
  for (const [i, kind] of [...KINDS, ...KINDS].entries()) {
    const { host, lan, wan } = hostBehindNat(topology, outside, kind, i, `9.${10 + i}.0.1/8`)
    const name = `${kind} ${i < KINDS.length ? 'A' : 'B'}`
    outsideHosts.set(name, wan)
    places.push({ namespace: host, host: lan, port: PORT })
    specs.push({ name, lan: ipv4(lan), bootstrap: ipv4('9.1.0.1') })
  }
  remote = new Remote(topology, 'peers.ts', places)
  await Promise.all(specs.map((spec, i) => remote.call('start', i, spec)))
})

afterAll(() => topology.close())

const acquaintances = (of: string) => remote.call<Acquaintances>('acquaintances', of)
const circuit = (owner: string, ...path: string[]) => remote.call<CircuitReport>('circuit', owner, path)
/** Whether both know each other, at the address of the other's router. */
async function haveMet(a: string, b: string): Promise<boolean> {
  const [ofA, ofB] = await Promise.all([acquaintances(a), acquaintances(b)])
  const at = (place: string | undefined, name: string) =>
    place?.startsWith(`${outsideHosts.get(name)}:`) === true
  return at(ofA[b], b) && at(ofB[a], a)
}
const until = (what: () => Promise<unknown>) => vi.waitFor(what, { timeout: 45_000, interval: 250 })

/** A puncture opens a NAT for one address and port: of no use against a symmetric one, whose next port nobody knows. */
const canMeet = (a: NatKind, b: NatKind) =>
  !(
    (a === 'symmetric' && (b === 'symmetric' || b === 'port-restricted')) ||
    (b === 'symmetric' && a === 'port-restricted')
  )
const PAIRS = KINDS.flatMap((a, i) => KINDS.slice(i).map((b) => [a, b] as const))

describe('peers behind NATs (N-08, N-10)', () => {
  it.each(PAIRS.filter(([a, b]) => canMeet(a, b)))('%s and %s meet by puncture', async (a, b) => {
    await until(async () => expect(await haveMet(`${a} A`, `${b} B`)).toBe(true))
    expect(await circuit(`${a} A`, `${b} B`)).toEqual({ state: 'ready', answered: true })
  })

  it.each(KINDS)('%s knows the public peer', async (kind) => {
    await until(async () => expect(await haveMet(`${kind} A`, PUBLIC)).toBe(true))
  })

  it.each(PAIRS.filter(([a, b]) => !canMeet(a, b)))(
    '%s and %s do not meet, and reach each other through the public peer',
    async (a, b) => {
      expect(await haveMet(`${a} A`, `${b} B`)).toBe(false)
      expect(await circuit(`${a} A`, PUBLIC, `${b} B`)).toEqual({ state: 'ready', answered: true })
      expect(await circuit(`${b} B`, PUBLIC, `${a} A`)).toEqual({ state: 'ready', answered: true })
    },
  )

  it('know what kind of NAT they are behind, and say so where it keeps others out', async () => {
    const nat = async (of: string) => {
      const { nat, relayOnly } = await remote.call<WalkStatus>('status', of)
      return { nat, relayOnly }
    }
    for (const name of ['A', 'B']) {
      await until(async () =>
        expect(await nat(`symmetric ${name}`)).toEqual({ nat: 'likely-symmetric', relayOnly: true }),
      )
    }
    // Most punctures of port-restricted peers may fail, against symmetric ones: that is not their own NAT's doing. And a peer whom
    // all others have met of their own accord has seen no puncture work: it says that it does not know.
    for (const kind of KINDS.filter((each) => each !== 'symmetric')) {
      await until(async () => {
        const two = [await nat(`${kind} A`), await nat(`${kind} B`)]
        expect(two.map(({ relayOnly }) => relayOnly)).toEqual([false, false])
        expect(two.map((each) => each.nat)).toContain('cone')
      })
    }
    await until(async () => expect(await nat(PUBLIC)).toEqual({ nat: 'open', relayOnly: false }))
  })

  it('receive the punctures that were asked for, but not at a port that is open to another alone', async () => {
    const received = async (kind: NatKind) => {
      const pair = [`${kind} A`, `${kind} B`].map((name) =>
        remote.call<Record<string, number>>('counters', name),
      )
      const counts = (await Promise.all(pair)).map((counters) => counters['ipv8-puncture-received'] ?? 0)
      return Math.max(...counts) > 0
    }
    expect(await received('address-restricted')).toBe(true)
    expect(await received('port-restricted')).toBe(true)
    expect(await received('symmetric')).toBe(false)
  })
})
