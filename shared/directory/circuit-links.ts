import type { Address } from '../bytes/address.ts'
import { concat } from '../bytes/bytes.ts'
import { PREFIX_BYTES } from '../ipv8/constants.ts'
import { prefixOf } from '../ipv8/packet.ts'
import { TokenBucket } from '../ipv8/token-bucket.ts'
import type { Link } from '../link/link.ts'
import type { Circuit } from '../onion/circuit.ts'
import { MAX_MESSAGE_BYTES, MESSAGE } from '../onion/constants.ts'
import { encodeMessage } from '../onion/messages.ts'
import type { RelayCircuit } from '../onion/relay-circuit.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { CIRCUIT_REQUESTS, DIRECTORY_COMMUNITY_ID } from './constants.ts'

/** The directory's packets travel through circuits without their prefix, which is always the same. */
const PREFIX = prefixOf(DIRECTORY_COMMUNITY_ID)
const MTU = MAX_MESSAGE_BYTES - 1 + PREFIX_BYTES

/** Whoever built a circuit to this node: not to be known, nor reached otherwise. */
const NOBODY: Address = { kind: 'domain', host: 'circuit', port: 0 }

/** Receives packets of a link, as `DirectoryExchange.receive` does. */
export type LinkReceiver = (link: Link, packet: Uint8Array) => void

/**
 * The relay's side: what comes in messages 82 through circuits that end here, as packets of links; what is sent over such a link
 * goes back through its circuit. One link for each circuit, so that limits on links hold for circuits.
 */
export class CircuitLinks {
  private readonly receiver: LinkReceiver
  private readonly counters: Counters
  private readonly requests: TokenBucket
  private readonly links = new WeakMap<RelayCircuit, Link>()

  constructor(
    { clock, counters }: { readonly clock: Clock; readonly counters: Counters },
    receiver: LinkReceiver,
  ) {
    this.receiver = receiver
    this.counters = counters
    this.requests = new TokenBucket(clock, CIRCUIT_REQUESTS.perSecond, CIRCUIT_REQUESTS.burst)
  }

  /** To be handed to the router, as `directory`. */
  readonly receive = (circuit: RelayCircuit, message: Uint8Array): void => {
    // Circuits cost their owner little: their number alone bounds nothing.
    if (!this.requests.take()) {
      this.counters.add('directory-limit-circuits')
      return
    }
    let link = this.links.get(circuit)
    if (link === undefined) {
      link = linkTo(circuit)
      this.links.set(circuit, link)
    }
    this.receiver(link, concat(PREFIX, message))
  }
}

function linkTo(circuit: RelayCircuit): Link {
  return {
    kind: 'circuit',
    mtu: MTU,
    address: NOBODY,
    get open() {
      return circuit.alive && circuit.state === 'joined'
    },
    send(packet) {
      if (!this.open || packet.length > MTU) return
      circuit.reply(encodeMessage(MESSAGE.directory, packet.subarray(PREFIX_BYTES)))
    },
    // The circuit is its owner's.
    close: () => undefined,
  }
}

/**
 * The owner's side: the last hop of a circuit as a link that carries the directory's packets. It has to be a Culvert relay: stock
 * ones know no message 82. Closing it ends the circuit.
 */
export function linkToLastHop(circuit: Circuit): Link {
  return {
    kind: 'circuit',
    mtu: MTU,
    address: circuit.hops.at(-1)?.address ?? NOBODY,
    get open() {
      return circuit.state === 'ready'
    },
    send: (packet) => {
      circuit.sendControl(MESSAGE.directory, packet.subarray(PREFIX_BYTES))
    },
    close: () => circuit.destroy('unneeded'),
  }
}

/**
 * The packet in a message that a circuit has no use for itself (`CircuitEvents.message`): `[at, end)` of the cell. Undefined if it
 * is not the directory's.
 */
export function directoryPacket(
  id: number,
  cell: Uint8Array,
  at: number,
  end: number,
): Uint8Array | undefined {
  return id === MESSAGE.directory ? concat(PREFIX, cell.subarray(at + 1, end)) : undefined
}
