import type { Address, IpAddress } from '../bytes/address.ts'
import type { Aead } from '../crypto/aead.ts'
import type { SessionKeys } from '../crypto/handshake.ts'
import type { PublicKey } from '../identity/keys.ts'
import type { Link } from '../link/link.ts'
import type { Timer } from '../world/clock.ts'
import { AddressReader, addressBytes, NO_ADDRESS_BYTES } from './addresses.ts'
import type { Candidate } from './candidates.ts'
import { cellBuffer, messageAt, writeCellHeader } from './cells.ts'
import type { Leg } from './circuit-table.ts'
import {
  CELL_HEADER_BYTES,
  COUNTER_BYTES,
  FIRST_COUNTER,
  LAYER_BYTES,
  MAX_DATA_BACK_BYTES,
  MESSAGE,
} from './constants.ts'
import { type ExitCircuit, STREAM_RESET_REASONS, type StreamResetReason } from './exit-port.ts'
import { LayerOpener, LayerSealer } from './layer.ts'
import { encodeMessage } from './messages.ts'

/**
 * Where a circuit stands at this node: it ends here; it ends here and a create is on its way to a next hop; it goes on.
 * A circuit that is being removed stays in its state for 5 s, in which cells still pass (`closing`).
 */
export type RelayState = 'joined' | 'extending' | 'relaying'

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
  /** The open create to the next hop: its identifier, and the one that the owner's extend had. */
  pending: { readonly identifier: number; readonly ownerIdentifier: number } | undefined
  closing: Timer | undefined
  alive = true
  /** Whether the exit was told of this circuit, and so is to be told of its end. */
  exitUsed = false
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

  /** Sends a message of our own towards the owner. */
  reply(message: Uint8Array): void {
    const cell = cellBuffer(1, message.length)
    cell.set(message, messageAt(1))
    this.sendSealed(cell, messageAt(1) + message.length)
  }

  sendDatagram(origin: IpAddress, data: Uint8Array): void {
    this.sendAddressed(MESSAGE.data, NO_ADDRESS_BYTES, addressBytes(origin), data)
  }

  sendStream(destination: Address, packet: Uint8Array): void {
    this.sendAddressed(MESSAGE.stream, addressBytes(destination), NO_ADDRESS_BYTES, packet)
  }

  sendStreamReset(destination: Address, connectionId: number, reason: StreamResetReason): void {
    if (!this.alive) return
    const body = { destination, connectionId, reason: STREAM_RESET_REASONS[reason] }
    this.reply(encodeMessage(MESSAGE.streamReset, body))
  }

  private sendAddressed(id: number, destination: Uint8Array, origin: Uint8Array, data: Uint8Array): void {
    const length = 1 + destination.length + origin.length + data.length
    if (!this.alive || length > MAX_DATA_BACK_BYTES) return
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
