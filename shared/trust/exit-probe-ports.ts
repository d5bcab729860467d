import type { IpAddress } from '../bytes/address.ts'
import type { PublicKey } from '../identity/keys.ts'
import type { Circuit } from '../onion/circuit.ts'
import type { CircuitEvents } from '../onion/circuit-options.ts'
import type { ByteStream, ByteStreamEvents } from '../stream/byte-stream.ts'

/** A relay as probes see it: from its verified descriptor. */
export interface ProbeRelay {
  readonly publicKey: PublicKey
  /** For people; on no wire of a probe. */
  readonly name: string
  /** Where the hop before it reaches it. */
  readonly address: IpAddress
  /** Every address that its descriptor claims. */
  readonly claimed: readonly IpAddress[]
  /** Whether it lets out datagrams that look like BitTorrent's. */
  readonly exit: boolean
  /** Whether it ends streams in TCP. */
  readonly stream: boolean
  /** Bandwidth as promised, bytes per second; 0 for unknown. */
  readonly bytesPerSecond: number
  /** Whether its exit policy, as far as it tells it, lets anything out to an address. Everywhere if not given. */
  letsOut?(to: IpAddress, protocol: 'tcp' | 'udp'): boolean
}

/** How probes build circuits: over sockets of their own, so that nothing ties them to the relay that probes. */
export interface ProbeCircuits {
  /**
   * Builds a circuit through exactly these relays, with a fresh key, and starts it; the caller destroys it. Undefined if there
   * is no way to the first of them.
   */
  build(path: readonly ProbeRelay[], events: Partial<CircuitEvents>): Circuit | undefined
  /** Opens a TCP connection at the exit of a circuit that `build` made. */
  open(circuit: Circuit, destination: IpAddress, events: ByteStreamEvents): ByteStream
}

/** What a relay was caught at. */
export type ProbeFault = 'altered-data' | 'wrong-address' | 'dropped-data' | 'probe-only'

/** Where findings go: the trust book. Ids are mids, 20 bytes. */
export interface ProbeReports {
  recordCircuit(mid: Uint8Array, ok: boolean): void
  /** Bytes per second, both. Only told where the relay itself was what limited the rate, or where it kept its promise. */
  recordBandwidth(mid: Uint8Array, promised: number, measured: number): void
  recordMisbehaviour(mid: Uint8Array, kind: ProbeFault): void
}
