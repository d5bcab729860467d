import type { IpAddress } from '../bytes/address.ts'
import type { Aead } from '../crypto/aead.ts'
import type { KeyPair, PublicKey } from '../identity/keys.ts'
import type { Link } from '../link/link.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import type { Candidates } from './candidates.ts'
import type { RouterLimits } from './constants.ts'
import type { ExitPort } from './exit-port.ts'
import type { RelayCircuit } from './relay-circuit.ts'
import type { ServicePort } from './service-port.ts'

export interface RouterOptions {
  readonly keyPair: KeyPair
  /** 00 02 and the community id. */
  readonly prefix: Uint8Array
  readonly clock: Clock
  readonly random: Random
  readonly aead: Aead
  readonly counters: Counters
  /** What this node offers: FLAG_RELAY and so on. Without any, it takes no circuit. */
  readonly flags: number
  /**
   * The link to a neighbour at this address; the same object that packets from there come in by, for as long as it is open.
   * Undefined if there can be none.
   */
  readonly linkTo: (address: IpAddress) => Link | undefined
  /**
   * The link to a neighbour by its key, whatever way it takes; asked before `linkTo`. Undefined if there is none, or none that
   * is better than the address.
   * @param address what the owner of the circuit gave, or what the neighbour was offered with; undefined if only the key is known
   */
  readonly linkByKey?: (key: PublicKey, address: IpAddress | undefined) => Link | undefined
  /** Whether EXTEND may make this node send to the address: public ones, none of its own network. */
  readonly mayExtendTo: (address: IpAddress) => boolean
  readonly exit: ExitPort | undefined
  /** Introduction and rendezvous points, if this node is one. */
  readonly services?: ServicePort | undefined
  /**
   * A message 82 through a circuit that ends here: message id and body of a packet of the directory's community, a view of the
   * cell. What it throws as CodecError is counted.
   */
  readonly directory?: (circuit: RelayCircuit, message: Uint8Array) => void
  /** Neighbours to offer to owners that do not choose themselves. */
  readonly candidates: () => Candidates
  /**
   * Whether the neighbour at the other end of a UDP link is known to receive what is sent there: a verified peer of the walk.
   * Others get no answer that is larger than their question, until they have sent a cell that opens (their address might be
   * forged). Links of other kinds always are.
   */
  readonly isProven?: (link: Link) => boolean
  /** Whether no new circuits are taken for now; those that there are go on. */
  readonly sleeping?: () => boolean
  readonly limits?: Partial<RouterLimits>
}

export interface RouterStats {
  readonly circuits: number
  /** Circuits that go on to a next hop, or to another circuit. */
  readonly relaying: number
  /** Circuits that end here and have used the exit. */
  readonly exits: number
  /** Links with a circuit on them. */
  readonly links: number
  readonly cellsForward: number
  readonly cellsBackward: number
}
