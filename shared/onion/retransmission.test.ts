import { describe, expect, it } from 'vitest'
import type { IpAddress } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import { below } from '../world/random.ts'
import { isCell, isPlaintext, isRelayEarly } from './cells.ts'
import { CELL_HEADER_BYTES, MESSAGE } from './constants.ts'
import { createCell, Lab, type LabRelay } from './lab.fixture.ts'
import { TestLink } from './onion.fixture.ts'

const HOME = '192.0.2.1'
const ALICE: IpAddress = { kind: 'ipv4', host: '198.51.100.7', port: 8090 }

function path(lab: Lab, hops: number): LabRelay[] {
  return Array.from({ length: hops }, () => lab.relay())
}

/** Drops the first `count` packets of which `which` holds. */
function lose(
  lab: Lab,
  count: number,
  which: (from: IpAddress, to: IpAddress, packet: Uint8Array) => boolean,
) {
  let lost = 0
  lab.net.tamper = (from, to, packet) => {
    if (lost >= count || !which(from, to, packet)) return packet
    lost++
    return undefined
  }
  return () => lost
}

const isMessage = (packet: Uint8Array, id: number) =>
  isCell(packet) && isPlaintext(packet) && packet[CELL_HEADER_BYTES] === id

describe('what a hop does not answer is asked again (N-04, N-14)', () => {
  it.each([
    [1, 100],
    [2, 300],
    [3, 700],
    [4, 1_500],
  ])('a create that is lost %i times, after %i ms', (times, delayMs) => {
    const lab = new Lab()
    const [relay] = path(lab, 1) as [LabRelay]
    const seen: string[] = []
    lab.net.tamper = (_from, to, packet) => {
      if (to.host !== relay.address.host || !isMessage(packet, MESSAGE.create)) return packet
      seen.push(toHex(packet))
      return seen.length <= times ? undefined : packet
    }
    const { events } = lab.circuit([relay])
    lab.clock.advance(delayMs + 39)
    expect(events).toEqual([])
    lab.clock.advance(1)
    expect(events).toEqual(['ready'])
    expect(new Set(seen).size).toBe(1)
    expect(seen).toHaveLength(times + 1)
  })

  it('five times, and then waits for the rest of the 10 s', () => {
    const lab = new Lab()
    const [relay] = path(lab, 1) as [LabRelay]
    const at: number[] = []
    const started = lab.clock.now()
    lab.net.tamper = () => {
      at.push(lab.clock.now() - started)
      return undefined
    }
    const { circuit, events } = lab.circuit([relay])
    lab.clock.advance(9_999)
    expect(at).toEqual([0, 100, 300, 700, 1_500])
    expect(events).toEqual([])
    lab.clock.advance(1)
    expect(events).toEqual(['closed hop-timeout'])
    expect(circuit.failedHop).toBe(0)
  })

  it('gives the same created again, and one circuit is made', () => {
    const lab = new Lab()
    const [relay] = path(lab, 1) as [LabRelay]
    const lost = lose(lab, 3, (_from, to, packet) => to.host === HOME && isMessage(packet, MESSAGE.created))
    const { events } = lab.circuit([relay])
    lab.clock.advance(1_000)
    expect(events).toEqual(['ready'])
    expect(lost()).toBe(3)
    expect(relay.router.stats().circuits).toBe(1)
    expect(relay.counters.get('create-repeated')).toBe(3)
  })

  it.each([1, 2])('an extend to hop %i whose way there, or whose answer, is lost', (hop) => {
    for (const direction of ['out', 'back']) {
      const lab = new Lab()
      const relays = path(lab, 3)
      const first = (relays[0] as LabRelay).address.host
      // The extend is the largest cell of the owner after the first hop has answered; extended the largest that comes back.
      const size = (packet: Uint8Array) => isCell(packet) && !isPlaintext(packet) && packet.length > 120
      let seen = 0
      lab.net.tamper = (from, to, packet) => {
        const isIt =
          direction === 'out'
            ? from.host === HOME && to.host === first && size(packet)
            : from.host === first && to.host === HOME && size(packet)
        // The second of them is the one to the last hop.
        return isIt && ++seen >= hop && seen < hop + 3 ? undefined : packet
      }
      const { events } = lab.circuit(relays)
      lab.clock.advance(2_000)
      expect(events).toEqual(['ready'])
      expect(seen).toBeGreaterThan(hop + 2)
      expect(relays.map((relay) => relay.router.stats().circuits)).toEqual([1, 1, 1])
      expect(relays.map((relay) => relay.counters.get('relay-early-exceeded'))).toEqual([0, 0, 0])
    }
  })

  it('an extend only where all who read or count it are known to take it for what it is', () => {
    for (const stock of [0, 1]) {
      const lab = new Lab()
      const relays = path(lab, 3).map((relay, i) => (i === stock ? { ...relay, culvert: false } : relay))
      let extends_ = 0
      lab.net.lose((relays[2] as LabRelay).address)
      lab.net.tamper = (from, _to, packet) => {
        if (from.host === HOME && packet.length > 190) extends_++
        return packet
      }
      lab.circuit(relays)
      lab.clock.advance(9_000)
      expect(extends_).toBe(1)
    }
  })

  it('a relay repeats its own create to the next hop, at last under another circuit id', () => {
    const lab = new Lab()
    const relays = path(lab, 2).map((relay) => ({ ...relay, culvert: false }))
    const [first, second] = relays as [LabRelay, LabRelay]
    const sent: string[] = []
    lab.net.tamper = (from, to, packet) => {
      if (from.host === second.address.host && to.host === first.address.host && sent.length < 4)
        return undefined
      if (from.host !== first.address.host || to.host !== second.address.host) return packet
      if (isMessage(packet, MESSAGE.create)) sent.push(toHex(packet))
      return packet
    }
    const { events } = lab.circuit(relays)
    lab.clock.advance(1_000)
    // As a stock hop would: the first created is lost, and the same create is not answered again.
    expect(events).toEqual(['ready'])
    expect(sent).toHaveLength(4)
    expect(new Set(sent).size).toBe(2)
    expect(new Set(sent.slice(0, 3)).size).toBe(1)
    expect(new Set(sent.map((hex) => hex.slice(2 * CELL_HEADER_BYTES))).size).toBe(1)
    expect(first.router.table.legs).toBe(2)
    lab.clock.advance(30_000)
    expect(second.router.stats().circuits).toBe(1)
  })

  it('leaves every extend among the flagged cells that the first hop passes on, however often it is repeated', () => {
    const lab = new Lab()
    const relays = path(lab, 3)
    const [first, second, third] = relays as [LabRelay, LabRelay, LabRelay]
    let flagged = 0
    let creates = 0
    lab.net.tamper = (from, to, packet) => {
      if (from.host === first.address.host && to.host === second.address.host && isRelayEarly(packet))
        flagged++
      // Neither do pongs come back from the second hop, so that pings use up flags as well.
      if (to.host === third.address.host && ++creates < 5) return undefined
      return packet
    }
    const { events } = lab.circuit(relays)
    lab.clock.advance(5_000)
    expect(events).toEqual(['ready'])
    expect(creates).toBeGreaterThanOrEqual(5)
    expect(flagged).toBeLessThanOrEqual(7)
    expect(first.counters.get('relay-early-exceeded')).toBe(0)
  })

  it('builds 3 hops over links that lose 10 % and jitter by 200 ms: 48 of 50 in 15 s', () => {
    let built = 0
    for (let run = 0; run < 50; run++) {
      const lab = new Lab()
      const relays = path(lab, 3)
      for (let skip = 0; skip < run; skip++) lab.random.bytes(4)
      lab.net.tamper = (_from, _to, packet) => {
        lab.net.delayMs = 10 + below(lab.random, 200)
        return below(lab.random, 10) === 0 ? undefined : packet
      }
      const { circuit } = lab.circuit(relays)
      lab.clock.runUntil(() => circuit.state !== 'extending', 15_000)
      if (circuit.state === 'ready') built++
    }
    expect(built).toBeGreaterThanOrEqual(48)
  })
})

describe('how long a relay answers again (N-04)', () => {
  it('until the owner has spoken, for 60 s, and eight times', () => {
    const lab = new Lab()
    const relay = lab.relay({ limits: { idleMs: 1e9 } })
    const link = new TestLink(ALICE)
    const create = createCell(lab.random, 5)
    const again = () => {
      relay.router.receive(link, create.slice())
      return link.take().map(toHex)
    }
    const [first] = again()
    expect(again()).toEqual([first])
    for (let i = 0; i < 7; i++) expect(again()).toEqual([first])
    expect(again()).toEqual([])

    const other = createCell(lab.random, 6)
    relay.router.receive(link, other.slice())
    link.take()
    lab.clock.advance(66_000)
    relay.router.receive(link, other.slice())
    expect(link.take()).toEqual([])
  })

  it('does not take another create for the same', () => {
    const lab = new Lab()
    const relay = lab.relay()
    const link = new TestLink(ALICE)
    relay.router.receive(link, createCell(lab.random, 5))
    link.take()
    const other = createCell(lab.random, 0x10006)
    other.set(createCell(lab.random, 5).subarray(0, CELL_HEADER_BYTES))
    relay.router.receive(link, other)
    expect(link.take()).toEqual([])
    expect(relay.router.stats().circuits).toBe(1)
  })
})
