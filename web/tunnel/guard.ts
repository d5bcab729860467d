import type { Address } from '../../shared/bytes/address.ts'
import type { ByteStream, ByteStreamEvents } from '../../shared/stream/byte-stream.ts'
import type { Counters } from '../../shared/world/counters.ts'
import type { Tunnel } from './tunnel.ts'

/** Whether the page may ask an exit for this destination at all. Names are judged as far as their text tells. */
export type Judge = (destination: Address, transport: 'tcp' | 'udp') => boolean

/**
 * The tunnel, but private and reserved destinations are refused before anything is sent: a hostile torrent can name
 * any address as tracker, peer or web seed (requirement W-03). The exit judges again, after it has resolved names.
 */
export function guardTunnel(tunnel: Tunnel, allowed: Judge, counters: Counters): Tunnel {
  return {
    connect: (destination, events) => {
      if (allowed(destination, 'tcp')) return tunnel.connect(destination, events)
      counters.add('tunnel-stream-refused')
      return refusedStream(events)
    },
    datagrams: (onDatagram) => {
      const datagrams = tunnel.datagrams(onDatagram)
      return {
        send: (destination, data) => {
          if (allowed(destination, 'udp')) datagrams.send(destination, data)
          else counters.add('tunnel-datagram-refused')
        },
        close: () => datagrams.close(),
      }
    },
    httpRequest: async (destination, request) => {
      if (allowed(destination, 'tcp')) return tunnel.httpRequest(destination, request)
      counters.add('tunnel-http-request-refused')
      return undefined
    },
  }
}

/** A stream that closes at once as an exit's policy would close it. */
export function refusedStream(events: ByteStreamEvents): ByteStream {
  queueMicrotask(() => events.closed('destination-refused'))
  return {
    write: () => true,
    end: () => {},
    destroy: () => {},
    pause: () => {},
    resume: () => {},
  }
}
