import type { IncomingMessage } from 'node:http'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { BINDINGS, type BindingKind } from '../../shared/link/auth-binding.ts'
import { tlsBinding } from '../links/tls-binding.ts'

/**
 * What a WebSocket of the gateway may be tied to in link authentication: nothing (a page cannot ask its browser), the TLS
 * that the gateway itself ends, or the onion service that it came through. Whoever passes a page's messages on from an
 * onion service of his own cannot have that one's name signed here.
 * @param onion the service's name, if the request came in through it
 */
export function bindingsOf(
  request: IncomingMessage,
  onion: string | undefined,
): (kind: BindingKind) => Uint8Array | undefined {
  return (kind) => {
    if (kind === BINDINGS.none) return new Uint8Array(0)
    if (kind === BINDINGS.tlsExporter) return tlsBinding(request.socket)?.value
    return kind === BINDINGS.onion && onion !== undefined ? utf8ToBytes(onion) : undefined
  }
}
