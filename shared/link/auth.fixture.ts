import { type Codec, decode, encode } from '../bytes/codec.ts'
import { KeyPair, type PublicKey } from '../identity/keys.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import type { VirtualClock } from '../sim/virtual-clock.ts'
import { LinkAuthInitiator, type LinkAuthOptions, LinkAuthResponder } from './auth.ts'
import { BINDINGS, type BindingKind, type ChannelBinding, NO_BINDING } from './auth-binding.ts'

const keys = new SeededRandom(11)
export const RELAY = KeyPair.generate(keys)
export const PAGE = KeyPair.generate(keys)
export const MALLORY = KeyPair.generate(keys)

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

export function initiator(
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
export function responder(
  clock: VirtualClock,
  overrides: Overrides & { bindings?: readonly ChannelBinding[]; seed?: number } = {},
) {
  const { seed = 2, bindings = [NO_BINDING], ...rest } = overrides
  const { options, sent, outcome } = side(clock, seed, RELAY, rest)
  const bindingOf = (kind: BindingKind) => bindings.find((each) => each.kind === kind)?.value
  return { machine: new LinkAuthResponder({ ...options, bindingOf }), sent, outcome }
}

export const tls = (value: Uint8Array): ChannelBinding => ({ kind: BINDINGS.tlsExporter, value })
/** What the two ends of one TLS connection see, and those of another. */
export const HERE = tls(new Uint8Array(32).fill(1))
export const THERE = tls(new Uint8Array(32).fill(2))

type Side = ReturnType<typeof initiator> | ReturnType<typeof responder>
export type Tamper = (message: Uint8Array, fromInitiator: boolean) => Uint8Array

/** Carries messages until nobody has any left; `tamper` sits on the wire. */
export function converse(left: Side, right: Side, tamper: Tamper = (message) => message): void {
  for (let i = 0; i < 20; i++) {
    const fromLeft = left.sent.shift()
    if (fromLeft) right.machine.receive(tamper(fromLeft, true))
    const fromRight = right.sent.shift()
    if (fromRight) left.machine.receive(tamper(fromRight, false))
    if (!fromLeft && !fromRight) return
  }
}

/** Changes fields of the message of one type on the wire. */
export function rewriting<T extends object>(type: number, codec: Codec<T>, fields: Partial<T>): Tamper {
  return (message) =>
    message[1] === type ? encode(codec, { ...decode(codec, message), ...fields }) : message
}
