import { fraction, type Random } from '../world/random.ts'
import { mayShareCircuit, type NetworkBits, type PathRelay } from './relay.ts'

export type Hops = 1 | 2 | 3

export interface PathRequest {
  /** The relay that we have a link to; always the first hop. */
  readonly entry: PathRelay
  readonly hops: Hops
  readonly relays: readonly PathRelay[]
  readonly networkBits: NetworkBits
  /** A factor in (0, 1] on a relay's weight: reliability. */
  factor(relay: PathRelay): number
  /** Relays of other circuits at hand: used only where there is no other choice, so that one failure does not end all. */
  readonly avoid: readonly PathRelay[]
  readonly random: Random
}

/** Relays of unknown bandwidth, which ours are as yet, count as this much. */
const UNKNOWN_BYTES_PER_SECOND = 1_000_000
/**
 * A promise above this adds nothing. Nobody measures what is promised, so it is worth four relays that promise nothing and no
 * more: at a larger factor the first relay that lies would be in nearly every circuit, as middle and as exit.
 */
const MAX_BYTES_PER_SECOND = 4_000_000
const AVOID_FACTOR = 0.001

/**
 * A path of `hops` relays: the entry as given, an exit at the end, no two of one network, family or key; the exit first, since
 * exits are fewest, then what lies between. Chosen by weight: bandwidth times reliability.
 */
export function selectPath(request: PathRequest): PathRelay[] | 'no-exit' | 'no-relay' {
  const { entry, hops, relays } = request
  if (hops === 1) return entry.exit ? [entry] : 'no-exit'
  const fits = (relay: PathRelay, path: readonly PathRelay[]) =>
    path.every((other) => mayShareCircuit(relay, other, request.networkBits))

  const exits = relays.filter((relay) => relay.exit && fits(relay, [entry]))
  let left = exits
  while (left.length > 0) {
    const exit = weighted(request, left)
    if (exit === undefined) break
    if (hops === 2) return [entry, exit]
    const middles = relays.filter((relay) => fits(relay, [entry, exit]))
    const middle = weighted(request, preferringNoExits(middles))
    if (middle) return [entry, middle, exit]
    left = left.filter((relay) => relay !== exit)
  }
  return exits.length === 0 ? 'no-exit' : 'no-relay'
}

/** Exits are scarce: they serve in the middle only where nobody else can. */
function preferringNoExits(relays: readonly PathRelay[]): readonly PathRelay[] {
  const plain = relays.filter((relay) => !relay.exit)
  return plain.length > 0 ? plain : relays
}

function weighted(request: PathRequest, relays: readonly PathRelay[]): PathRelay | undefined {
  const weights = relays.map((relay) => {
    const promised = relay.bytesPerSecond || UNKNOWN_BYTES_PER_SECOND
    const avoid = request.avoid.some((other) => other.publicKey.equals(relay.publicKey)) ? AVOID_FACTOR : 1
    return Math.min(promised, MAX_BYTES_PER_SECOND) * request.factor(relay) * avoid
  })
  let point = fraction(request.random) * weights.reduce((sum, weight) => sum + weight, 0)
  for (let i = 0; i < relays.length; i++) {
    point -= weights[i] as number
    if (point < 0) return relays[i]
  }
  return relays.at(-1)
}
