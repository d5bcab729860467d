import type { Address, IpAddress } from '../../shared/bytes/address.ts'
import type { StreamResetReason } from '../../shared/onion/exit-port.ts'

/** The way out of the page: TCP streams and UDP datagrams that leave at the exit of a circuit (requirement C-07). */
export interface Tunnel {
  /** Opens a TCP connection from the exit to `destination`. Events come later, never within this call. */
  connect(destination: Address, events: TunnelStreamEvents): TunnelStream
  /** A UDP socket at the exit. */
  datagrams(onDatagram: (origin: IpAddress, data: Uint8Array) => void): TunnelDatagrams
}

export interface TunnelStreamEvents {
  opened(): void
  data(chunk: Uint8Array): void
  /** Room again after `write` returned false. */
  drained(): void
  /** The far side will send nothing more. */
  ended(): void
  /** The last event. `reason` is undefined after an orderly end of both directions. */
  closed(reason: StreamResetReason | 'circuit-lost' | 'no-circuit' | undefined): void
}

export interface TunnelStream {
  /** Takes all of `chunk`; false asks the caller to wait for `drained` before writing more. May be called before `opened`. */
  write(chunk: Uint8Array): boolean
  /** Half-close: nothing more will be written. */
  end(): void
  /** Ends both directions at once. `closed` follows, with undefined. */
  destroy(): void
  /** While paused the far side is slowed down by flow control. */
  pause(): void
  resume(): void
}

export interface TunnelDatagrams {
  /** Best effort, as UDP is. At most 1,300 bytes go through a circuit; larger ones are dropped and counted. */
  send(destination: Address, data: Uint8Array): void
  close(): void
}
