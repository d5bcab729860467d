import type { Address } from '../bytes/address.ts'
import { CulvertError } from '../bytes/error.ts'
import type { KeyPair, PublicKey } from '../identity/keys.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import { LinkAuthInitiator, type LinkAuthOptions, LinkAuthResponder } from './auth.ts'
import type { BindingKind, ChannelBinding } from './auth-binding.ts'
import { closeCodeOf } from './close-codes.ts'
import type { LinkCloseReason } from './link.ts'
import type { LinkAddress } from './link-address.ts'
import { type MessagePipe, QueuedLink, type QueuedLinkOptions } from './queued-link.ts'
import { LinkWire, type Wire, type WireHandlers, type WireKind } from './wire.ts'

/** This node, as it proves itself to its neighbours; the same for every kind of wire. */
export interface WireIdentity {
  readonly keyPair: KeyPair
  readonly network: string
  readonly clock: Clock
  readonly random: Random
  /** `link-…`, those of the link, and `<prefix>-auth-…`. */
  readonly counters: Counters
  /** What all links of this node keep to. */
  readonly linkOptions?: Pick<QueuedLinkOptions, 'sizeClasses' | 'limits' | 'shaper'> | undefined
}

/** The side that dialled. */
export interface InitiatorRole {
  /** What was dialled. */
  readonly address: LinkAddress
  readonly expectedKey: PublicKey
  readonly binding?: ChannelBinding
}

/** The side that was called. */
export interface ResponderRole {
  readonly bindingOf?: (kind: BindingKind) => Uint8Array | undefined
}

export interface WireSessionOptions extends WireIdentity {
  readonly kind: WireKind
  /** The neighbour's address as seen from here. */
  readonly peer: Address
  /** Open, and carrying nothing yet. */
  readonly pipe: MessagePipe
  readonly role: InitiatorRole | ResponderRole
  readonly authTimeoutMs?: number
  /** Before the counters of failed authentication: `link` by default. */
  readonly prefix?: string
  /** Both keys are proved. */
  onWire(wire: Wire): void
  /** There is no wire, and the pipe has been closed. Once, and not after `onWire`. `link-full`, or a LinkAuthError. */
  onFailed(error: CulvertError): void
}

/**
 * One connection from its opening to its end, over any pipe of messages: first authentication (L-03), then a link. The
 * pipe's edge hands in what happens to the pipe; a new kind of wire is such an edge and nothing more.
 */
export class WireSession {
  private readonly options: WireSessionOptions
  private readonly auth: LinkAuthInitiator | LinkAuthResponder
  private link: QueuedLink | undefined
  private over = false

  /** Sends the request, where this side dialled. */
  constructor(options: WireSessionOptions) {
    this.options = options
    const { keyPair, network, clock, random, counters, pipe, role, authTimeoutMs, prefix = 'link' } = options
    const common: LinkAuthOptions = {
      keyPair,
      network,
      clock,
      random,
      ...(authTimeoutMs !== undefined && { timeoutMs: authTimeoutMs }),
      send: (message) => pipe.send(message),
      onDone: (neighbour, binding) => this.become(neighbour, binding),
      onFailed: (error) => {
        counters.add(`${prefix}-${error.code}`)
        this.fail(error)
      },
    }
    if ('expectedKey' in role) {
      const { expectedKey, binding } = role
      this.auth = new LinkAuthInitiator({ ...common, expectedKey, ...(binding && { binding }) })
      this.auth.start()
    } else {
      const { bindingOf } = role
      this.auth = new LinkAuthResponder({ ...common, ...(bindingOf && { bindingOf }) })
    }
  }

  /** Whether both keys are proved, so that messages may be as long as a link's. */
  get authenticated(): boolean {
    return this.link !== undefined
  }

  /** Each message that came, whole and in order. It belongs to the session from then on. */
  receive(message: Uint8Array): void {
    if (this.link) this.link.receive(message)
    else if (!this.over) this.auth.receive(message)
  }

  /** The pipe has room again. */
  drained(): void {
    this.link?.drained()
  }

  /** The pipe has ended. Idempotent. */
  closed(reason: LinkCloseReason): void {
    if (this.link) this.link.closed(reason)
    else if (reason === 'limit') this.fail(new CulvertError('link-full', 'the neighbour has no place left'))
    else this.auth.closed()
  }

  /** Ends the connection from this side. Idempotent. */
  close(reason: LinkCloseReason): void {
    if (this.link) {
      this.link.close(reason)
    } else if (!this.over) {
      this.options.pipe.close(closeCodeOf(reason), reason)
      this.auth.closed()
    }
  }

  private become(neighbour: PublicKey, binding: BindingKind): void {
    const { kind, role } = this.options
    const initiated = 'expectedKey' in role
    const wire = new LinkWire({
      kind,
      neighbour,
      binding,
      initiated,
      address: initiated ? role.address : undefined,
      link: (handlers) => this.makeLink(handlers),
    })
    this.over = true
    this.options.onWire(wire)
  }

  private makeLink(handlers: WireHandlers): QueuedLink {
    const { kind, peer, clock, counters, pipe, linkOptions } = this.options
    this.link = new QueuedLink({ kind, address: peer, clock, counters, pipe, ...linkOptions, ...handlers })
    return this.link
  }

  private fail(error: CulvertError): void {
    if (this.over) return
    this.over = true
    const reason = 'expectedKey' in this.options.role ? 'failed' : 'refused'
    this.options.pipe.close(closeCodeOf(reason), reason)
    this.auth.closed()
    this.options.onFailed(error)
  }
}
