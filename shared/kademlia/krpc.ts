import type { IpAddress } from '../bytes/address.ts'
import type { Family, NodeContact } from './api.ts'

/** Messages of mainline's DHT as the machine has them; krpc-codec.ts writes and reads them (BEP 5, 32, 42, 43, 44, 51). */

/** The largest datagram that is read; anything larger would have been fragmented. */
export const MAX_DATAGRAM_BYTES = 1_472
export const MAX_TRANSACTION_BYTES = 16
export const MAX_TOKEN_BYTES = 64
/** Contacts of one family that are read of one message, and peers of one message. */
export const MAX_CONTACTS = 64
export const MAX_VALUES = 200
/** Info hashes of one answer (BEP 51). */
export const MAX_SAMPLES = 64

/** An item as it travels (BEP 44). Views of the packet; `unpinned` what is kept. */
export interface WireItem {
  /** The value as bencoded, 1 to 1,000 bytes: what targets and signatures are made of. */
  readonly value: Uint8Array
  /** Ed25519, 32 bytes: with it the item is mutable, and `sequence` and `signature` are there too. */
  readonly publicKey?: Uint8Array
  readonly sequence?: number
  /** 64 bytes. */
  readonly signature?: Uint8Array
}

/** What is asked. `id` is the asker's node id; targets, info hashes and ids are 20 bytes, views of the packet. */
export type KrpcRequest =
  | { readonly method: 'ping'; readonly id: Uint8Array }
  | {
      readonly method: 'find_node'
      readonly id: Uint8Array
      readonly target: Uint8Array
      readonly want?: readonly Family[]
    }
  | {
      readonly method: 'get_peers'
      readonly id: Uint8Array
      readonly target: Uint8Array
      readonly want?: readonly Family[]
    }
  | {
      readonly method: 'announce_peer'
      readonly id: Uint8Array
      /** The info hash. */
      readonly target: Uint8Array
      /** 1 to 65535; undefined if the port is where the datagram came from (`implied_port`). */
      readonly port?: number
      readonly token: Uint8Array
    }
  | {
      readonly method: 'get'
      readonly id: Uint8Array
      readonly target: Uint8Array
      readonly want?: readonly Family[]
      /** Only an item with a higher sequence number is wanted whole. */
      readonly sequence?: number
      /** From an earlier answer of the node asked; not in BEP 44, and passed over by others (own item, docs/protocol.md). */
      readonly token?: Uint8Array
    }
  | {
      readonly method: 'put'
      readonly id: Uint8Array
      readonly token: Uint8Array
      readonly item: WireItem
      /** 0 to 64 bytes; longer ones are read, so that error 207 can be answered. */
      readonly salt?: Uint8Array
      /** Stored only if the one that is there has this sequence number. */
      readonly cas?: number
    }
  | {
      readonly method: 'sample_infohashes'
      readonly id: Uint8Array
      readonly target: Uint8Array
      readonly want?: readonly Family[]
    }

export interface KrpcQuery {
  readonly kind: 'query'
  /** 1 to 16 bytes, whatever the asker chose. */
  readonly transaction: Uint8Array
  readonly request: KrpcRequest
  /** The asker answers nobody: keep it out of tables (BEP 43). */
  readonly readOnly?: boolean
  /** The client, up to 8 bytes. */
  readonly version?: Uint8Array
  /** Bytes of padding (key `p` of the arguments) to be written; not read. */
  readonly paddingBytes?: number
}

/** A query that can be answered with nothing but an error: 203 if its arguments make no sense, 204 if its method is unknown. */
export interface KrpcBadQuery {
  readonly kind: 'bad-query'
  readonly transaction: Uint8Array
  readonly code: 203 | 204
}

/** An answer: it does not say to what, so every field is there that any answer may have. */
export interface KrpcResponse {
  readonly kind: 'response'
  readonly transaction: Uint8Array
  /** The answering node's, 20 bytes. */
  readonly id: Uint8Array
  /** IPv4 (`nodes`, 26 bytes each). The ids are copies, fit to be kept. */
  readonly nodes?: readonly NodeContact[]
  /** IPv6 (`nodes6`, 38 bytes each). */
  readonly nodes6?: readonly NodeContact[]
  /** Peers (`values`, 6 or 18 bytes each). */
  readonly values?: readonly IpAddress[]
  /** For announce_peer and put; up to 64 bytes. */
  readonly token?: Uint8Array
  readonly item?: WireItem
  /** The sequence number alone, as an answer to `get` with `sequence` may have it. */
  readonly sequence?: number
  /** Info hashes (BEP 51), each 20 bytes. */
  readonly samples?: readonly Uint8Array[]
  /** How many info hashes the node has in all. */
  readonly sampleTotal?: number
  /** Seconds until samples differ, 0 to 21,600. */
  readonly sampleIntervalSeconds?: number
  /** The asker's address as the answering node sees it (BEP 42). */
  readonly ip?: IpAddress
  readonly version?: Uint8Array
}

export interface KrpcError {
  readonly kind: 'error'
  readonly transaction: Uint8Array
  /** 201 generic, 202 server, 203 protocol, 204 method unknown, 205 to 207, 301, 302 of BEP 44. */
  readonly code: number
  /** ASCII, cut at 100 characters. */
  readonly message: string
  readonly ip?: IpAddress
}

export type KrpcMessage = KrpcQuery | KrpcBadQuery | KrpcResponse | KrpcError
