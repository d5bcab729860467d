import type { Address } from '../bytes/address.ts'

/** Why a link ended. Sent as close code where the kind has one, and counted. */
export type LinkCloseReason = 'unneeded' | 'shutdown' | 'refused' | 'failed' | 'limit' | 'protocol' | 'lost'

/**
 * What a link runs over. `circuit`: the last hop of a circuit, which carries the directory's packets that way. `neighbour`:
 * one neighbour by whatever wires lead to it at the moment (neighbour.ts). `bridge`: through a page that passes packets on.
 */
export type LinkKind =
  | 'udp'
  | 'tcp'
  | 'tor'
  | 'websocket'
  | 'webrtc'
  | 'bridge'
  | 'simulated'
  | 'circuit'
  | 'neighbour'

/**
 * A way to one neighbour that carries packets: a UDP address, a WebSocket, a simulated wire. Like a wire behind a router's
 * queue: bounded, fair among circuits, drops when full. Reliability is the end's work. Packets come in by the call that
 * the owner of the link was made with (`onPacket(link, packet)`), never more than `mtu` bytes each.
 */
export interface Link {
  readonly kind: LinkKind
  /** The largest packet it carries, in bytes. */
  readonly mtu: number
  /**
   * Whether large packets go whole and in order, with no datagram underneath. May change while the link is open. Left out: as
   * `isStreamLink` knows the kind.
   */
  readonly stream?: boolean
  /** The neighbour's address as seen from here. */
  readonly address: Address
  /** What waits to be sent, where the link knows. */
  readonly queued?: { readonly packets: number; readonly bytes: number }
  /** False once closed from either side; `send` then drops. */
  readonly open: boolean
  /** Bytes of one flow that wait here, where that is known. */
  queuedBytes?(flow: number): number
  /**
   * Takes one packet for sending. Never blocks and never throws: what does not fit the queue is dropped and counted.
   * The link owns `packet` from now on (it may keep it queued), so the caller must not write to it again.
   * @param flow the circuit id, or 0 for control traffic: the queue is fair among flows
   */
  send(packet: Uint8Array, flow: number): void
  /** Keeps what it sends below a rate from now on, beside what is allowed to all links. Where a link can. */
  pace?(bytesPerSecond: number): void
  /** Idempotent. */
  close(reason: LinkCloseReason): void
}
