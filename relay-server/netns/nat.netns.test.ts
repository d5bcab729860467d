import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Received } from './datagram-agent.ts'
import { Topology } from './namespaces.ts'
import { hostBehindNat, type NatKind } from './nat.ts'
import { type Place, Remote } from './remote.ts'

const KINDS: readonly NatKind[] = ['full-cone', 'address-restricted', 'port-restricted', 'symmetric']
const PORT = 6421
const OTHER_PORT = 7000
const [FIRST, SECOND, STRANGER] = ['9.1.0.1', '9.2.0.1', '9.3.0.1'] as const

const topology = new Topology()
let agent: Remote
const places: Place[] = []
/** The socket at an address outside, or of the host behind the NAT of a kind. */
const socketAt = (host: string, port = PORT) =>
  places.findIndex((place) => place.host === host && place.port === port)

beforeAll(async () => {
  const outside = topology.segment('outside')
  for (const host of [FIRST, SECOND, STRANGER]) {
    const namespace = topology.namespace('outside')
    outside.attach(namespace, `${host}/8`)
    places.push({ namespace, host, port: PORT })
    if (host === FIRST) places.push({ namespace, host, port: OTHER_PORT })
  }
  for (const [i, kind] of KINDS.entries()) {
    const { host: namespace, lan } = hostBehindNat(topology, outside, kind, i, `9.10.${i}.1/8`)
    places.push({ namespace, host: lan, port: PORT })
  }
  agent = new Remote(topology, 'datagram-agent.ts', places)
  await Promise.all(places.map((_, i) => agent.call('open', i)))
})

afterAll(() => topology.close())

/** Sends from inside to a host outside. @returns where it comes from, as seen there */
async function mapping(inside: number, host: string): Promise<Received> {
  await agent.call('send', inside, host, PORT, 'out')
  const [seen] = await agent.call<Received[]>('receivedUntil', socketAt(host), 'out')
  return seen as Received
}

describe('NATs made of nftables (N-10)', () => {
  it.each<[NatKind, { samePort: boolean; letsIn: readonly string[] }]>([
    ['full-cone', { samePort: true, letsIn: ['same port', 'other port', 'stranger'] }],
    ['address-restricted', { samePort: true, letsIn: ['same port', 'other port'] }],
    ['port-restricted', { samePort: true, letsIn: ['same port'] }],
    ['symmetric', { samePort: false, letsIn: ['same port'] }],
  ])('%s: maps and filters as its name says', async (kind, { samePort, letsIn }) => {
    const index = KINDS.indexOf(kind)
    const inside = socketAt(`192.168.${100 + index}.2`)
    const unasked = 'before anything was sent'
    await agent.call('send', socketAt(FIRST), `9.10.${index}.1`, PORT, unasked)
    const first = await mapping(inside, FIRST)
    const second = await mapping(inside, SECOND)
    expect([first.host, second.host]).toEqual([`9.10.${index}.1`, `9.10.${index}.1`])
    expect(first.port === second.port).toBe(samePort)
    // The one that passes every NAT is sent last: the others have had their time when it arrives.
    await agent.call('send', socketAt(STRANGER), first.host, first.port, 'stranger')
    await agent.call('send', socketAt(FIRST, OTHER_PORT), first.host, first.port, 'other port')
    await agent.call('send', socketAt(FIRST), first.host, first.port, 'same port')
    const arrived = await agent.call<Received[]>('receivedUntil', inside, 'same port')
    expect(arrived.map(({ text }) => text).sort()).toEqual([...letsIn].sort())
  })

  it('symmetric: keeps the mapping of one destination', async () => {
    const inside = socketAt('192.168.103.2')
    expect(await mapping(inside, FIRST)).toEqual(await mapping(inside, FIRST))
  })
})
