import type { Address, IpAddress } from '../bytes/address.ts'

/**
 * What the router tells the exit side of a node about a circuit that ends here. The edge (relay-server/exit) implements it with
 * real sockets, tests with a table. All decisions about what may pass are the exit's (requirement O-06); the router has
 * already opened and decoded the cell.
 */
export interface ExitPort {
  /** A DATA cell: send `data` as a UDP datagram to `destination`. */
  datagram(circuit: ExitCircuit, destination: Address, data: Uint8Array): void
  /** A STREAM cell: `packet` is a uTP packet of a stream to the TCP service at `destination`. */
  stream(circuit: ExitCircuit, destination: Address, packet: Uint8Array): void
  /**
   * An HTTP request: send its bytes over a TCP connection to `target`, and give the response to `reply`, once, if there is
   * one that may pass. Without it the node offers no exit for HTTP.
   */
  http?(
    circuit: ExitCircuit,
    target: Address,
    request: Uint8Array,
    reply: (response: Uint8Array) => void,
  ): void
  /** The circuit has ended: close everything opened for it. */
  ended(circuit: ExitCircuit): void
}

/** A circuit that ends at this node, as the exit sees it. Compare by identity; it holds no key and no address of the owner. */
export interface ExitCircuit {
  /** The neighbour that it comes by, to count its circuits: the same for two that are of one. */
  readonly source: unknown
  /** True until `ended` was called. */
  readonly alive: boolean
  /** The largest message of a stream that may go back to the owner now, its id included. */
  readonly streamMessageBytes: number
  /** Bytes that went back to the owner and still wait in our own link's queue. */
  readonly queuedBytes?: number
  /** Sends a datagram that came from `origin` back to the owner, in a DATA cell. */
  sendDatagram(origin: IpAddress, data: Uint8Array): void
  /** Sends a uTP packet of a stream back, in a STREAM cell; `destination` as the owner wrote it. */
  sendStream(destination: Address, packet: Uint8Array): void
  /** Tells the owner why a stream ended or was refused, in a STREAM-RESET message. */
  sendStreamReset(destination: Address, connectionId: number, reason: StreamResetReason): void
}

/** Why an exit refused or ended a stream. One byte on the wire, the values are part of the protocol (docs/protocol.md). */
export const STREAM_RESET_REASONS = {
  unspecified: 0,
  'not-an-exit': 1,
  'destination-refused': 2,
  'name-not-found': 3,
  'connection-refused': 4,
  'host-unreachable': 5,
  'timed-out': 6,
  'too-many-streams': 7,
  'connection-reset': 8,
} as const

export type StreamResetReason = keyof typeof STREAM_RESET_REASONS
