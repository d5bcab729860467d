import { describe, expect, it } from 'vitest'
import { addressOf, formatAddress, type IpAddress } from '../bytes/address.ts'
import { KeyPair } from '../identity/keys.ts'
import { compareDistance } from '../kademlia/distance.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { DHT_DEFAULTS } from './constants.ts'
import { type Found, Lookup, type LookupOptions } from './lookup.ts'
import type { NodeContact } from './messages.ts'
import { idOf } from './tables.ts'

const TARGET = new Uint8Array(20).fill(0x5a)
const random = new SeededRandom(3)
const key = () => KeyPair.generate(random).publicKey
const at = (host: string, port = 7000) => addressOf(host, port) as IpAddress
const node = (host: string): NodeContact => ({ address: at(host), publicKey: key() })
const nodes = (count: number, network: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => node(network(i)))
const text = ({ address }: NodeContact) => formatAddress(address)
const token = new Uint8Array(20)

interface Asked {
  readonly node: NodeContact
  readonly target: Uint8Array
  readonly done: (found: Found | undefined) => void
}

/** A lookup whose questions the test answers. */
function begin(seeds: readonly NodeContact[], more: Partial<LookupOptions> = {}) {
  const open: Asked[] = []
  const asked: Asked[] = []
  let ended = 0
  const lookup = new Lookup({
    target: TARGET,
    forceNodes: false,
    settings: DHT_DEFAULTS,
    seeds,
    ask: (each, target, _force, done) => {
      const question = { node: each, target, done }
      open.push(question)
      asked.push(question)
    },
    mayAsk: ({ address }) => !address.host.startsWith('10.'),
    isProven: () => true,
    done: () => {
      ended++
    },
    ...more,
  })
  lookup.start()
  /** Answers all until nothing is open. */
  const answerAll = (answer: (asked: Asked) => Partial<Found> | undefined) => {
    for (let next = open.shift(); next; next = open.shift()) {
      const found = answer(next)
      next.done(found && { token, values: [], nodes: [], ...found })
    }
  }
  return { lookup, open, asked, answerAll, ended: () => ended }
}

describe('a lookup in IPv8’s DHT (issue 3; K-03, K-06)', () => {
  it('goes nearer until the nearest eight have answered, four questions at a time', () => {
    const all = nodes(60, (i) => `198.51.${i}.1`)
    const byDistance = all.toSorted((a, b) => compareDistance(TARGET, idOf(a), idOf(b)))
    const { lookup, open, asked, answerAll, ended } = begin(byDistance.slice(-4))
    expect(open.length).toBe(4)
    answerAll(({ node: each }) => {
      const rank = byDistance.indexOf(each)
      return { nodes: byDistance.slice(Math.max(0, rank - 16), Math.max(8, rank - 8)) }
    })
    expect(ended()).toBe(1)
    expect(lookup.holders().map((each) => text(each.node))).toEqual(byDistance.slice(0, 8).map(text))
    expect(asked.length).toBeLessThanOrEqual(24)
  })

  it('asks 24 nodes at most, however many are named that do not answer', () => {
    const seeds = nodes(8, (i) => `198.51.${i}.1`)
    const { asked, answerAll, ended } = begin(seeds)
    answerAll(({ node: each }) =>
      seeds.includes(each) ? { nodes: nodes(8, () => `203.${asked.length}.${asked.length}.1`) } : undefined,
    )
    expect(ended()).toBe(1)
    expect(asked.length).toBeLessThanOrEqual(24)
  })

  it('asks last whom only he tells of who told of some that are not there, however near', () => {
    const [liar, honest] = [node('198.51.1.1'), node('198.51.2.1')]
    const told = nodes(9, (i) => `203.${i}.2.1`)
    told.sort((a, b) => compareDistance(TARGET, idOf(a), idOf(b)))
    const wanted = told.pop()
    if (!wanted) throw new RangeError('nobody')
    const { asked, answerAll } = begin([liar, honest])
    answerAll(({ node: each }) => {
      if (each === liar) return { nodes: told }
      if (each === honest) return { nodes: [wanted] }
      return each === wanted ? {} : undefined
    })
    const order = asked.map(({ node: each }) => each)
    // Four were asked at once, before any was missed.
    expect(order.indexOf(wanted)).toBeLessThanOrEqual(2 + 4 + 1)
    expect(order.length).toBe(11)
  })

  it('sends two questions at most to one address, whatever keys are said to be there', () => {
    const seeds = nodes(8, (i) => `198.51.${i}.1`)
    const { asked, answerAll } = begin(seeds)
    answerAll(({ node: each }) =>
      seeds.includes(each) ? { nodes: nodes(8, () => '203.0.113.5') } : undefined,
    )
    expect(asked.filter(({ node: each }) => each.address.host === '203.0.113.5').length).toBe(2)
  })

  it('gives a network two of the eight places, and takes them back from who is silent', () => {
    const seeds = [...nodes(12, (i) => `203.0.113.${i + 1}`), ...nodes(4, (i) => `198.51.${i}.1`)]
    const { lookup, answerAll, asked } = begin(seeds)
    const silent = new Set(
      asked.filter((each) => each.node.address.host.startsWith('203.')).map(({ node: each }) => text(each)),
    )
    answerAll(({ node: each }) => (silent.has(text(each)) ? undefined : {}))
    const hosts = lookup.holders().map((each) => each.node.address.host)
    expect(hosts.filter((host) => host.startsWith('203.')).length).toBe(2)
    expect(hosts.filter((host) => host.startsWith('198.')).length).toBe(4)
  })

  it('is not kept from a node by somebody else’s key for its address', () => {
    const honest = node('203.0.113.1')
    const liar = node('198.51.1.1')
    const teller = node('198.51.2.1')
    const { lookup, answerAll } = begin([liar, teller])
    answerAll(({ node: each }) => {
      if (each === liar) return { nodes: [{ ...honest, publicKey: key() }] }
      if (each === teller) return { nodes: [honest] }
      return each === honest ? { values: [Uint8Array.of(0, 1)] } : undefined
    })
    expect(lookup.values()).toEqual([Uint8Array.of(0, 1)])
  })

  it('asks nobody at an address that may not be reached, or of the other IP version', () => {
    const { asked, answerAll } = begin([node('198.51.1.1')])
    const six = { address: addressOf('2001:db8::1', 7000) as IpAddress, publicKey: key() }
    answerAll(() => ({ nodes: [node('10.0.0.1'), six] }))
    expect(asked.length).toBe(1)
  })

  it('has a node that somebody told of punctured by him, but the first of an answer, and who is known', () => {
    const teller = node('198.51.1.1')
    const [first, second] = nodes(2, (i) => `203.0.${i}.1`) as [NodeContact, NodeContact]
    const { asked, answerAll } = begin([teller], { isProven: (each) => each === teller })
    answerAll(({ node: each }) => (each === teller ? { nodes: [first, second] } : {}))
    const steps = asked.map(
      ({ node: each, target }) => `${text(each)} ${target === TARGET ? 'target' : 'node'}`,
    )
    expect(steps.sort()).toEqual([
      `${text(teller)} node`,
      `${text(teller)} target`,
      `${text(first)} target`,
      `${text(second)} target`,
    ])
    expect(asked.find(({ target }) => target !== TARGET)?.target).toEqual(idOf(second))
  })

  it('gathers eight values of a node, none too long, and only so many in all', () => {
    const seeds = nodes(8, (i) => `198.51.${i}.1`)
    const { lookup, answerAll } = begin(seeds, { settings: { ...DHT_DEFAULTS, valuesPerLookup: 20 } })
    answerAll(({ node: each }) => {
      const n = seeds.indexOf(each)
      const values = Array.from({ length: 12 }, (_, i) => Uint8Array.of(0, n, i))
      return { values: [new Uint8Array(171), ...values] }
    })
    expect(lookup.values().length).toBe(20)
    expect(lookup.values().every((value) => value.length === 3 && (value[2] as number) < 7)).toBe(true)
  })

  it('says no more after it was stopped', () => {
    const { lookup, answerAll, ended, asked } = begin(nodes(8, (i) => `198.51.${i}.1`))
    lookup.stop()
    answerAll(() => ({ values: [Uint8Array.of(0)] }))
    expect(ended()).toBe(0)
    expect(asked.length).toBe(4)
    expect(lookup.values()).toEqual([])
  })
})
