import { type IpAddress, parseIpv4, parseIpv6 } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import type { PublicKey } from '../identity/keys.ts'
import type { LinkKind } from '../link/link.ts'
import type { Standing } from '../trust/verdict.ts'

/** What a relay lets out: streams and datagrams (ours), datagrams only (a stock exit), nothing. */
export type ExitKind = 'stream' | 'datagram' | 'none'

/** What path selection knows of a relay; from its verified descriptor, or from neighbours that walk with it. */
export interface PathRelay {
  readonly publicKey: PublicKey
  /** The relay's own name for itself, for people. */
  readonly name: string
  /** Where the hop before it reaches it by UDP. Undefined where nobody does: that hop must know the way by key. */
  readonly address: IpAddress | undefined
  /** Its second UDP address, of IPv6, where its descriptor names one of IPv4 before. */
  readonly address6?: IpAddress | undefined
  /** The kinds of link by which its descriptor says it is reached beside UDP; absent where it has none. */
  readonly kinds?: readonly LinkKind[]
  /** Operator family; empty for none. */
  readonly family: string
  /** Autonomous system: by our own table, or by the relay's claim where the table knows none. */
  readonly as?: number
  /** ISO 3166-1 alpha-2, upper case: by our own table, or by the relay's claim where the table knows none. */
  readonly country?: string
  /** What the descriptor says of itself beside what our table says: it can make a relay fit less, never more. */
  readonly claimed?: { readonly as?: number; readonly country?: string }
  /** A factor in [0, 1] on its weight, by checks and reputation; 1 where nobody judges. */
  readonly trust?: number
  /** What the trust book says of it; absent where there is none. */
  readonly standing?: Standing
  /** Only one source tells of it: no exit and no guard where there are others. */
  readonly unconfirmed?: boolean
  /** Whether it has signed a descriptor of ours. Stock IPv8 peers have none. */
  readonly culvert: boolean
  readonly exit: ExitKind
  /** Whether it asks trackers by HTTP (messages 28 and 29), which matters where it ends no streams. */
  readonly http?: boolean
  /** Bandwidth as promised, bytes per second; 0 for unknown. */
  readonly bytesPerSecond: number
  /**
   * Of a stock peer: the `relayKey`s of the relays that told of it, which nothing else vouches for. Absent where the relay
   * speaks for itself.
   */
  readonly tellers?: readonly string[]
}

/** Leading bits that two addresses of one network share. */
export interface NetworkBits {
  readonly ipv4: number
  readonly ipv6: number
}

/** Requirement C (issue 3): no circuit with two relays of one /16 (IPv4) or /32 (IPv6). */
export const NETWORK_BITS: NetworkBits = { ipv4: 16, ipv6: 32 }

/** The network of an address, as a key to compare by. */
export function networkOf(address: IpAddress, bits: NetworkBits): string {
  const ipv4 = address.kind === 'ipv4'
  const bytes = Uint8Array.from((ipv4 ? parseIpv4(address.host) : parseIpv6(address.host)) ?? [])
  const keep = ipv4 ? bits.ipv4 : bits.ipv6
  for (let i = 0; i < bytes.length; i++) {
    const left = Math.min(8, Math.max(0, keep - 8 * i))
    bytes[i] = (bytes[i] as number) & (0xff << (8 - left))
  }
  return `${address.kind} ${toHex(bytes)}`
}

interface Known {
  readonly bits: NetworkBits
  readonly network: string
  /** Of its second address. */
  readonly network6: string | undefined
}

const networks = new WeakMap<PathRelay, Known>()

/**
 * The network of those of whom none is known, as they have no address of their own to show: one for all, so that a circuit holds
 * one of them at most, and all together are drawn no more often than one network is.
 */
const UNKNOWN_NETWORK = 'unknown'

/** The network of a relay, by its first address. */
export function networkOfRelay(relay: PathRelay, bits: NetworkBits): string {
  return networksOf(relay, bits).network
}

/** Computed once, since a path is chosen from thousands. */
function networksOf(relay: PathRelay, bits: NetworkBits): Known {
  let known = networks.get(relay)
  if (known === undefined || known.bits !== bits) {
    const { address, address6 } = relay
    known = {
      bits,
      network: address ? networkOf(address, bits) : UNKNOWN_NETWORK,
      network6: address6 && networkOf(address6, bits),
    }
    networks.set(relay, known)
  }
  return known
}

/** By any of their addresses: one of IPv4 and one of IPv6 are never of one network. */
function haveOneNetwork(a: PathRelay, b: PathRelay, bits: NetworkBits): boolean {
  const [ofA, ofB] = [networksOf(a, bits), networksOf(b, bits)]
  return (
    ofA.network === ofB.network ||
    ofA.network === ofB.network6 ||
    (ofA.network6 !== undefined && (ofA.network6 === ofB.network || ofA.network6 === ofB.network6))
  )
}

const keys = new WeakMap<PublicKey, string>()

/** Map key of a relay. */
export function relayKey({ publicKey }: { readonly publicKey: PublicKey }): string {
  let key = keys.get(publicKey)
  if (key === undefined) {
    key = toHex(publicKey.bytes)
    keys.set(publicKey, key)
  }
  return key
}

/** Whether one circuit may hold both: other keys, other networks, other operators. */
export function mayShareCircuit(a: PathRelay, b: PathRelay, bits: NetworkBits): boolean {
  return (
    relayKey(a) !== relayKey(b) &&
    !haveOneNetwork(a, b, bits) &&
    (a.family === '' || a.family !== b.family) &&
    !haveOneSystem(a, b) &&
    !isOnlyToldBy(a, b) &&
    !isOnlyToldBy(b, a) &&
    !haveOneTeller(a, b)
  )
}

/**
 * Whether `next` may come after `previous` in a circuit: by UDP anybody reaches anybody; by key a relay of ours does, which has
 * its directory and dials. To onion services those dial that are one themselves.
 */
export function canExtendTo(previous: PathRelay, next: PathRelay): boolean {
  if (next.address !== undefined) return true
  const kinds = next.kinds ?? []
  return previous.culvert && kinds.some((kind) => kind !== 'tor' || previous.kinds?.includes('tor'))
}

/** By our table or by what either says: a claim sets relays apart from others, never apart from its own kind. */
function haveOneSystem(a: PathRelay, b: PathRelay): boolean {
  return isOf(a.as, b) || isOf(a.claimed?.as, b)
}

function isOf(as: number | undefined, relay: PathRelay): boolean {
  return as !== undefined && (as === relay.as || as === relay.claimed?.as)
}

/** One relay could otherwise make up the others of its circuit. */
function isOnlyToldBy(told: PathRelay, teller: PathRelay): boolean {
  return told.tellers?.every((each) => each === relayKey(teller)) ?? false
}

/** Both known from the same single relay. */
function haveOneTeller(a: PathRelay, b: PathRelay): boolean {
  return a.tellers?.length === 1 && b.tellers?.length === 1 && a.tellers[0] === b.tellers[0]
}
