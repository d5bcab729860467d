import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Codec, decode, encode } from '../bytes/codec.ts'
import { KeyPair, type PublicKey } from '../identity/keys.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { LinkAuthInitiator, type LinkAuthOptions, LinkAuthResponder } from './auth.ts'
import { BINDINGS, type BindingKind, type ChannelBinding, NO_BINDING } from './auth-binding.ts'
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

const keys = new SeededRandom(11)
const RELAY = KeyPair.generate(keys)
const PAGE = KeyPair.generate(keys)
const MALLORY = KeyPair.generate(keys)

type Overrides = Partial<Pick<LinkAuthOptions, 'keyPair' | 'network' | 'timeoutMs'>>

/** One side, with what it sent and how it ended. */
function side(clock: VirtualClock, seed: number, keyPair: KeyPair, overrides: Overrides) {
  const sent: Uint8Array[] = []
  const outcome: { neighbour?: PublicKey; binding?: BindingKind; error?: string; message?: string } = {}
  const options: LinkAuthOptions = {
    keyPair,
    network: 'culvert-test',
    clock,
    random: new SeededRandom(seed),
    send: (message) => sent.push(message.slice()),
    onDone: (neighbour, binding) => {
      outcome.neighbour = neighbour
      outcome.binding = binding
    },
    onFailed: (error) => {
      outcome.error = error.code
      outcome.message = error.message
    },
    ...overrides,
  }
  return { options, sent, outcome }
}

function initiator(
  clock: VirtualClock,
  overrides: Overrides & { expectedKey?: PublicKey; binding?: ChannelBinding; seed?: number } = {},
) {
  const { expectedKey = RELAY.publicKey, binding = NO_BINDING, seed = 1, ...rest } = overrides
  const { options, sent, outcome } = side(clock, seed, PAGE, rest)
  const machine = new LinkAuthInitiator({ ...options, expectedKey, binding })
  machine.start()
  return { machine, sent, outcome }
}

/** A responder whose channel has these bindings and no others; only kind 0 if none is given. */
function responder(
  clock: VirtualClock,
  overrides: Overrides & { bindings?: readonly ChannelBinding[]; seed?: number } = {},
) {
  const { seed = 2, bindings = [NO_BINDING], ...rest } = overrides
  const { options, sent, outcome } = side(clock, seed, RELAY, rest)
  const bindingOf = (kind: BindingKind) => bindings.find((each) => each.kind === kind)?.value
  return { machine: new LinkAuthResponder({ ...options, bindingOf }), sent, outcome }
}

const tls = (value: Uint8Array): ChannelBinding => ({ kind: BINDINGS.tlsExporter, value })
/** What the two ends of one TLS connection see, and those of another. */
const HERE = tls(new Uint8Array(32).fill(1))
const THERE = tls(new Uint8Array(32).fill(2))

type Side = ReturnType<typeof initiator> | ReturnType<typeof responder>
type Tamper = (message: Uint8Array, fromInitiator: boolean) => Uint8Array

/** Carries messages until nobody has any left; `tamper` sits on the wire. */
function converse(left: Side, right: Side, tamper: Tamper = (message) => message): void {
  for (let i = 0; i < 20; i++) {
    const fromLeft = left.sent.shift()
    if (fromLeft) right.machine.receive(tamper(fromLeft, true))
    const fromRight = right.sent.shift()
    if (fromRight) left.machine.receive(tamper(fromRight, false))
    if (!fromLeft && !fromRight) return
  }
}

/** Changes fields of the message of one type on the wire. */
function rewriting<T extends object>(type: number, codec: Codec<T>, fields: Partial<T>): Tamper {
  return (message) =>
    message[1] === type ? encode(codec, { ...decode(codec, message), ...fields }) : message
}

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

describe('link authentication: a man in the middle (L-03)', () => {
  it('cannot take the relay’s place under its name', () => {
    const clock = new VirtualClock()
    const page = initiator(clock)
    const mallory = responder(clock, { keyPair: MALLORY })
    converse(page, mallory, rewriting(AUTH_TYPES.challenge, authChallenge, { key: RELAY.publicKey.bytes }))
    expect(page.outcome.error).toBe('auth-signature')
    expect(mallory.outcome.neighbour).toBeUndefined()
  })

  it('cannot put a key of his own in the page’s place', () => {
    const clock = new VirtualClock()
    const page = initiator(clock)
    const relay = responder(clock)
    converse(page, relay, rewriting(AUTH_TYPES.request, authRequest, { key: MALLORY.publicKey.bytes }))
    expect(page.outcome.error).toBe('auth-signature')
    expect(relay.outcome.neighbour).toBeUndefined()
  })

  it.each([
    ['the page’s nonce', rewriting(AUTH_TYPES.request, authRequest, { nonce: new Uint8Array(32) })],
    ['the relay’s nonce', rewriting(AUTH_TYPES.challenge, authChallenge, { nonce: new Uint8Array(32) })],
  ])('cannot change %s', (_what, tamper) => {
    const clock = new VirtualClock()
    const page = initiator(clock)
    const relay = responder(clock)
    converse(page, relay, tamper)
    expect(page.outcome.error).toBe('auth-signature')
    expect(relay.outcome.neighbour).toBeUndefined()
  })

  it('cannot forge the success', () => {
    const clock = new VirtualClock()
    const page = initiator(clock)
    const relay = responder(clock)
    converse(page, relay, rewriting(AUTH_TYPES.success, authSuccess, { signature: new Uint8Array(64) }))
    expect(page.outcome).toMatchObject({ error: 'auth-signature' })
    expect(page.outcome.neighbour).toBeUndefined()
  })
})

describe('link authentication: bound to its channel (L-03)', () => {
  it.each([
    ['TLS', HERE],
    ['DTLS', { kind: BINDINGS.dtlsFingerprints, value: new Uint8Array(64).fill(3) }],
    ['an onion service', { kind: BINDINGS.onion, value: new TextEncoder().encode('a.onion') }],
    ['nothing', NO_BINDING],
  ])('succeeds where both sides see the same %s, and tells what it was', (_what, binding) => {
    const clock = new VirtualClock()
    const page = initiator(clock, { binding })
    const relay = responder(clock, { bindings: [binding] })
    converse(page, relay)
    expect(page.outcome).toEqual({ neighbour: RELAY.publicKey, binding: binding.kind })
    expect(relay.outcome).toEqual({ neighbour: PAGE.publicKey, binding: binding.kind })
  })

  it('cannot be passed on from one channel to another', () => {
    const clock = new VirtualClock()
    const page = initiator(clock, { binding: HERE })
    const relay = responder(clock, { bindings: [THERE] })
    converse(page, relay)
    expect(page.outcome.error).toBe('auth-signature')
    expect(relay.outcome).toMatchObject({ error: 'auth-refused' })
    expect(relay.outcome.neighbour).toBeUndefined()
  })

  it('fails at the responder too, should the initiator not look', () => {
    const clock = new VirtualClock()
    const lenient = initiator(clock, { binding: THERE })
    const relay = responder(clock, { bindings: [HERE] })
    const signer = responder(clock, { bindings: [THERE] })
    const request = lenient.sent.shift()!
    relay.machine.receive(request)
    signer.machine.receive(request)
    // A challenge for the binding of its own channel, so that the initiator goes on and signs that one.
    lenient.machine.receive(signer.sent.shift()!)
    relay.machine.receive(lenient.sent.shift()!)
    expect(relay.outcome).toMatchObject({ error: 'auth-signature' })
    expect(relay.outcome.neighbour).toBeUndefined()
  })

  it.each([
    ['kind 0', BINDINGS.none],
    ['another kind', BINDINGS.onion],
  ])('cannot be talked down to %s', (_what, kind) => {
    const clock = new VirtualClock()
    const page = initiator(clock, { binding: HERE })
    const relay = responder(clock, { bindings: [NO_BINDING, HERE, { ...HERE, kind: BINDINGS.onion }] })
    converse(page, relay, rewriting(AUTH_TYPES.request, authRequest, { binding: kind }))
    expect(page.outcome.error).toBe('auth-signature')
    expect(relay.outcome.neighbour).toBeUndefined()
  })

  it('signs the kind of the binding, not its bytes alone', () => {
    const clock = new VirtualClock()
    const page = initiator(clock, { binding: HERE })
    const relay = responder(clock, { bindings: [{ ...HERE, kind: BINDINGS.onion }] })
    converse(page, relay, rewriting(AUTH_TYPES.request, authRequest, { binding: BINDINGS.onion }))
    expect(page.outcome.error).toBe('auth-signature')
  })

  it.each([
    ['less than the channel has', NO_BINDING, [HERE]],
    ['a kind that the channel does not have', HERE, [NO_BINDING]],
    ['a kind whose binding is empty', HERE, [tls(new Uint8Array(0))]],
  ])('refuses %s, and says so to both', (_what, binding, bindings) => {
    const clock = new VirtualClock()
    const page = initiator(clock, { binding })
    const relay = responder(clock, { bindings })
    converse(page, relay)
    expect(relay.outcome.error).toBe('auth-binding')
    expect(page.outcome).toEqual({ error: 'auth-refused', message: 'the neighbour refused: auth-binding' })
  })

  it('refuses kinds that do not exist', () => {
    for (const binding of [4, 255]) {
      const clock = new VirtualClock()
      const page = initiator(clock)
      const relay = responder(clock)
      converse(page, relay, rewriting(AUTH_TYPES.request, authRequest, { binding }))
      expect(relay.outcome.error).toBe('auth-binding')
    }
  })
})

describe('link authentication: replay and reflection (L-03)', () => {
  /** A whole conversation, as somebody on the wire saw it. */
  function recorded(): Uint8Array[] {
    const clock = new VirtualClock()
    const messages: Uint8Array[] = []
    converse(initiator(clock), responder(clock), (message) => {
      messages.push(message)
      return message
    })
    return messages
  }

  it('does not take a request and response a second time', () => {
    const [request, , response] = recorded()
    const relay = responder(new VirtualClock(), { seed: 3 })
    relay.machine.receive(request!)
    relay.machine.receive(response!)
    expect(relay.outcome).toMatchObject({ error: 'auth-signature' })
    expect(relay.outcome.neighbour).toBeUndefined()
  })

  it('does not take a whole conversation of one channel on another', () => {
    const clock = new VirtualClock()
    const seen: Uint8Array[] = []
    converse(initiator(clock, { binding: HERE }), responder(clock, { bindings: [HERE] }), (message) => {
      seen.push(message)
      return message
    })
    // Even with the same nonces: the same seed.
    const relay = responder(new VirtualClock(), { bindings: [THERE] })
    relay.machine.receive(seen[0]!)
    relay.machine.receive(seen[2]!)
    expect(relay.outcome.error).toBe('auth-signature')
  })

  it('does not take a challenge and success a second time', () => {
    const [, challenge, , success] = recorded()
    const page = initiator(new VirtualClock(), { seed: 4 })
    page.machine.receive(challenge!)
    page.machine.receive(success!)
    expect(page.outcome.error).toBe('auth-signature')
  })

  it('does not take its own messages for the neighbour’s', () => {
    const clock = new VirtualClock()
    const page = initiator(clock)
    page.machine.receive(page.sent[0]!)
    expect(page.outcome.error).toBe('auth-unexpected')
    const relay = responder(clock)
    relay.machine.receive(initiator(clock).sent[0]!)
    relay.machine.receive(relay.sent[0]!)
    expect(relay.outcome.error).toBe('auth-unexpected')
  })

  it('does not take the challenge’s signature for a success, nor the response’s', () => {
    for (const stolen of [1, 2]) {
      const clock = new VirtualClock()
      const seen: Uint8Array[] = []
      const page = initiator(clock)
      converse(page, responder(clock), (message) => {
        seen.push(message)
        if (message[1] !== AUTH_TYPES.success) return message
        const signature = seen[stolen]!.slice(-64)
        return encode(authSuccess, { version: AUTH_VERSION, type: AUTH_TYPES.success, signature })
      })
      expect(page.outcome.error).toBe('auth-signature')
    }
  })

  it('does not take a second request', () => {
    const relay = responder(new VirtualClock())
    const page = initiator(new VirtualClock())
    relay.machine.receive(page.sent[0]!)
    relay.machine.receive(page.sent[0]!)
    expect(relay.outcome.error).toBe('auth-unexpected')
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
