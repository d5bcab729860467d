import { MAX_CHANNEL_BINDING_BYTES } from './constants.ts'

/**
 * What ties an authentication to the channel below it, by number as sent (requirement L-03):
 *
 *   0 none          nothing below that could be named: plain WebSocket, or TLS that a browser ends and tells nothing of
 *   1 TLS exporter  32 bytes of RFC 9266's `EXPORTER-Channel-Binding`, the same at both ends of one TLS 1.3 connection only
 *   2 DTLS          SHA-256 fingerprints of both certificates, 32 bytes each, the initiator's first
 *   3 onion         the service's name, `<56 characters>.onion` in ASCII: Tor has proved its key to the initiator
 */
export const BINDINGS = { none: 0, tlsExporter: 1, dtlsFingerprints: 2, onion: 3 } as const
export type BindingKind = (typeof BINDINGS)[keyof typeof BINDINGS]

/** A channel's binding as one end sees it. */
export interface ChannelBinding {
  readonly kind: BindingKind
  /** 0 bytes for kind 0, else 1 to 256. */
  readonly value: Uint8Array
}

export const NO_BINDING: ChannelBinding = { kind: BINDINGS.none, value: new Uint8Array(0) }

/** Whether a number that was received is one of BINDINGS. */
export function isBindingKind(kind: number): kind is BindingKind {
  return Object.values<number>(BINDINGS).includes(kind)
}

/** Whether a binding has as many bytes as its kind may: an empty one of kind 1 would tie nothing to anything. */
export function isBinding({ kind, value }: ChannelBinding): boolean {
  return kind === BINDINGS.none
    ? value.length === 0
    : value.length > 0 && value.length <= MAX_CHANNEL_BINDING_BYTES
}
