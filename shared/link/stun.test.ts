import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressOf, type IpAddress } from '../bytes/address.ts'
import { fromHex } from '../bytes/bytes.ts'
import { codeOf } from '../bytes/error-code.fixture.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import {
  bindingResponse,
  isStun,
  readBindingRequest,
  STUN_IN_ALL,
  STUN_PER_SOURCE,
  StunResponder,
} from './stun.ts'

/** The transaction, addresses and ports of the examples in RFC 5769 §2.2 and §2.3. */
const TRANSACTION = 'b7e7a701bc34d686fa87dfae'
const HEADER = (length: string) => `0001${length}2112a442${TRANSACTION}`
const PLAIN = fromHex(HEADER('0000'))

describe('STUN binding (RFC 8489, L-06)', () => {
  it('tells an address as the RFC’s examples do', () => {
    const transaction = fromHex(TRANSACTION)
    expect(bindingResponse(transaction, addressOf('192.0.2.1', 32_853) as IpAddress)).toEqual(
      fromHex(`0101000c2112a442${TRANSACTION}002000080001a147e112a643`),
    )
    expect(
      bindingResponse(transaction, addressOf('2001:db8:1234:5678:11:2233:4455:6677', 32_853) as IpAddress),
    ).toEqual(fromHex(`010100182112a442${TRANSACTION}002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9`))
  })

  it('is told from IPv8 packets by its cookie', () => {
    expect(isStun(PLAIN)).toBe(true)
    expect(isStun(Uint8Array.of(0, 2, ...new Uint8Array(40)))).toBe(false)
    expect(isStun(PLAIN.subarray(0, 19))).toBe(false)
    expect(isStun(Uint8Array.from(PLAIN, (byte, i) => (i === 0 ? 1 : byte)))).toBe(false)
  })

  it('reads a plain request, with and without attributes that may be passed over', () => {
    expect(readBindingRequest(PLAIN)).toEqual(fromHex(TRANSACTION))
    expect(readBindingRequest(fromHex(`${HEADER('0010')}8022000361626300802800041234abcd`))).toEqual(
      fromHex(TRANSACTION),
    )
  })

  it.each([
    ['a response', `0101${HEADER('0000').slice(4)}`, 'stun-type'],
    ['another length than it says', `${HEADER('0004')}`, 'stun-length'],
    ['an attribute cut short', `${HEADER('0004')}80220008`, 'codec-short'],
    ['half an attribute', `${HEADER('0002')}8022`, 'stun-length'],
    ['a wish for an answer elsewhere', `${HEADER('0008')}0003000400000006`, 'stun-attribute'],
    ['too many bytes', `${HEADER('0400')}${'00'.repeat(1_024)}`, 'stun-length'],
  ])('does not answer %s', (_what, hex, code) => {
    expect(codeOf(() => readBindingRequest(fromHex(hex)))).toBe(code)
  })

  it('answers one source, and all together, only so often', () => {
    const clock = new VirtualClock()
    const counters = new Counters()
    const sent: number[] = []
    const responder = new StunResponder({ clock, counters, send: (_to, { length }) => sent.push(length) })
    const ask = (host: string) => responder.receive(addressOf(host, 5_000) as IpAddress, PLAIN)
    for (let i = 0; i < 100; i++) ask('9.9.9.9')
    expect(sent).toEqual(new Array(STUN_PER_SOURCE.burst).fill(32))
    for (let i = 0; i < 1_000; i++) ask(`9.8.${i >> 8}.${i & 255}`)
    expect(sent).toHaveLength(STUN_IN_ALL.burst)
    clock.advance(1_000)
    for (let i = 0; i < 1_000; i++) ask(`9.7.${i >> 8}.${i & 255}`)
    expect(sent).toHaveLength(STUN_IN_ALL.burst + STUN_IN_ALL.perSecond)
    expect(counters.get('stun-answered') + counters.get('stun-limit')).toBe(2_100)
  })

  it('survives whatever comes', () => {
    const responder = new StunResponder({
      clock: new VirtualClock(),
      counters: new Counters(),
      send: () => {},
    })
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        responder.receive(addressOf('9.9.9.9', 1) as IpAddress, bytes)
        responder.receive(addressOf('9.9.9.9', 1) as IpAddress, Uint8Array.of(...PLAIN, ...bytes))
      }),
    )
  })
})
