import { describe, expect, it } from 'vitest'
import type { Address } from '../bytes/address.ts'
import { KeyPair } from '../identity/keys.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { BINDINGS, type ChannelBinding } from './auth-binding.ts'
import { closeCodeOf } from './close-codes.ts'
import { AUTH_TIMEOUT_MS, MAX_HELD_BYTES } from './constants.ts'
import { parseLinkAddress } from './link-address.ts'
import type { Wire } from './wire.ts'
import { WireSession } from './wire-session.ts'

const ADDRESS = parseLinkAddress('tcp://192.0.2.1:6667')
const PEER: Address = { kind: 'ipv4', host: '192.0.2.9', port: 9 }
const TLS: ChannelBinding = { kind: BINDINGS.tlsExporter, value: new Uint8Array(32).fill(1) }
const random = new SeededRandom(3)
const RELAY = KeyPair.generate(random)
const OTHER = KeyPair.generate(random)

/** One end of a pipe in memory. */
function endOf(clock: VirtualClock, initiates: boolean) {
  const sent: Uint8Array[] = []
  const closes: number[] = []
  const wires: Wire[] = []
  const failures: string[] = []
  const counters = new Counters()
  const session = new WireSession({
    kind: 'tcp',
    peer: PEER,
    keyPair: initiates ? OTHER : RELAY,
    network: 'test',
    clock,
    random,
    counters,
    prefix: 'tcp',
    pipe: {
      send: (message) => void sent.push(message),
      bufferedBytes: () => 0,
      close: (code) => void (closes.length === 0 && closes.push(code)),
    },
    role: initiates
      ? { address: ADDRESS, expectedKey: RELAY.publicKey, binding: TLS }
      : { bindingOf: (kind) => (kind === TLS.kind ? TLS.value : undefined) },
    onWire: (wire) => wires.push(wire),
    onFailed: (error) => failures.push(error.code),
  })
  return { session, sent, closes, wires, failures, counters }
}

function pair() {
  const clock = new VirtualClock()
  const left = endOf(clock, true)
  const right = endOf(clock, false)
  const travel = () => {
    for (let turn = 0; turn < 20; turn++) {
      for (const message of left.sent.splice(0)) right.session.receive(message)
      for (const message of right.sent.splice(0)) left.session.receive(message)
      clock.advance(1)
    }
  }
  return { clock, left, right, travel }
}

function joined() {
  const both = pair()
  both.travel()
  const [leftWire] = both.left.wires
  const [rightWire] = both.right.wires
  if (!leftWire || !rightWire) throw new Error('there is no wire')
  return { ...both, leftWire, rightWire }
}

/** What comes out of a wire once it has an owner. */
function ownerOf(wire: Wire) {
  const packets: number[] = []
  const closed: string[] = []
  wire.handTo({
    onPacket: (_link, packet) => packets.push(packet[0] ?? -1),
    onClosed: (_link, reason) => closed.push(reason),
  })
  return { packets, closed }
}

describe('wire: from a connection to a link (L-01, L-03)', () => {
  it('comes into being once both keys are proved, and names the neighbour', () => {
    const { leftWire, rightWire, left } = joined()
    expect(leftWire).toMatchObject({ kind: 'tcp', initiated: true, address: ADDRESS, binding: TLS.kind })
    expect(rightWire).toMatchObject({ kind: 'tcp', initiated: false, address: undefined })
    expect(leftWire.neighbour.equals(RELAY.publicKey)).toBe(true)
    expect(rightWire.neighbour.equals(OTHER.publicKey)).toBe(true)
    expect(leftWire.link.address).toEqual(PEER)
    expect(left.session.authenticated).toBe(true)
  })

  it('holds what comes before it has an owner, and hands it over in order', () => {
    const { leftWire, rightWire, travel } = joined()
    for (const number of [1, 2, 3]) leftWire.link.send(Uint8Array.of(number), 0)
    travel()
    const owner = ownerOf(rightWire)
    expect(owner.packets).toEqual([1, 2, 3])
    leftWire.link.send(Uint8Array.of(4), 0)
    travel()
    expect(owner.packets).toEqual([1, 2, 3, 4])
  })

  it('tells its owner of an end that came before him', () => {
    const { leftWire, rightWire, right, travel } = joined()
    leftWire.link.send(Uint8Array.of(1), 0)
    travel()
    right.session.closed('shutdown')
    expect(ownerOf(rightWire)).toEqual({ packets: [1], closed: ['shutdown'] })
  })

  it('has one owner, the first', () => {
    const { leftWire, rightWire, travel } = joined()
    const first = ownerOf(rightWire)
    const second = ownerOf(rightWire)
    leftWire.link.send(Uint8Array.of(1), 0)
    travel()
    expect([first.packets, second.packets]).toEqual([[1], []])
  })

  it('is closed for more than it may hold', () => {
    const { leftWire, rightWire, right, travel } = joined()
    for (let bytes = 0; bytes <= MAX_HELD_BYTES; bytes += 16_000) {
      leftWire.link.send(new Uint8Array(16_000), 1)
      travel()
    }
    expect(rightWire.link.open).toBe(false)
    expect(right.closes).toEqual([closeCodeOf('limit')])
    expect(ownerOf(rightWire).closed).toEqual(['limit'])
  })
})

describe('wire: attempts that fail (L-02, L-03)', () => {
  it('close the connection, each side with its reason', () => {
    const { clock, left, right } = pair()
    clock.advance(AUTH_TIMEOUT_MS)
    expect([left.failures, right.failures]).toEqual([['auth-timeout'], ['auth-timeout']])
    expect([left.closes, right.closes]).toEqual([[closeCodeOf('failed')], [closeCodeOf('refused')]])
    expect(right.counters.get('tcp-auth-timeout')).toBe(1)
  })

  it('tell whether the neighbour had no place, or was lost', () => {
    for (const [reason, code] of [
      ['limit', 'link-full'],
      ['lost', 'auth-closed'],
    ] as const) {
      const { left } = pair()
      left.session.closed(reason)
      left.session.closed(reason)
      expect(left.failures).toEqual([code])
    }
  })

  it('end when they are not wanted any more, and take nothing after that', () => {
    const { left, right, travel } = pair()
    left.session.close('unneeded')
    travel()
    expect(left.failures).toEqual(['auth-closed'])
    expect(left.closes).toEqual([closeCodeOf('unneeded')])
    expect([left.wires, right.wires]).toEqual([[], []])
  })
})
