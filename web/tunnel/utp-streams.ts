import type { Address } from '../../shared/bytes/address.ts'
import type { ByteStream, ByteStreamEvents } from '../../shared/stream/byte-stream.ts'
import type { Tunnel } from './tunnel.ts'

export function openUtp(_tunnel: Tunnel, _destination: Address, events: ByteStreamEvents): ByteStream {
  queueMicrotask(() => events.closed('host-unreachable'))
  return { write: () => true, end: () => {}, destroy: () => {}, pause: () => {}, resume: () => {} }
}
