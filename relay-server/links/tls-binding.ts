import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { BINDINGS, type ChannelBinding } from '../../shared/link/auth-binding.ts'

const BINDING_BYTES = 32
/** RFC 9266 §4: no context, which for TLS 1.3 is the same as an empty one. */
const LABEL = 'EXPORTER-Channel-Binding'
const NO_CONTEXT = Buffer.alloc(0)

/**
 * What only the two ends of this TLS connection know (RFC 9266): whoever ends it between them has another with each.
 * @returns undefined if the connection is not of TLS 1.3, or has none yet
 */
export function tlsBinding(socket: Socket): ChannelBinding | undefined {
  if (!(socket instanceof TLSSocket) || socket.getProtocol() !== 'TLSv1.3') return undefined
  const value = new Uint8Array(socket.exportKeyingMaterial(BINDING_BYTES, LABEL, NO_CONTEXT))
  return { kind: BINDINGS.tlsExporter, value }
}
