import { AddressReader } from './addresses.ts'
import type { Circuit } from './circuit.ts'
import type { CircuitLayers } from './circuit-layers.ts'
import type { CircuitEvents } from './circuit-options.ts'
import { MESSAGE } from './constants.ts'
import { STREAM_RESET_REASONS, type StreamResetReason } from './exit-port.ts'
import { decodeMessage, encodeMessage, type MessageBody } from './messages.ts'

const RESET_REASONS = new Map(
  Object.entries(STREAM_RESET_REASONS).map(([name, value]) => [value as number, name as StreamResetReason]),
)
/** What the other end of an end-to-end circuit may say, and what the rendezvous point may until then. */
const PEER_MESSAGES: readonly number[] = [MESSAGE.data, MESSAGE.ping, MESSAGE.pong]
const RENDEZVOUS_MESSAGES: readonly number[] = [MESSAGE.pong, MESSAGE.rendezvousEstablished]

export interface InboxActions {
  extended(answer: MessageBody<typeof MESSAGE.extended>): void
  /** @returns whether such a ping is open */
  pong(identifier: number): boolean
  httpResponse(part: MessageBody<typeof MESSAGE.httpResponse>): void
  /** @returns whether it was asked for */
  cellSize(answer: MessageBody<typeof MESSAGE.mtu>): boolean
  send(message: Uint8Array): void
  count(name: string): void
}

/** Where the messages go that come through a circuit to its owner. Throws CodecErrors, which the circuit counts. */
export class CircuitInbox {
  private readonly circuit: Circuit
  private readonly events: CircuitEvents
  private readonly actions: InboxActions
  private readonly addresses = new AddressReader()

  constructor(circuit: Circuit, events: CircuitEvents, actions: InboxActions) {
    this.circuit = circuit
    this.events = events
    this.actions = actions
  }

  /** Takes the message of the cell that `layers` has just opened. */
  receive(cell: Uint8Array, layers: CircuitLayers): void {
    const { at, end } = layers
    const id = cell[at] as number
    // Once the other end's layer is there, what does not come under it is nobody's but the rendezvous point's.
    const accepted = layers.fromPeer ? PEER_MESSAGES : RENDEZVOUS_MESSAGES
    if (layers.isEndToEnd && !accepted.includes(id)) {
      this.actions.count('circuit-unknown-message')
      return
    }
    switch (id) {
      case MESSAGE.data:
      case MESSAGE.stream:
        this.addressed(cell, at, end)
        break
      case MESSAGE.ping:
        this.ping(decodeMessage(MESSAGE.ping, cell, at, end), layers.fromPeer)
        break
      case MESSAGE.pong:
        this.pong(decodeMessage(MESSAGE.pong, cell, at, end))
        break
      case MESSAGE.extended:
        this.actions.extended(decodeMessage(MESSAGE.extended, cell, at, end))
        break
      case MESSAGE.streamReset:
        this.streamReset(decodeMessage(MESSAGE.streamReset, cell, at, end))
        break
      case MESSAGE.testResponse:
        this.tested(decodeMessage(MESSAGE.testResponse, cell, at, end))
        break
      case MESSAGE.wideTestResponse:
        this.tested(decodeMessage(MESSAGE.wideTestResponse, cell, at, end))
        break
      case MESSAGE.httpResponse:
        this.actions.httpResponse(decodeMessage(MESSAGE.httpResponse, cell, at, end))
        break
      case MESSAGE.mtu:
        this.cellSize(decodeMessage(MESSAGE.mtu, cell, at, end))
        break
      default:
        this.other(id, cell, at, end)
    }
  }

  private addressed(cell: Uint8Array, at: number, end: number): void {
    const { addresses, circuit, events } = this
    const destination = addresses.read(cell, at + 1, end)
    const origin = addresses.read(cell, addresses.end, end)
    const data = cell.subarray(addresses.end, end)
    if (circuit.state !== 'ready') this.actions.count('circuit-not-ready')
    else if (cell[at] === MESSAGE.stream) events.stream(circuit, destination, data)
    else events.datagram(circuit, origin, data)
  }

  private streamReset(reset: MessageBody<typeof MESSAGE.streamReset>): void {
    const reason = RESET_REASONS.get(reset.reason) ?? 'unspecified'
    this.events.streamReset(this.circuit, reset.destination, reset.connectionId, reason)
  }

  /** Only the other end of an end-to-end circuit pings; no hop does. */
  private ping(ping: MessageBody<typeof MESSAGE.ping>, fromPeer: boolean): void {
    if (fromPeer) this.actions.send(encodeMessage(MESSAGE.pong, ping))
    else this.actions.count('circuit-unknown-message')
  }

  private pong({ identifier }: MessageBody<typeof MESSAGE.pong>): void {
    if (!this.actions.pong(identifier)) this.actions.count('circuit-pong-unasked')
  }

  private cellSize(answer: MessageBody<typeof MESSAGE.mtu>): void {
    if (!this.actions.cellSize(answer)) this.actions.count('circuit-mtu-unasked')
  }

  private tested({ identifier, data }: { identifier: number; data: Uint8Array }): void {
    this.events.tested?.(this.circuit, identifier, data)
  }

  private other(id: number, cell: Uint8Array, at: number, end: number): void {
    const { circuit, events } = this
    if (circuit.state === 'ready' && events.message !== undefined) events.message(circuit, id, cell, at, end)
    else this.actions.count('circuit-unknown-message')
  }
}
