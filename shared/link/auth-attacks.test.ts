import { describe, expect, it } from 'vitest'
import { encode } from '../bytes/codec.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import {
  converse,
  HERE,
  initiator,
  MALLORY,
  PAGE,
  RELAY,
  responder,
  rewriting,
  THERE,
  tls,
} from './auth.fixture.ts'
import { BINDINGS, NO_BINDING } from './auth-binding.ts'
import { AUTH_TYPES, AUTH_VERSION, authChallenge, authRequest, authSuccess } from './auth-messages.ts'

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
