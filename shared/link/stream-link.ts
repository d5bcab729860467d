import { STREAM_PACKET_BYTES } from './constants.ts'
import type { Link } from './link.ts'

/** Kinds that are a stream underneath, whoever made the link. A simulated link, or one of several wires, says so itself. */
const STREAM_KINDS: ReadonlySet<string> = new Set(['tcp', 'tor', 'websocket', 'webrtc'])

/** Whether a link carries packets of STREAM_PACKET_BYTES over a stream, so that circuits may fill them. */
export function isStreamLink(link: Pick<Link, 'kind' | 'stream' | 'mtu'>): boolean {
  return (link.stream ?? STREAM_KINDS.has(link.kind)) && link.mtu >= STREAM_PACKET_BYTES
}
