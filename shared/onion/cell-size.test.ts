import { sha256 } from '@noble/hashes/sha2.js'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { type Address, formatAddress } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import type { SessionKeys } from '../crypto/handshake.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { CellSize, cellBytesOf, leastCellBytes, messageBytesIn } from './cell-size.ts'
import { CELL_SIZE_TRIES, JUMBO_CELL_BYTES, MAX_CELL_BYTES, MAX_MESSAGE_BYTES, MESSAGE } from './constants.ts'
import { Lab, type LabRelay } from './lab.fixture.ts'
import { decodeMessage, encodeMessage } from './messages.ts'
import { sessionKeys, type TestLink } from './onion.fixture.ts'
import { RelayCircuit } from './relay-circuit.ts'

const JUMBO_MESSAGE_BYTES = 16_267
const SITE: Address = { kind: 'ipv4', host: '203.0.113.77', port: 80 }
/** Id, destination and origin of a stream message to SITE. */
const HEAD_BYTES = 15

type LinkNames = readonly ('stream' | 'udp')[]

/** A lab with three relays, and what each link of the path is, the owner's first. */
function labOf(links: LinkNames, culvert: readonly boolean[] = [true, true, true]) {
  const lab = new Lab()
  const relays = links.map((_, i) => ({ ...lab.relay(), culvert: culvert[i] ?? true }))
  for (const [i, name] of links.entries()) setLink(lab, relays, i, name === 'stream')
  return { lab, relays }
}

/** Both ends of link `i` of the path; link 0 is the owner's. */
function ends(lab: Lab, relays: readonly LabRelay[], i: number): TestLink[] {
  const [from, to] = [relays[i - 1], relays[i] as LabRelay]
  if (from === undefined) return [lab.linkTo(to) as TestLink, lab.linkBack(to) as TestLink]
  return [lab.net.link(from.address, to.address), lab.net.link(to.address, from.address)]
}

function setLink(lab: Lab, relays: readonly LabRelay[], i: number, stream: boolean, mtu = 65_507): void {
  for (const end of ends(lab, relays, i)) {
    end.stream = stream
    end.mtu = mtu
  }
}

/** Sends one stream packet of that many bytes each way. @returns what came: out at the exit, and back, in bytes */
function echo(lab: Lab, relays: readonly LabRelay[], made: ReturnType<Lab['ready']>, bytes: number) {
  const exit = (relays.at(-1) as LabRelay).exit
  const before = [exit.streams.length, made.events.length] as const
  made.circuit.sendStream(SITE, new Uint8Array(bytes))
  lab.clock.advance(100)
  const came = exit.streams.slice(before[0])
  const circuit = exit.streams.at(-1)?.circuit
  circuit?.sendStream(SITE, new Uint8Array(bytes))
  lab.clock.advance(100)
  const back = made.events.slice(before[1]).map((event) => (event.split(' ')[2] ?? '').length / 2)
  return { out: came.map((stream) => stream.packet.length / 2), back, circuit }
}

describe('the size of a circuit’s cells (C-02, N-02)', () => {
  it.each([1, 2, 3])(
    'is 16,368 bytes where all %i links are streams, both ways, and not a byte more',
    (hops) => {
      const { lab, relays } = labOf(Array(hops).fill('stream'))
      const made = lab.ready(relays)
      expect(made.circuit.streamMessageBytes).toBe(JUMBO_MESSAGE_BYTES)
      const sizes = new Map<string, number>()
      lab.net.tamper = (from, to, packet) => {
        const name = `${formatAddress(from)} ${formatAddress(to)}`
        sizes.set(name, Math.max(sizes.get(name) ?? 0, packet.length))
        return packet
      }
      const most = JUMBO_MESSAGE_BYTES - HEAD_BYTES
      const { out, back, circuit } = echo(lab, relays, made, most)
      expect([out, back, circuit?.streamMessageBytes]).toEqual([[most], [most], JUMBO_MESSAGE_BYTES])
      expect(Math.max(...sizes.values())).toBe(JUMBO_CELL_BYTES - (3 - hops) * 24)
      expect(made.circuit.sendStream(SITE, new Uint8Array(most + 1))).toBe(false)
      circuit?.sendStream(SITE, new Uint8Array(most + 1))
      lab.clock.advance(100)
      expect(made.events.filter((event) => event.startsWith('stream')).length).toBe(1)
      for (const relay of relays) expect(relay.counters.get('cell-too-large')).toBe(0)
    },
  )

  it.each([
    ['udp', 'stream', 'stream'],
    ['stream', 'udp', 'stream'],
    ['stream', 'stream', 'udp'],
    ['udp', 'udp', 'udp'],
  ] as const)('is 1,472 bytes over %s, %s, %s, both ways', (...links) => {
    const { lab, relays } = labOf(links)
    const made = lab.ready(relays)
    expect(made.circuit.streamMessageBytes).toBe(MAX_MESSAGE_BYTES)
    const most = MAX_MESSAGE_BYTES - HEAD_BYTES
    const { out, back, circuit } = echo(lab, relays, made, most)
    expect([out, back, circuit?.streamMessageBytes]).toEqual([[most], [most], MAX_MESSAGE_BYTES])
    expect(made.circuit.sendStream(SITE, new Uint8Array(most + 1))).toBe(false)
  })

  it('stays small for what goes on as a datagram', () => {
    const { lab, relays } = labOf(['stream', 'stream', 'stream'])
    const { circuit } = lab.ready(relays)
    const most = MAX_MESSAGE_BYTES - HEAD_BYTES
    expect([most, most + 1].map((bytes) => circuit.sendDatagram(SITE, new Uint8Array(bytes)))).toEqual([
      true,
      false,
    ])
  })

  it('stays small on an end-to-end circuit, whose other half is not known', () => {
    const { lab, relays } = labOf(['stream', 'stream', 'stream'])
    const { circuit } = lab.ready(relays)
    circuit.addEndToEnd(keys, 'downloader')
    expect(circuit.streamMessageBytes).toBe(MAX_MESSAGE_BYTES - 24)
  })

  it('delays nothing: a circuit is ready when it would be without', () => {
    const times = [['udp', 'udp', 'udp'] as const, ['stream', 'stream', 'stream'] as const].map((links) => {
      const { lab, relays } = labOf(links)
      return lab.ready(relays).circuit.readyAtMs
    })
    expect(times[0]).toBe(times[1])
  })

  it('follows the owner’s own link, down and up', () => {
    const { lab, relays } = labOf(['stream', 'stream', 'stream'])
    const { circuit } = lab.ready(relays)
    setLink(lab, relays, 0, false)
    expect(circuit.streamMessageBytes).toBe(MAX_MESSAGE_BYTES)
    setLink(lab, relays, 0, true)
    expect(circuit.streamMessageBytes).toBe(JUMBO_MESSAGE_BYTES)
  })

  it('follows the last hop’s link towards the owner, on the way back', () => {
    const { lab, relays } = labOf(['stream', 'stream', 'stream'])
    const made = lab.ready(relays)
    const { circuit } = echo(lab, relays, made, 100)
    setLink(lab, relays, 2, false)
    expect(circuit?.streamMessageBytes).toBe(MAX_MESSAGE_BYTES)
  })

  it('drops a large cell, and counts it, where the path has become smaller, and the circuit lives on', () => {
    const { lab, relays } = labOf(['stream', 'stream', 'stream'])
    const made = lab.ready(relays)
    const { circuit } = echo(lab, relays, made, 15_000)
    setLink(lab, relays, 1, false, 1_600)
    expect(echo(lab, relays, made, 15_000)).toMatchObject({ out: [], back: [] })
    expect(relays[0]?.counters.get('cell-too-large')).toBe(1)
    expect(circuit?.alive).toBe(true)
    const { out, back } = echo(lab, relays, made, 1_300)
    expect([out, back]).toEqual([[1_300], [1_300]])
    setLink(lab, relays, 1, true, 65_507)
    setLink(lab, relays, 0, true, 1_600)
    circuit?.sendStream(SITE, new Uint8Array(15_000))
    lab.clock.advance(100)
    expect(relays[0]?.counters.get('cell-too-large')).toBe(2)
  })
})

describe('the question for the size of cells (N-01)', () => {
  /** A digest of every packet of a circuit that is built, used and closed: none may differ from what stock peers know. */
  function digest(links: LinkNames, culvert: readonly boolean[]): string {
    const { lab, relays } = labOf(links, culvert)
    const hash = sha256.create()
    lab.net.tamper = (from, to, packet) => {
      hash.update(new TextEncoder().encode(`${formatAddress(from)} ${formatAddress(to)} ${lab.clock.now()} `))
      hash.update(packet)
      return packet
    }
    const made = lab.ready(relays)
    echo(lab, relays, made, 1_300)
    made.circuit.destroy('unneeded')
    lab.clock.advance(60_000)
    return toHex(hash.digest())
  }

  it.each([[[false, true, true]], [[true, false, true]], [[true, true, false]], [[false, false, false]]])(
    'is never put on a path with a stock hop: not a byte differs from before (Culvert: %j)',
    (culvert) => {
      const found = digest(['stream', 'stream', 'stream'], culvert)
      expect(found).toBe(digest(['udp', 'udp', 'udp'], culvert))
      expect(found).toBe(GOLDEN)
    },
  )

  it('is never put where the owner’s own link is no stream', () => {
    const ours = [true, true, true]
    expect(digest(['udp', 'stream', 'stream'], ours)).toBe(digest(['udp', 'udp', 'udp'], ours))
  })

  it.each([
    [1, 'the first hop’s question'],
    [4, 'the second hop’s question'],
  ])('if lost (packet %i, %s) leaves cells small, and the circuit is ready in time', (index) => {
    const { lab, relays } = labOf(['stream', 'stream', 'stream'])
    losing(lab, index)
    const made = lab.ready(relays)
    lab.clock.advance(10_000)
    expect(made.circuit.streamMessageBytes).toBe(MAX_MESSAGE_BYTES)
    // 20, 40 and 60 ms for the answers of the hops, and 60 for the last proof.
    expect(made.circuit.readyAtMs).toBe(lab.clock.now() - 10_500 + 180)
    expect(echo(lab, relays, made, 1_300).circuit?.streamMessageBytes).toBe(MAX_MESSAGE_BYTES)
  })

  it('is put to the last hop again, who can still be asked', () => {
    const { lab, relays } = labOf(['stream', 'stream', 'stream'])
    losing(lab, 7)
    const made = lab.ready(relays)
    expect(made.circuit.streamMessageBytes).toBe(MAX_MESSAGE_BYTES)
    lab.clock.advance(1_000)
    expect(made.circuit.streamMessageBytes).toBe(JUMBO_MESSAGE_BYTES)
  })

  it('is given up when that one does not answer either', () => {
    const { lab, relays } = labOf(['stream', 'stream', 'stream'])
    const asked = vi.spyOn(RelayCircuit.prototype, 'agreeCellBytes').mockImplementation(() => {
      throw new RangeError('says nothing')
    })
    const made = lab.ready(relays.slice(0, 1))
    lab.clock.advance(10_000)
    expect(asked.mock.calls.length).toBe(CELL_SIZE_TRIES)
    expect(made.circuit.streamMessageBytes).toBe(MAX_MESSAGE_BYTES)
    asked.mockRestore()
  })

  it.each([
    [60_000, JUMBO_MESSAGE_BYTES],
    [10, MAX_MESSAGE_BYTES],
    [0, MAX_MESSAGE_BYTES],
    [8_000, messageBytesIn(8_000)],
  ])('if answered by %i bytes, whatever is true, comes to messages of %i', (said, expected) => {
    const { lab, relays } = labOf(['stream', 'stream', 'stream'])
    const liar = vi.spyOn(RelayCircuit.prototype, 'agreeCellBytes').mockReturnValueOnce(said)
    const made = lab.ready(relays)
    expect(made.circuit.streamMessageBytes).toBe(expected)
    liar.mockRestore()
  })

  it('is not answered twice: what nobody asked is counted', () => {
    const { lab, relays } = labOf(['stream'])
    const made = lab.ready(relays)
    const [circuit] = (relays[0] as LabRelay).router.table.circuits
    circuit?.reply(encodeMessage(MESSAGE.mtu, { identifier: 1, bytes: 16_368 }))
    lab.clock.advance(50)
    expect(lab.counters.get('circuit-mtu-unasked')).toBe(1)
    expect(made.circuit.state).toBe('ready')
  })

  it('has a layout, and is read as it was written', () => {
    expect(toHex(encodeMessage(MESSAGE.mtu, { identifier: 0x1234, bytes: 16_368 }))).toBe('5312343ff0')
    fc.assert(
      fc.property(
        fc.nat(0xffff),
        fc.nat(0xffff),
        fc.uint8Array({ maxLength: 5 }),
        (identifier, bytes, more) => {
          const message = encodeMessage(MESSAGE.mtu, { identifier, bytes })
          expect(decodeMessage(MESSAGE.mtu, Uint8Array.of(...message, ...more))).toEqual({
            identifier,
            bytes,
          })
          expect(() => decodeMessage(MESSAGE.mtu, message.subarray(0, 4))).toThrow()
        },
      ),
    )
  })

  it('whatever the hops say, never comes to more than any of them said, nor to less than 1,472', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff), { minLength: 1, maxLength: 3 }), (said) => {
        const link = { kind: 'websocket', mtu: 16_382 } as never
        const asked: Uint8Array[] = []
        const size = new CellSize({
          link,
          path: said.map(() => ({ culvert: true })),
          clock: new VirtualClock(),
          random: new SeededRandom(1),
          send: (message) => asked.push(message),
        })
        let least: number = JUMBO_CELL_BYTES
        said.forEach((bytes, hop) => {
          const before = asked.length
          size.ask(hop)
          if (asked.length === before) return
          const question = decodeMessage(MESSAGE.mtu, asked.at(-1) as Uint8Array)
          expect(question.bytes).toBe(least)
          expect(size.answered({ ...question, bytes })).toBe(true)
          least = leastCellBytes(bytes, least)
        })
        expect(size.cellBytes).toBe(least)
        expect(size.cellBytes).toBeGreaterThanOrEqual(MAX_CELL_BYTES)
        expect(size.cellBytes).toBeLessThanOrEqual(cellBytesOf(link))
        size.stop()
      }),
    )
  })
})

const keys: SessionKeys = sessionKeys({
  key_forward: '11'.repeat(32),
  key_backward: '22'.repeat(32),
  salt_forward: '33'.repeat(4),
  salt_backward: '44'.repeat(4),
})

/** What the same circuit sent before there was such a question. */
const GOLDEN = '30216ad3269484716c5735123d42d020e73f7389327d18d9a73592d0df1ca67c'

/** Drops the owner's packet of that index. */
function losing(lab: Lab, index: number): void {
  let sent = 0
  lab.net.tamper = (from, _to, packet) => (from.host === '192.0.2.1' && sent++ === index ? undefined : packet)
}
