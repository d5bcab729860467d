import { type Address, type IpAddress, isNoAddress } from '../bytes/address.ts'
import type { Aead } from '../crypto/aead.ts'
import type { SessionKeys } from '../crypto/handshake.ts'
import type { PublicKey } from '../identity/keys.ts'
import { isLoopback, siteOf } from '../ipv8/network-of.ts'
import type { Link } from '../link/link.ts'
import type { Timer } from '../world/clock.ts'
import { AddressReader, addressBytes, NO_ADDRESS_BYTES } from './addresses.ts'
import type { Candidate } from './candidates.ts'
import { cellBytesOf, leastCellBytes, messageBytesIn } from './cell-size.ts'
import { cellBuffer, messageAt, writeCellHeader } from './cells.ts'
import type { Leg } from './circuit-table.ts'
import {
  ANSWER_KEPT_MS,
  CELL_HEADER_BYTES,
  COUNTER_BYTES,
  FIRST_COUNTER,
  LAYER_BYTES,
  MAX_CELL_BYTES,
  MAX_DATA_BACK_BYTES,
  MESSAGE,
} from './constants.ts'
import { type ExitCircuit, STREAM_RESET_REASONS, type StreamResetReason } from './exit-port.ts'
import { LayerOpener, LayerSealer } from './layer.ts'
import { encodeMessage } from './messages.ts'

/**
 * Where a circuit stands at this node: it ends here; it ends here and a create is on its way to a next hop; it goes on; it
 * goes on into another circuit, as this is their rendezvous point. A circuit that is being removed stays in its state for 5 s, in which cells still pass (`closing`).
 */
export type RelayState = 'joined' | 'extending' | 'relaying' | 'linked'

/** An answer that is given again if the question comes again (N-04). */
export interface KeptAnswer {
  /** Of the question. */
  readonly identifier: number
  /** Created: the whole cell. Extended: the message. */
  readonly bytes: Uint8Array
  repeats: number
}

/** An open create to the next hop. */
export interface PendingCreate {
  readonly identifier: number
  /** The one that the owner's extend had. */
  readonly ownerIdentifier: number
  /** The owner's X25519 key. */
  readonly dhKey: Uint8Array
  /** The whole cell. */
  readonly cell: Uint8Array
  repeats: number
}

export interface RelayCircuitOptions {
  readonly link: Link
  readonly id: number
  readonly ownerKey: PublicKey
  readonly keys: SessionKeys
  readonly offered: readonly Candidate[]
  readonly aead: Aead
  readonly prefix: Uint8Array
  readonly nowMs: number
}

/** One circuit at one hop: its keys, its ends on one or two links, and what passed. The exit sees it as ExitCircuit. */
export class RelayCircuit implements ExitCircuit {
  state: RelayState = 'joined'
  readonly previous: Leg
  next: Leg | undefined
  /** The other circuit of a rendezvous. */
  partner: RelayCircuit | undefined
  pending: PendingCreate | undefined
  /** When `pending` is sent again. */
  retransmission: Timer | undefined
  /** Until the owner has shown that it has them, or for 60 s. */
  created: KeptAnswer | undefined
  extended: KeptAnswer | undefined
  closing: Timer | undefined
  alive = true
  /** Whether the exit was told of this circuit, and so is to be told of its end. */
  exitUsed = false
  /** Whether the hidden services were told of it. */
  servicesUsed = false
  /** How old it may become, where that is not what the router allows all. */
  maxAgeMs: number | undefined
  extends = 0
  readonly offered: readonly Candidate[]
  readonly opener: LayerOpener
  readonly addresses = new AddressReader()
  readonly createdAt: number
  activeAt: number
  /** Packet bytes received, both directions. */
  bytes = 0
  /** Cells with the relay-early flag that were passed on. */
  earlyForward = 0
  earlyBackward = 0
  /** The largest cell that the owner wants of us; see `agreeCellBytes`. */
  private cellBytes = MAX_CELL_BYTES
  private readonly sealer: LayerSealer
  private readonly prefix: Uint8Array

  constructor(options: RelayCircuitOptions) {
    const { aead, keys, link, id, ownerKey, nowMs } = options
    this.opener = new LayerOpener(aead, keys.forwardKey, keys.forwardSalt)
    this.sealer = new LayerSealer(aead, keys.backwardKey, keys.backwardSalt, FIRST_COUNTER)
    this.previous = { circuit: this, side: 'previous', link, id, key: ownerKey }
    this.offered = options.offered
    this.prefix = options.prefix
    this.createdAt = nowMs
    this.activeAt = nowMs
  }

  /** Adds our layer to a cell from the next hop and sends it on to the previous one: the one copy that a relay makes. */
  passBack(cell: Uint8Array, relayEarly: boolean): void {
    const { link, id } = this.previous
    const grown = new Uint8Array(cell.length + LAYER_BYTES)
    writeCellHeader(grown, 0, this.prefix, id, false, relayEarly)
    grown.set(cell.subarray(CELL_HEADER_BYTES), CELL_HEADER_BYTES + COUNTER_BYTES)
    this.sealer.seal(grown, CELL_HEADER_BYTES, cell.length + COUNTER_BYTES)
    link.send(grown, id)
  }

  /**
   * Seals a cell that another circuit has opened, in place, and sends it to this one's owner: what the rendezvous point does.
   * The content stands where its layer had it, behind header and counter.
   */
  passAcross(cell: Uint8Array): void {
    this.sendSealed(cell, cell.length - (LAYER_BYTES - COUNTER_BYTES))
  }

  /** Forgets the answers that no owner can ask for again. */
  forgetAnswers(nowMs: number): void {
    if (nowMs - this.createdAt >= ANSWER_KEPT_MS) this.created = undefined
    // An extend comes within the 60 s after create, and is repeated for 10 s at most.
    if (nowMs - this.createdAt >= 2 * ANSWER_KEPT_MS) this.extended = undefined
  }

  /** Sends a message of our own towards the owner. */
  reply(message: Uint8Array): void {
    const cell = cellBuffer(1, message.length)
    cell.set(message, messageAt(1))
    this.sendSealed(cell, messageAt(1) + message.length)
  }

  sendDatagram(origin: IpAddress, data: Uint8Array): void {
    this.sendAddressed(MESSAGE.data, NO_ADDRESS_BYTES, addressBytes(origin), data, MAX_DATA_BACK_BYTES)
  }

  sendStream(destination: Address, packet: Uint8Array): void {
    const most = this.streamMessageBytes
    this.sendAddressed(MESSAGE.stream, addressBytes(destination), NO_ADDRESS_BYTES, packet, most)
  }

  /** One machine has many ports, and a network of IPv6 addresses. What comes through Tor or a proxy of ours has none of its own. */
  get source(): unknown {
    const { link } = this.previous
    const { address } = link
    if (address.kind === 'domain' || isNoAddress(address) || isLoopback(address)) return link
    return siteOf(address)
  }

  get queuedBytes(): number {
    const { link, id } = this.previous
    return link.queuedBytes?.(id) ?? 0
  }

  /** As agreed with the owner, and less if the link towards it is no stream any more. */
  get streamMessageBytes(): number {
    if (this.cellBytes === MAX_CELL_BYTES) return messageBytesIn(MAX_CELL_BYTES)
    return messageBytesIn(Math.min(this.cellBytes, cellBytesOf(this.previous.link)))
  }

  /**
   * The owner says that the way to the hop before us carries cells of `bytes`.
   * @returns what it carries with our link in it, which from now on we may send
   */
  agreeCellBytes(bytes: number): number {
    this.cellBytes = leastCellBytes(bytes, cellBytesOf(this.previous.link))
    return this.cellBytes
  }

  sendStreamReset(destination: Address, connectionId: number, reason: StreamResetReason): void {
    if (!this.alive) return
    const body = { destination, connectionId, reason: STREAM_RESET_REASONS[reason] }
    this.reply(encodeMessage(MESSAGE.streamReset, body))
  }

  private sendAddressed(
    id: number,
    destination: Uint8Array,
    origin: Uint8Array,
    data: Uint8Array,
    mostBytes: number,
  ): void {
    const length = 1 + destination.length + origin.length + data.length
    if (!this.alive || length > mostBytes) return
    const cell = cellBuffer(1, length)
    let at = messageAt(1)
    cell[at++] = id
    cell.set(destination, at)
    at += destination.length
    cell.set(origin, at)
    at += origin.length
    cell.set(data, at)
    this.sendSealed(cell, at + data.length)
  }

  private sendSealed(cell: Uint8Array, end: number): void {
    const { link, id } = this.previous
    writeCellHeader(cell, 0, this.prefix, id, false, false)
    this.sealer.seal(cell, CELL_HEADER_BYTES, end)
    link.send(cell, id)
  }
}
