import type { PublicKey } from '../identity/keys.ts'
import type { BindingKind } from './auth-binding.ts'
import { MAX_HELD_BYTES, PACKET_OVERHEAD_BYTES } from './constants.ts'
import type { Link, LinkCloseReason } from './link.ts'
import type { LinkAddress } from './link-address.ts'

/** What a wire may run over. */
export type WireKind = 'udp' | 'tcp' | 'tor' | 'websocket' | 'webrtc' | 'bridge' | 'simulated'

/** Who hears what comes over a wire. */
export interface WireHandlers {
  /** The packet's memory belongs to the receiver. */
  onPacket(link: Link, packet: Uint8Array): void
  /** Once, whoever closed. */
  onClosed(link: Link, reason: LinkCloseReason): void
}

/** One connection to a neighbour that has proved its key. */
export interface Wire {
  readonly kind: WireKind
  readonly link: Link
  /** The key that was proved. */
  readonly neighbour: PublicKey
  /** What both signatures were tied to. */
  readonly binding: BindingKind
  /** Whether this side dialled. */
  readonly initiated: boolean
  /** What was dialled; undefined where the neighbour did. */
  readonly address: LinkAddress | undefined
  /**
   * Gives the wire its owner, once, soon after it was handed over (in that turn, or when the promise of `dial` is heard).
   * What came before is held, bounded, and comes out in this call.
   */
  handTo(handlers: WireHandlers): void
}

/** Whom to reach, and where. */
export interface DialTarget {
  readonly address: LinkAddress
  /** The only key that the other side may prove. */
  readonly publicKey: PublicKey
}

/** The part of AbortSignal that a dialler needs. */
export interface DialSignal {
  readonly aborted: boolean
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** Opens wires of one kind. */
export interface Dialler {
  readonly kind: WireKind
  /** Whether an address is of this kind, and may be dialled from here (never a private one outside a lab). */
  canDial(address: LinkAddress): boolean
  /**
   * Connects and proves both keys, within time limits of its own.
   * @param signal ends the attempt; without effect on a wire that is open
   * @throws CulvertError `link-unreachable`, `link-address-refused`, `link-aborted`, `link-full`, `link-closed`;
   *   LinkAuthError as listed there
   */
  dial(target: DialTarget, signal?: DialSignal): Promise<Wire>
}

/** Takes wires of one kind. Each is handed to the `onWire` that the listener was made with, and has been authenticated. */
export interface WireListener {
  readonly kind: WireKind
  /** @throws CulvertError `link-port-busy`, `link-bind`, and what the kind adds */
  start(): Promise<void>
  /** Where others reach it, as far as known: to be published. Empty before `start`. */
  addresses(): readonly LinkAddress[]
  /** Closes the port and every wire with `shutdown`. Idempotent. */
  stop(): Promise<void>
}

export interface WireInit {
  readonly kind: WireKind
  readonly neighbour: PublicKey
  readonly binding: BindingKind
  readonly initiated: boolean
  readonly address?: LinkAddress | undefined
  /** Makes the link, once, at construction; it calls these handlers for as long as it lives. */
  link(handlers: WireHandlers): Link
}

/** A wire over any link: holds what comes before it has an owner, at most MAX_HELD_BYTES; more closes it with `limit`. */
export class LinkWire implements Wire {
  readonly kind: WireKind
  readonly link: Link
  readonly neighbour: PublicKey
  readonly binding: BindingKind
  readonly initiated: boolean
  readonly address: LinkAddress | undefined
  private handlers: WireHandlers | undefined
  private held: Uint8Array[] = []
  private heldBytes = 0
  private closedFor: LinkCloseReason | undefined

  constructor(init: WireInit) {
    this.kind = init.kind
    this.neighbour = init.neighbour
    this.binding = init.binding
    this.initiated = init.initiated
    this.address = init.address
    this.link = init.link({ onPacket: this.packet, onClosed: this.closed })
  }

  handTo(handlers: WireHandlers): void {
    if (this.handlers) return
    this.handlers = handlers
    for (const packet of this.held.splice(0)) handlers.onPacket(this.link, packet)
    if (this.closedFor) handlers.onClosed(this.link, this.closedFor)
  }

  private readonly packet = (link: Link, packet: Uint8Array): void => {
    if (this.handlers) {
      this.handlers.onPacket(link, packet)
      return
    }
    this.heldBytes += packet.length + PACKET_OVERHEAD_BYTES
    if (this.heldBytes <= MAX_HELD_BYTES) this.held.push(packet)
    else link.close('limit')
  }

  private readonly closed = (link: Link, reason: LinkCloseReason): void => {
    if (this.handlers) this.handlers.onClosed(link, reason)
    else this.closedFor = reason
  }
}
