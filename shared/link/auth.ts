import { utf8ToBytes } from '@noble/hashes/utils.js'
import { equalBytes } from '../bytes/bytes.ts'
import { type Codec, decode, encode } from '../bytes/codec.ts'
import { CodecError, CulvertError } from '../bytes/error.ts'
import { type KeyPair, PublicKey } from '../identity/keys.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Random } from '../world/random.ts'
import {
  type BindingKind,
  type ChannelBinding,
  isBinding,
  isBindingKind,
  NO_BINDING,
} from './auth-binding.ts'
import {
  AUTH_NONCE_BYTES,
  AUTH_TYPES,
  AUTH_VERSION,
  type AuthTranscript,
  authChallenge,
  authRefusal,
  authRequest,
  authResponse,
  authStatement,
  authSuccess,
  REFUSALS,
  type Refusal,
} from './auth-messages.ts'
import { AUTH_TIMEOUT_MS, MAX_AUTH_MESSAGE_BYTES, MAX_NETWORK_NAME_BYTES } from './constants.ts'

/**
 * Why a link was not authenticated. `code`: one of REFUSALS if this side refused; `auth-refused` if the neighbour did, whose
 * reason then is in the message; `auth-closed` if the link ended first.
 */
export class LinkAuthError extends CulvertError {}

export interface LinkAuthOptions {
  readonly keyPair: KeyPair
  /** The network's name, 1 to 64 bytes of UTF-8. Both sides must mean the same network. */
  readonly network: string
  readonly clock: Clock
  readonly random: Random
  readonly timeoutMs?: number
  /** Sends one message of at most MAX_AUTH_MESSAGE_BYTES. */
  send(message: Uint8Array): void
  /**
   * The neighbour has proved that it holds this key. Whatever comes next belongs to the link.
   * @param binding what both signatures are tied to
   */
  onDone(neighbour: PublicKey, binding: BindingKind): void
  /** The link must be closed. A refusal has been sent where that makes sense. */
  onFailed(error: LinkAuthError): void
}

/** What the two roles have in common: the time limit, the end, and the transcript. Without I/O. */
abstract class LinkAuth {
  protected readonly options: LinkAuthOptions
  protected readonly network: Uint8Array
  protected readonly nonce: Uint8Array
  private readonly timer: Timer
  private ended = false

  constructor(options: LinkAuthOptions) {
    this.options = options
    this.network = utf8ToBytes(options.network)
    if (this.network.length < 1 || this.network.length > MAX_NETWORK_NAME_BYTES) {
      throw new CulvertError(
        'network-name',
        `a network name of 1 to ${MAX_NETWORK_NAME_BYTES} bytes is needed`,
      )
    }
    this.nonce = options.random.bytes(AUTH_NONCE_BYTES)
    this.timer = options.clock.after(options.timeoutMs ?? AUTH_TIMEOUT_MS, () => {
      this.refuse('auth-timeout', 'the neighbour did not prove its key in time')
    })
  }

  protected abstract step(type: number, message: Uint8Array): void

  /** Takes one message of the neighbour. Never throws; anything but the one that is due ends the attempt. */
  receive(message: Uint8Array): void {
    if (this.ended) return
    const [version, type] = message
    try {
      if (message.length > MAX_AUTH_MESSAGE_BYTES || version !== AUTH_VERSION || type === undefined) {
        throw new CodecError('codec-length', 'not a message of link authentication')
      }
      if (type === AUTH_TYPES.refusal) this.refused(decode(authRefusal, message).reason)
      else this.step(type, message)
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
      this.refuse('auth-malformed', error.message)
    }
  }

  /** The link has ended before its authentication. Idempotent; no effect once that is over. */
  closed(): void {
    this.fail(new LinkAuthError('auth-closed', 'the link ended before both keys were proved'))
  }

  protected send<T extends object>(codec: Codec<T & Header>, type: number, fields: T): void {
    this.options.send(encode(codec, { version: AUTH_VERSION, type, ...fields }))
  }

  protected sign(type: number, transcript: AuthTranscript): Uint8Array {
    return this.options.keyPair.sign(authStatement(type, transcript))
  }

  protected unexpected(type: number, state: string): void {
    this.refuse('auth-unexpected', `message ${type} while in state ${state}`)
  }

  protected refuse(code: Refusal, message: string): void {
    if (this.ended) return
    this.options.send(
      encode(authRefusal, { version: AUTH_VERSION, type: AUTH_TYPES.refusal, reason: REFUSALS[code] }),
    )
    this.fail(new LinkAuthError(code, message))
  }

  protected done(neighbour: PublicKey, binding: BindingKind): void {
    this.end()
    this.options.onDone(neighbour, binding)
  }

  private refused(reason: number): void {
    const name = Object.entries(REFUSALS).find(([, value]) => value === reason)?.[0] ?? `reason ${reason}`
    this.fail(new LinkAuthError('auth-refused', `the neighbour refused: ${name}`))
  }

  private fail(error: LinkAuthError): void {
    if (this.ended) return
    this.end()
    this.options.onFailed(error)
  }

  private end(): void {
    this.ended = true
    this.timer.cancel()
  }
}

type Header = { version: number; type: number }

export interface LinkAuthInitiatorOptions extends LinkAuthOptions {
  /** The only key that the responder may prove. */
  readonly expectedKey: PublicKey
  /** What makes this channel unlike any other; none by default. The responder must see the same, or the attempt fails. */
  readonly binding?: ChannelBinding
}

export interface LinkAuthResponderOptions extends LinkAuthOptions {
  /**
   * The channel's binding of a kind, as this side sees it; undefined if there is none of the kind here, or if it is not
   * enough: the attempt then fails with `auth-binding`. Empty for kind 0, where that is enough; as it is by default.
   */
  readonly bindingOf?: (kind: BindingKind) => Uint8Array | undefined
}

/** The side that opened the link: request, then response. Knows beforehand whom it wants to reach. */
export class LinkAuthInitiator extends LinkAuth {
  private readonly expectedKey: PublicKey
  private readonly binding: ChannelBinding
  private state: 'new' | 'requested' | 'responded' = 'new'
  private transcript: AuthTranscript | undefined

  constructor(options: LinkAuthInitiatorOptions) {
    const { binding = NO_BINDING } = options
    if (!isBinding(binding)) {
      throw new CulvertError('channel-binding', `${binding.value.length} bytes are no channel binding`)
    }
    super(options)
    this.expectedKey = options.expectedKey
    this.binding = binding
  }

  /** Sends the request. To be called once, when the pipe is open. */
  start(): void {
    if (this.state !== 'new') return
    this.state = 'requested'
    const { keyPair } = this.options
    this.send(authRequest, AUTH_TYPES.request, {
      binding: this.binding.kind as number,
      network: this.network,
      nonce: this.nonce,
      key: keyPair.publicKey.bytes,
    })
  }

  protected override step(type: number, message: Uint8Array): void {
    if (this.state === 'requested' && type === AUTH_TYPES.challenge) this.challenged(message)
    else if (this.state === 'responded' && type === AUTH_TYPES.success) this.succeeded(message)
    else this.unexpected(type, this.state)
  }

  private challenged(message: Uint8Array): void {
    const { nonce, key, signature } = decode(authChallenge, message)
    if (!equalBytes(key, this.expectedKey.bytes)) {
      this.refuse('auth-key', 'the neighbour has another key than the relay that was asked for')
      return
    }
    const transcript: AuthTranscript = {
      binding: this.binding.kind,
      network: this.network,
      initiatorNonce: this.nonce,
      responderNonce: Uint8Array.from(nonce),
      initiatorKey: this.options.keyPair.publicKey.bytes,
      responderKey: this.expectedKey.bytes,
      channelBinding: this.binding.value,
    }
    if (!this.expectedKey.verify(signature, authStatement(AUTH_TYPES.challenge, transcript))) {
      this.refuse('auth-signature', 'the neighbour did not prove the key that it named')
      return
    }
    this.transcript = transcript
    this.state = 'responded'
    this.send(authResponse, AUTH_TYPES.response, { signature: this.sign(AUTH_TYPES.response, transcript) })
  }

  private succeeded(message: Uint8Array): void {
    const { signature } = decode(authSuccess, message)
    const { transcript } = this
    if (!transcript || !this.expectedKey.verify(signature, authStatement(AUTH_TYPES.success, transcript))) {
      this.refuse('auth-signature', 'the success was not signed by the neighbour')
      return
    }
    this.done(this.expectedKey, transcript.binding)
  }
}

/** The side that was called: challenge, then success. Takes any key that is proved. */
export class LinkAuthResponder extends LinkAuth {
  private readonly bindingOf: (kind: BindingKind) => Uint8Array | undefined
  private state: 'waiting' | 'challenged' = 'waiting'
  private neighbour: PublicKey | undefined
  private transcript: AuthTranscript | undefined

  constructor(options: LinkAuthResponderOptions) {
    super(options)
    this.bindingOf = options.bindingOf ?? onlyNone
  }

  protected override step(type: number, message: Uint8Array): void {
    if (this.state === 'waiting' && type === AUTH_TYPES.request) this.requested(message)
    else if (this.state === 'challenged' && type === AUTH_TYPES.response) this.responded(message)
    else this.unexpected(type, this.state)
  }

  private requested(message: Uint8Array): void {
    const { binding, network, nonce, key } = decode(authRequest, message)
    if (!equalBytes(network, this.network)) {
      this.refuse('auth-network', 'the neighbour means another network')
      return
    }
    const value = isBindingKind(binding) ? this.bindingOf(binding) : undefined
    if (!isBindingKind(binding) || !value || !isBinding({ kind: binding, value })) {
      this.refuse('auth-binding', `the neighbour wants binding ${binding}, which this channel does not have`)
      return
    }
    const neighbour = PublicKey.parse(key)
    const { publicKey } = this.options.keyPair
    if (neighbour.equals(publicKey)) {
      this.refuse('auth-key', 'the neighbour named our own key')
      return
    }
    const transcript: AuthTranscript = {
      binding,
      network: this.network,
      initiatorNonce: Uint8Array.from(nonce),
      responderNonce: this.nonce,
      initiatorKey: neighbour.bytes,
      responderKey: publicKey.bytes,
      channelBinding: value,
    }
    this.neighbour = neighbour
    this.transcript = transcript
    this.state = 'challenged'
    this.send(authChallenge, AUTH_TYPES.challenge, {
      nonce: this.nonce,
      key: publicKey.bytes,
      signature: this.sign(AUTH_TYPES.challenge, transcript),
    })
  }

  private responded(message: Uint8Array): void {
    const { signature } = decode(authResponse, message)
    const { neighbour, transcript } = this
    if (!neighbour || !transcript) return
    if (!neighbour.verify(signature, authStatement(AUTH_TYPES.response, transcript))) {
      this.refuse('auth-signature', 'the neighbour did not prove the key that it named')
      return
    }
    this.send(authSuccess, AUTH_TYPES.success, { signature: this.sign(AUTH_TYPES.success, transcript) })
    this.done(neighbour, transcript.binding)
  }
}

function onlyNone(kind: BindingKind): Uint8Array | undefined {
  return kind === NO_BINDING.kind ? NO_BINDING.value : undefined
}
