import { describe, expect, it } from 'vitest'
import { keyPairOf } from '../../fixtures/vectors.ts'
import type { IpAddress } from '../bytes/address.ts'
import { AEAD_TAG_BYTES } from '../crypto/aead.ts'
import { complete, ephemeralKey } from '../crypto/handshake.ts'
import { nobleAead } from '../crypto/noble-aead.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { parseCandidates } from './candidates.fixture.ts'
import { plaintextCell } from './cells.ts'
import { CELL_HEADER_BYTES, COUNTER_BYTES, MESSAGE, type RouterLimits } from './constants.ts'
import { encodeDestroy } from './destroy.ts'
import { createCell, Lab, type LabRelay } from './lab.fixture.ts'
import { LayerOpener } from './layer.ts'
import { decodeMessage, encodeMessage } from './messages.ts'
import { PREFIX, TestLink } from './onion.fixture.ts'

const host = (n: number): IpAddress => ({ kind: 'ipv4', host: `203.0.${n >> 8}.${n & 255}`, port: 7759 })

/** A link over UDP: whose address it is, nobody knows. */
class UdpTestLink extends TestLink {
  override readonly kind = 'udp' as 'simulated'
}

function offering(
  lab: Lab,
  more: { isProven?: () => boolean; limits?: Partial<RouterLimits> } = {},
): LabRelay {
  const neighbours = Array.from({ length: 8 }, () => lab.relay())
  const candidates = { relays: neighbours.slice(0, 4), exits: neighbours.slice(4) }
  const { limits = {}, ...rest } = more
  return lab.relay({ candidates, limits, more: rest })
}

/** Sends a create and gives the answer's size, and how many candidates are in it. */
function ask(lab: Lab, relay: LabRelay, link: TestLink, id: number, padding = 0) {
  const dh = ephemeralKey(lab.random)
  const create = { identifier: id, nodeKey: keyPairOf('alice').publicKey.bytes, dhKey: dh.publicKey }
  const message = Uint8Array.of(...encodeMessage(MESSAGE.create, create), ...new Uint8Array(padding))
  const cell = plaintextCell(PREFIX, id, true, message)
  relay.router.receive(link, cell.slice())
  const sent = link.take()
  const bytes = sent.reduce((sum, packet) => sum + packet.length, 0)
  const [answer] = sent
  if (answer === undefined) return { asked: cell.length, bytes, candidates: -1 }
  const created = decodeMessage(MESSAGE.created, answer, CELL_HEADER_BYTES)
  const keys = complete(dh, relay.publicKey.x25519, created.dhKey, created.auth)
  const sealed = created.candidates.slice()
  new LayerOpener(nobleAead, keys.forwardKey, keys.forwardSalt).open(sealed, 0, sealed.length)
  const list = parseCandidates(sealed.subarray(COUNTER_BYTES, sealed.length - AEAD_TAG_BYTES))
  return { asked: cell.length, bytes, candidates: list.relays.length + list.exits.length }
}

describe('amplification (N-11): no stranger gets more bytes back than came in its name', () => {
  it('candidates are for those whose address is known to be theirs', () => {
    const lab = new Lab()
    const relay = offering(lab)
    const stranger = ask(lab, relay, new UdpTestLink(host(1)), 1)
    expect(stranger.candidates).toBe(0)
    expect(stranger.bytes).toBeGreaterThan(100)
    expect(stranger.bytes).toBeLessThanOrEqual(stranger.asked)
    expect(ask(lab, relay, new TestLink(host(2)), 2).candidates).toBe(8)
    const known = offering(lab, { isProven: () => true })
    expect(ask(lab, known, new UdpTestLink(host(3)), 3).candidates).toBe(8)
  })

  it('and for those who pay for them with a larger create', () => {
    const lab = new Lab()
    const relay = offering(lab)
    for (const padding of [0, 57, 60, 150, 700, 1_300]) {
      const answer = ask(lab, relay, new UdpTestLink(host(padding)), 5, padding)
      expect(answer.bytes).toBeLessThanOrEqual(answer.asked)
      expect(answer.candidates).toBe(
        Math.min(8, Math.max(0, Math.floor((answer.asked - 123) / 76) - (padding > 600 ? 1 : 0))),
      )
    }
  })

  it('and each time anew for those who repeat a padded create', () => {
    const lab = new Lab()
    const relay = offering(lab)
    const link = new UdpTestLink(host(1))
    const { publicKey: dhKey } = ephemeralKey(lab.random)
    const create = { identifier: 5, nodeKey: keyPairOf('alice').publicKey.bytes, dhKey }
    const short = encodeMessage(MESSAGE.create, create)
    const padded = Uint8Array.of(...short, ...new Uint8Array(700))
    const send = (message: Uint8Array) => {
      const cell = plaintextCell(PREFIX, 5, true, message)
      relay.router.receive(link, cell.slice())
      return { asked: cell.length, sent: link.take() }
    }
    const [answer] = send(padded).sent
    for (let i = 0; i < 20; i++) expect(send(short).sent).toEqual([])
    const again = send(padded)
    expect(again.sent).toEqual([answer])
    expect(answer?.length).toBeLessThanOrEqual(again.asked)
  })

  it('and for those who have sent a cell that opens', () => {
    const lab = new Lab()
    const relay = offering(lab)
    const link = new UdpTestLink(host(9))
    const dh = ephemeralKey(lab.random)
    const nodeKey = keyPairOf('alice').publicKey.bytes
    const create = encodeMessage(MESSAGE.create, { identifier: 1, nodeKey, dhKey: dh.publicKey })
    relay.router.receive(link, plaintextCell(PREFIX, 77, true, create))
    link.take()
    expect(ask(lab, relay, link, 78).candidates).toBe(0)
    const { circuit } = lab.ready([relay])
    const back = lab.linkBack(relay) as TestLink
    Object.defineProperty(back, 'kind', { value: 'udp' })
    circuit.ping()
    lab.clock.advance(100)
    let bytes = 0
    back.onSend = (packet) => {
      bytes += packet.length
    }
    expect(ask(lab, relay, back, 79).candidates).toBe(8)
    expect(bytes).toBeGreaterThan(600)
  })

  it('refusals, repetitions and destroys included', () => {
    const lab = new Lab()
    const relay = offering(lab, { limits: { circuits: 2, handshakesPerSecondPerLink: 1e6 } })
    let asked = 0
    let back = 0
    for (let i = 0; i < 300; i++) {
      const link = new UdpTestLink(host(i % 7))
      const cell = createCell(lab.random, i % 11)
      const destroy = encodeDestroy(PREFIX, keyPairOf('bob'), i % 11, 1)
      for (const packet of [cell, cell, destroy, destroy]) {
        asked += packet.length
        relay.router.receive(link, packet.slice())
        for (const sent of link.take()) {
          back += sent.length
          expect(sent.length).toBeLessThanOrEqual(packet.length)
        }
      }
    }
    expect(back).toBeGreaterThan(0)
    expect(back).toBeLessThan(asked)
  })

  it('the asker is not among what it is offered', () => {
    const lab = new Lab()
    const [self, other] = [lab.relay(), lab.relay()]
    const relay = lab.relay({ candidates: { relays: [self, other], exits: [] } })
    expect(ask(lab, relay, new TestLink(self.address), 1).candidates).toBe(1)
    const [circuit] = relay.router.table.circuits
    expect(circuit?.offered.map(({ address }) => address)).toEqual([other.address])
  })
})

/** Chance that counts what is drawn of it: a handshake draws a key of 32 bytes. */
class CountingRandom extends SeededRandom {
  keys = 0

  override bytes(length: number): Uint8Array {
    if (length === 32) this.keys++
    return super.bytes(length)
  }
}

describe('floods (issue 3, O-06)', () => {
  it('forged sources use up their own share of handshakes, not that of neighbours', () => {
    const lab = new Lab()
    const random = new CountingRandom(3)
    const relay = lab.relay({ more: { random } })
    for (let i = 0; i < 2_000; i++) relay.router.receive(new UdpTestLink(host(i)), createCell(lab.random, i))
    expect(random.keys).toBe(100)
    expect(relay.counters.get('create-rate-limited-unproven')).toBe(1_900)
    // Nothing is kept of those that were refused.
    expect(relay.router.stats().links).toBe(100)
    expect(lab.ready([relay]).circuit.state).toBe('ready')
  })

  it('one flooding source leaves other strangers their handshakes', () => {
    const lab = new Lab()
    const relay = lab.relay()
    const loud = new UdpTestLink(host(1))
    for (let i = 0; i < 2_000; i++) relay.router.receive(loud, createCell(lab.random, i))
    expect(loud.take()).toHaveLength(50)
    const quiet = new UdpTestLink(host(2))
    relay.router.receive(quiet, createCell(lab.random, 5))
    expect(quiet.take()).toHaveLength(1)
  })

  it('a destroy costs a signature check only if it could be right', () => {
    const lab = new Lab()
    const relay = lab.relay()
    const { circuit } = lab.ready([relay])
    const link = lab.linkBack(relay)
    const [held] = relay.router.table.circuits
    const { signatures } = relay.router.table.entry(link)
    let checks = 0
    const take = signatures.take.bind(signatures)
    signatures.take = () => {
      checks++
      return take()
    }
    for (let i = 0; i < 500; i++) {
      relay.router.receive(link, encodeDestroy(PREFIX, keyPairOf('bob'), i, 1))
      relay.router.receive(link, encodeDestroy(PREFIX, keyPairOf('bob'), circuit.id, 1))
      if (i > 3) i += 99
    }
    expect(checks).toBe(0)
    expect(held?.alive).toBe(true)
    expect(relay.counters.get('destroy-stranger')).toBeGreaterThan(5)
  })

  it('wrong signatures are checked ten times and then no more, and the circuit lives', () => {
    const lab = new Lab()
    const relay = lab.relay()
    const { circuit } = lab.ready([relay])
    let destroy: Uint8Array | undefined
    lab.net.tamper = (_from, _to, packet) => {
      if (packet[22] === MESSAGE.destroy) destroy = packet.slice()
      return undefined
    }
    circuit.destroy('unneeded')
    const forged = destroy as Uint8Array
    forged[168] = (forged[168] as number) ^ 1
    for (let i = 0; i < 1_000; i++) relay.router.receive(lab.linkBack(relay), forged.slice())
    expect(relay.counters.get('packet-signature')).toBe(10)
    expect(relay.router.stats().circuits).toBe(1)
  })

  it('an owner checks so many destroys and no more', () => {
    const lab = new Lab()
    const relay = lab.relay()
    const { circuit } = lab.ready([relay])
    const forged = encodeDestroy(PREFIX, relay.keyPair, circuit.id, 1)
    forged[168] = (forged[168] as number) ^ 1
    for (let i = 0; i < 200; i++) circuit.receive(forged.slice())
    expect(lab.counters.get('packet-signature')).toBe(20)
    expect(lab.counters.get('destroy-rate-limited')).toBe(180)
    expect(circuit.state).toBe('ready')
  })

  it('replayed creates and extends cost no handshake and make nothing grow', () => {
    const lab = new Lab()
    const random = new CountingRandom(4)
    const relay = lab.relay({ more: { random } })
    const second = lab.relay()
    const seen: Uint8Array[] = []
    lab.net.tamper = (from, _to, packet) => {
      if (from.host === '192.0.2.1') seen.push(packet.slice())
      return packet
    }
    lab.ready([relay, second])
    const keys = random.keys
    const link = lab.linkBack(relay)
    for (let i = 0; i < 200; i++) for (const packet of seen) relay.router.receive(link, packet.slice())
    lab.clock.advance(1_000)
    expect(random.keys).toBe(keys)
    expect(relay.router.stats()).toMatchObject({ circuits: 1, relaying: 1 })
    expect(second.router.stats().circuits).toBe(1)
  })
})
