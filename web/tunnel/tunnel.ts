import type { Address, IpAddress } from '../../shared/bytes/address.ts'
import type { StreamOpener } from '../../shared/stream/byte-stream.ts'

/** The way out of the page: TCP streams and UDP datagrams that leave at the exit of a circuit (requirement C-07). */
export interface Tunnel {
  /** Opens a TCP connection from the exit. */
  readonly connect: StreamOpener
  /** A UDP socket at the exit. */
  datagrams(onDatagram: (origin: IpAddress, data: Uint8Array) => void): TunnelDatagrams
  /**
   * Has an exit that ends no streams ask `destination` one thing by HTTP, as those of Tribler's network do for trackers.
   * @param request its head, as it goes over the wire
   * @returns the whole response; undefined if this exit asks nothing, or none came
   */
  httpRequest(destination: Address, request: Uint8Array): Promise<Uint8Array | undefined>
}

export interface TunnelDatagrams {
  /** Best effort, as UDP is. At most 1,300 bytes go through a circuit; larger ones are dropped and counted. */
  send(destination: Address, data: Uint8Array): void
  close(): void
}
