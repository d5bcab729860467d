import type { Clock } from '../world/clock.ts'
import {
  HTTP_BURST_PARTS,
  HTTP_OPEN_REQUESTS,
  HTTP_PACE_MS,
  HTTP_PART_BYTES,
  HTTP_RESPONSE_BYTES,
  HTTP_SENDING_BYTES,
  MESSAGE,
} from './constants.ts'
import { encodeMessage } from './messages.ts'
import type { RelayCircuit } from './relay-circuit.ts'

/**
 * Cuts a response of the exit into messages 29 of 1,400 bytes. A few at a time: nothing repeats them, and all at once they
 * would not fit the queue of a link.
 */
export class HttpResponder {
  private readonly clock: Clock
  /** Responses of a circuit that are not sent yet: servers can be quicker than the pace. */
  private readonly sending = new WeakMap<RelayCircuit, number>()
  private readonly maxBytes: number
  /** Of all circuits together. */
  private bytes = 0

  /** @param maxBytes of responses that are not sent whole */
  constructor(clock: Clock, maxBytes = HTTP_SENDING_BYTES) {
    this.clock = clock
    this.maxBytes = maxBytes
  }

  /**
   * One that is larger than HTTP_RESPONSE_BYTES is not sent, nor one that comes while as many are on their way as an owner
   * may have open, or for which there is no room beside those of all circuits. @returns whether it is sent
   */
  send(circuit: RelayCircuit, identifier: number, response: Uint8Array): boolean {
    const sending = this.sending.get(circuit) ?? 0
    if (response.length > HTTP_RESPONSE_BYTES || sending >= HTTP_OPEN_REQUESTS) return false
    if (this.bytes + response.length > this.maxBytes) return false
    this.sending.set(circuit, sending + 1)
    this.bytes += response.length
    this.sendFrom(circuit, identifier, response, Math.ceil(response.length / HTTP_PART_BYTES), 0)
    return true
  }

  private sendFrom(
    circuit: RelayCircuit,
    identifier: number,
    response: Uint8Array,
    parts: number,
    first: number,
  ): void {
    if (!circuit.alive) {
      this.bytes -= response.length
      return
    }
    const end = Math.min(parts, first + HTTP_BURST_PARTS)
    for (let part = first; part < end; part++) {
      const piece = response.subarray(part * HTTP_PART_BYTES, (part + 1) * HTTP_PART_BYTES)
      circuit.reply(encodeMessage(MESSAGE.httpResponse, { identifier, part, parts, response: piece }))
    }
    if (end < parts) {
      this.clock.after(HTTP_PACE_MS, () => this.sendFrom(circuit, identifier, response, parts, end))
    } else {
      this.bytes -= response.length
      this.sending.set(circuit, (this.sending.get(circuit) ?? 1) - 1)
    }
  }
}
