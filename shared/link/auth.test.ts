import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Codec, decode, encode } from '../bytes/codec.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { converse, initiator, MALLORY, PAGE, RELAY, responder, rewriting, tls } from './auth.fixture.ts'
import { BINDINGS } from './auth-binding.ts'
import {
  AUTH_TYPES,
  AUTH_VERSION,
  authChallenge,
  authRefusal,
  authRequest,
  authResponse,
  authSuccess,
  REFUSALS,
} from './auth-messages.ts'
import { AUTH_TIMEOUT_MS, MAX_AUTH_MESSAGE_BYTES } from './constants.ts'

describe('link authentication (L-03)', () => {
  it('proves both keys in four messages', () => {
    const clock = new VirtualClock()
    const page = initiator(clock)
    const relay = responder(clock)
    const types: number[] = []
    converse(page, relay, (message) => {
      types.push(message[1]!)
      expect(message.length).toBeLessThanOrEqual(MAX_AUTH_MESSAGE_BYTES)
      return message
    })
    expect(types).toEqual([1, 2, 3, 4])
    expect(page.outcome.neighbour?.equals(RELAY.publicKey)).toBe(true)
    expect(relay.outcome.neighbour?.equals(PAGE.publicKey)).toBe(true)
    expect(clock.idle).toBe(true)
  })

  it('is done for the responder only once the initiator has signed, for the initiator only at the success', () => {
    const clock = new VirtualClock()
    const page = initiator(clock)
    const relay = responder(clock)
    relay.machine.receive(page.sent.shift()!)
    page.machine.receive(relay.sent.shift()!)
    expect([page.outcome, relay.outcome]).toEqual([{}, {}])
    relay.machine.receive(page.sent.shift()!)
    expect(relay.outcome.neighbour).toBeDefined()
    expect(page.outcome).toEqual({})
  })

  it('lasts ten seconds at most', () => {
    for (const steps of [0, 1, 2]) {
      const clock = new VirtualClock()
      const page = initiator(clock)
      const relay = responder(clock)
      if (steps > 0) relay.machine.receive(page.sent.shift()!)
      if (steps > 1) page.machine.receive(relay.sent.shift()!)
      clock.advance(AUTH_TIMEOUT_MS - 1)
      expect([page.outcome, relay.outcome]).toEqual([{}, {}])
      clock.advance(1)
      expect([page.outcome.error, relay.outcome.error]).toEqual(['auth-timeout', 'auth-timeout'])
      // What comes too late changes nothing.
      converse(page, relay)
      expect(relay.outcome.neighbour).toBeUndefined()
    }
  })

  it('ends with the link', () => {
    const clock = new VirtualClock()
    const page = initiator(clock)
    page.machine.closed()
    page.machine.closed()
    expect(page.outcome.error).toBe('auth-closed')
    expect(clock.idle).toBe(true)
  })

  it('refuses another network, and says so to both', () => {
    const clock = new VirtualClock()
    const page = initiator(clock, { network: 'culvert-other' })
    const relay = responder(clock)
    converse(page, relay)
    expect(relay.outcome.error).toBe('auth-network')
    expect(page.outcome).toEqual({ error: 'auth-refused', message: 'the neighbour refused: auth-network' })
  })

  it('refuses a relay with another key than the one expected', () => {
    const clock = new VirtualClock()
    const page = initiator(clock)
    const relay = responder(clock, { keyPair: MALLORY })
    converse(page, relay)
    expect(page.outcome.error).toBe('auth-key')
    expect(relay.outcome.error).toBe('auth-refused')
  })

  it('refuses a neighbour that names our own key', () => {
    const clock = new VirtualClock()
    const page = initiator(clock, { keyPair: RELAY })
    const relay = responder(clock)
    converse(page, relay)
    expect(relay.outcome.error).toBe('auth-key')
  })

  it.each([
    ['an empty network name', { network: '' }, 'network-name'],
    ['a long network name', { network: 'ü'.repeat(33) }, 'network-name'],
    ['a long channel binding', { binding: tls(new Uint8Array(257)) }, 'channel-binding'],
    ['an empty channel binding', { binding: tls(new Uint8Array(0)) }, 'channel-binding'],
    [
      'a binding that is said to be none',
      { binding: { kind: BINDINGS.none, value: new Uint8Array(32) } },
      'channel-binding',
    ],
  ])('cannot be set up with %s', (_what, overrides, code) => {
    expect(() => initiator(new VirtualClock(), overrides)).toThrow(expect.objectContaining({ code }))
  })
})

describe('link authentication: hostile bytes (L-03, N-11)', () => {
  const messages = (() => {
    const clock = new VirtualClock()
    const seen: Uint8Array[] = []
    converse(initiator(clock), responder(clock), (message) => {
      seen.push(message)
      return message
    })
    return seen
  })()

  it('refuses every message cut short or with bytes to spare, wherever it stands', () => {
    for (let which = 0; which < messages.length; which++) {
      const whole = messages[which]!
      const variants = [0, 1, 2, whole.length >> 1, whole.length - 1].map((length) => whole.slice(0, length))
      variants.push(Uint8Array.of(...whole, 0), new Uint8Array(MAX_AUTH_MESSAGE_BYTES + 1).fill(1))
      for (const variant of variants) {
        const clock = new VirtualClock()
        const page = initiator(clock)
        const relay = responder(clock)
        converse(page, relay, (message) => (message[1] === which + 1 ? variant : message))
        const refused = which % 2 === 0 ? relay : page
        expect(refused.outcome.error).toBe('auth-malformed')
        expect(refused.outcome.neighbour).toBeUndefined()
      }
    }
  })

  it('never throws, and is never done, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 4 }), (garbage) => {
        const clock = new VirtualClock()
        for (const end of [initiator(clock), responder(clock)]) {
          for (const message of garbage) end.machine.receive(message)
          clock.advance(AUTH_TIMEOUT_MS)
          expect(end.outcome.error).toBeDefined()
          expect(end.outcome.neighbour).toBeUndefined()
        }
      }),
    )
  })

  it('refuses version 1, which signed no kind of binding', () => {
    const relay = responder(new VirtualClock())
    relay.machine.receive(Uint8Array.of(1, ...messages[0]!.subarray(1)))
    expect(relay.outcome.error).toBe('auth-malformed')
  })

  it('refuses a key that is not one', () => {
    const relay = responder(new VirtualClock())
    const key = new Uint8Array(74)
    relay.machine.receive(rewriting(AUTH_TYPES.request, authRequest, { key })(messages[0]!, true))
    expect(relay.outcome.error).toBe('auth-malformed')
  })
})

describe('link authentication: messages (L-03)', () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
  const header = { version: fc.constant(AUTH_VERSION), type: fc.nat(255) }
  const network = fc.uint8Array({ minLength: 1, maxLength: 64 })
  const nonce = bytes(32)
  const key = bytes(74)
  const signature = bytes(64)

  function reads<T>(codec: Codec<T>, values: fc.Arbitrary<T>, maxBytes: number) {
    return () => {
      fc.assert(
        fc.property(values, (value) => {
          const encoded = encode(codec, value)
          expect(encoded.length).toBeLessThanOrEqual(maxBytes)
          expect(decode(codec, encoded)).toEqual(value)
        }),
      )
    }
  }

  it(
    'reads the request that it wrote',
    reads(authRequest, fc.record({ ...header, binding: fc.nat(255), network, nonce, key }), 175),
  )
  it('reads the challenge', reads(authChallenge, fc.record({ ...header, nonce, key, signature }), 172))
  it('reads the response', reads(authResponse, fc.record({ ...header, signature }), 66))
  it('reads the success', reads(authSuccess, fc.record({ ...header, signature }), 66))
  it('reads the refusal', reads(authRefusal, fc.record({ ...header, reason: fc.nat(255) }), 3))

  it('has a number for each refusal, none twice', () => {
    const numbers = Object.values(REFUSALS)
    expect(new Set(numbers).size).toBe(numbers.length)
  })
})
