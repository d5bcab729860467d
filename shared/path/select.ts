import { choosable, type DrawRequest, draw, preferring, serving, type Test } from './draw.ts'
import type { PathWishes } from './preferences.ts'
import { canExtendTo, mayShareCircuit, type PathRelay, relayKey } from './relay.ts'

export type Hops = 1 | 2 | 3

export interface PathRequest extends DrawRequest {
  /** The relay that we have a link to; always the first hop. */
  readonly entry: PathRelay
  readonly hops: Hops
  readonly relays: readonly PathRelay[]
  /** The last hop, if it is not to be chosen; it need not be an exit then. */
  readonly last?: PathRelay
  readonly wishes?: PathWishes | undefined
}

/**
 * A path of `hops` relays: the entry as given, an exit at the end, no two of one network, family, AS or key, nor two that only
 * one relay vouches for, each within reach of the one before it; the exit first, since exits are fewest, then what lies between. Chosen by weight: bandwidth times
 * reliability times trust, nobody above his share, alone or with others. The rule in full: docs/path-selection.md.
 */
export function selectPath(given: PathRequest): PathRelay[] | 'no-exit' | 'no-relay' {
  const request = withoutRefused(given)
  if (request === undefined) return 'no-relay'
  const { entry, hops, last } = request
  if (hops === 1) return oneHop(request)
  const reachable = last ? [last] : request.relays.filter((relay) => relay.exit !== 'none')
  const exits = reachable.filter(
    (relay) => mayShareCircuit(relay, entry, request.networkBits) && (hops > 2 || canExtendTo(entry, relay)),
  )
  let left = exits
  while (left.length > 0) {
    const exit = drawNear(request, exitsFor(request, left), [entry])
    if (exit === undefined) break
    if (hops === 2) return [entry, exit]
    const middle = drawNear(request, middlesFor(request, exit), [entry, exit])
    if (middle) return [entry, middle, exit]
    left = left.filter((relay) => relay !== exit)
  }
  return exits.length === 0 ? 'no-exit' : 'no-relay'
}

/** A last hop that two circuits are to meet at: drawn as exits are, but it need not be one. */
export function drawRendezvousPoint(
  request: DrawRequest & Pick<PathRequest, 'wishes'>,
  relays: readonly PathRelay[],
): PathRelay | undefined {
  const fits = relays.filter((relay) => !request.wishes?.refused(relay))
  return draw(request, preferring(serving(request, fits), isConfirmed))
}

/** Undefined where one of the hops that are given is refused. */
function withoutRefused(request: PathRequest): PathRequest | undefined {
  const { wishes, entry, last, relays } = request
  if (wishes === undefined) return request
  if (wishes.refused(entry) || (last && wishes.refused(last))) return undefined
  return { ...request, relays: relays.filter((relay) => !wishes.refused(relay)) }
}

function oneHop({ entry, last }: PathRequest): PathRelay[] | 'no-exit' {
  const fits = last ? relayKey(last) === relayKey(entry) : entry.exit !== 'none'
  return fits ? [entry] : 'no-exit'
}

/** Those that more than one source knows of, and that end streams, as far as there are such. */
function exitsFor(request: PathRequest, fits: readonly PathRelay[]): readonly PathRelay[] {
  return preferring(preferring(serving(request, fits), isConfirmed), endsStreams)
}

/** Ours before stock peers, which do not repeat what was lost; and exits, which are scarce, only where nobody else can. */
function middlesFor(request: PathRequest, exit: PathRelay): readonly PathRelay[] {
  const { entry, networkBits, relays } = request
  const fits = relays.filter(
    (relay) =>
      mayShareCircuit(relay, entry, networkBits) &&
      mayShareCircuit(relay, exit, networkBits) &&
      canExtendTo(entry, relay) &&
      canExtendTo(relay, exit),
  )
  return preferring(choosable(request, preferring(serving(request, fits), isCulvert)), isNoExit)
}

/** @param beside the hops beside it, of which the farther counts */
function drawNear(
  request: PathRequest,
  fits: readonly PathRelay[],
  beside: readonly PathRelay[],
): PathRelay | undefined {
  const near = request.wishes?.near
  if (near === undefined) return draw(request, fits)
  const factor = (relay: PathRelay) =>
    request.factor(relay) * Math.min(...beside.map((other) => near(relay, other)))
  return draw({ ...request, factor }, fits)
}

const endsStreams: Test = (relay) => relay.exit === 'stream'
const isConfirmed: Test = (relay) => relay.unconfirmed !== true
const isCulvert: Test = (relay) => relay.culvert
const isNoExit: Test = (relay) => relay.exit === 'none'
