import type { Address } from '../bytes/address.ts'
import type { Aead } from '../crypto/aead.ts'
import type { KeyPair } from '../identity/keys.ts'
import type { Link } from '../link/link.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import type { Circuit } from './circuit.ts'
import type { CircuitCloseReason } from './circuit-state.ts'
import type { CircuitSettings } from './constants.ts'
import type { StreamResetReason } from './exit-port.ts'
import type { PathHop } from './hop.ts'

export interface CircuitEvents {
  /** A hop's or the circuit's state, or the latency, has changed. */
  changed(circuit: Circuit): void
  /** All hops are proven: data may be sent. */
  ready(circuit: Circuit): void
  /** `data` is a view of the packet's own memory, which nobody writes to any more. */
  datagram(circuit: Circuit, origin: Address, data: Uint8Array): void
  /** A uTP packet of a stream; `destination` is the one that the stream was opened with. `packet` as `data` above. */
  stream(circuit: Circuit, destination: Address, packet: Uint8Array): void
  streamReset(circuit: Circuit, destination: Address, connectionId: number, reason: StreamResetReason): void
  /** The last event of a circuit. */
  closed(circuit: Circuit, reason: CircuitCloseReason): void
  /** The answer to `sendTest`. */
  tested?(circuit: Circuit, identifier: number, data: Uint8Array): void
  /** The response to `httpRequest`, head and body; undefined if none came. */
  httpResponse?(circuit: Circuit, identifier: number, response: Uint8Array | undefined): void
  /** Nothing came back for a second or two (`circuit.suspect`); `changed` when it is over. Only of ready circuits. */
  suspected?(circuit: Circuit): void
  /** The other end of a seeder's end-to-end circuit is heard for the first time. */
  linked?(circuit: Circuit): void
  /**
   * A message that a circuit itself has no use for (those of hidden services): `[at, end)` of the cell, its id first. May
   * throw a CodecError. Only of ready circuits.
   */
  message?(circuit: Circuit, id: number, cell: Uint8Array, at: number, end: number): void
}

export interface CircuitOptions {
  /** The id on the link; by chance if not given. */
  readonly id?: number
  /** Fresh for each circuit: hops see its public half, and it signs the destroy. */
  readonly keyPair: KeyPair
  /** One to three hops; the first is at the link's other end. */
  readonly path: readonly PathHop[]
  readonly link: Link
  /** 00 02 and the community id. */
  readonly prefix: Uint8Array
  readonly clock: Clock
  readonly random: Random
  readonly aead: Aead
  readonly counters: Counters
  readonly events: CircuitEvents
  readonly settings?: Partial<CircuitSettings>
}
