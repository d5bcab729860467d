import { PublicKey } from '../identity/keys.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { fraction, pick } from '../world/random.ts'
import { draw } from './draw.ts'
import { NETWORK_BITS, type PathRelay } from './relay.ts'
import { selectPath } from './select.ts'

/** A network of which somebody runs a share, and what he gains by it (docs/path-selection.md). */
export interface AdversaryModel {
  readonly relays: number
  /** Of 1; exits are as many among his as among the others'. */
  readonly exitShare: number
  /** What he runs, of 1. */
  readonly share: number
  /** How many times the bandwidth of others his relays promise. */
  readonly promise: number
  /** Or really have, and are measured to have, by every client. */
  readonly speed: number
  readonly users: number
  readonly days: number
  readonly circuitsPerDay: number
  readonly seed: number
}

export interface AdversaryGain {
  /** Circuits whose first and last hop are his, of 1. */
  readonly bothEnds: number
  /** Circuits that are his from end to end. */
  readonly allHops: number
  /** Users of whom at least one circuit had both ends captured within the time. */
  readonly users: number
}

interface Network {
  readonly relays: readonly PathRelay[]
  readonly bad: ReadonlySet<PathRelay>
  readonly random: SeededRandom
  measured(relay: PathRelay): number | undefined
}

const HONEST_BYTES_PER_SECOND = 1_000_000

function networkOf({ relays: count, exitShare, share, promise, speed, seed }: AdversaryModel): Network {
  const random = new SeededRandom(seed)
  const bad = new Set<PathRelay>()
  const relays = Array.from({ length: count }, (_, i): PathRelay => {
    const isBad = i < share * count
    const nth = isBad ? i : i - Math.ceil(share * count)
    const relay: PathRelay = {
      publicKey: keyOf(random),
      name: '',
      // Each in a network of its own: whoever attacks rents addresses in many.
      address: { kind: 'ipv4', host: `${1 + (i >> 8)}.${i & 255}.0.1`, port: 7000 },
      family: '',
      culvert: true,
      exit: nth * exitShare - Math.floor(nth * exitShare) < exitShare ? 'stream' : 'none',
      bytesPerSecond: HONEST_BYTES_PER_SECOND * (isBad ? promise : 1),
    }
    if (isBad) bad.add(relay)
    return relay
  })
  const measured = (relay: PathRelay) =>
    speed === 1 ? undefined : HONEST_BYTES_PER_SECOND * (bad.has(relay) ? speed : 1)
  return { relays, bad, random, measured }
}

/** Right in form; nothing here computes with it. */
function keyOf(random: SeededRandom): PublicKey {
  const bytes = new Uint8Array(74)
  bytes.set([...'LibNaCLPK:'].map((letter) => letter.charCodeAt(0)))
  bytes.set(random.bytes(64), 10)
  return PublicKey.parse(bytes)
}

/** Our rule. @param guards sampled guards in use; 1 beside an honest relay of the site's own, or 2 where there is no site */
export function ourRule(model: AdversaryModel, guards: 1 | 2): AdversaryGain {
  const { relays, bad, random, measured } = networkOf(model)
  const rule = { factor: () => 1, measured, avoid: [], random, networkBits: NETWORK_BITS }
  const plain = relays.filter((relay) => relay.exit === 'none')
  const circuits = model.days * model.circuitsPerDay
  const tally = { bothEnds: 0, allHops: 0, circuits: 0, users: 0 }
  for (let user = 0; user < model.users; user++) {
    // Guards are drawn before anything was measured.
    const sampled: PathRelay[] = []
    while (sampled.length < guards) {
      const guard = draw(
        { ...rule, measured: () => undefined },
        plain.filter((each) => !sampled.includes(each)),
      )
      if (guard) sampled.push(guard)
    }
    let caught = false
    // Primary and standby change places, so each of two ways in has half of the circuits.
    for (let i = 0; i < circuits; i++) {
      tally.circuits++
      const entry = i % 2 < guards ? sampled[i % 2 === 0 ? 0 : guards - 1] : undefined
      const isCaught = entry !== undefined && bad.has(entry)
      // A circuit that begins well tells him nothing, however it ends.
      if (!isCaught) continue
      const path = selectPath({ ...rule, entry, hops: 3, relays })
      if (typeof path === 'string' || !bad.has(path[2] as PathRelay)) continue
      caught = true
      tally.bothEnds++
      if (bad.has(path[1] as PathRelay)) tally.allHops++
    }
    if (caught) tally.users++
  }
  return {
    bothEnds: tally.bothEnds / tally.circuits,
    allHops: tally.allHops / tally.circuits,
    users: tally.users / model.users,
  }
}

/**
 * Tribler's: for each circuit a first hop by chance among the peers that are known, an exit by chance among all exits, and
 * between them whom the first hop offers. A bad one offers its own kind.
 */
export function triblersRule(model: AdversaryModel): AdversaryGain {
  const { relays, bad, random } = networkOf(model)
  const exits = relays.filter((relay) => relay.exit !== 'none')
  const circuits = model.days * model.circuitsPerDay
  const tally = { bothEnds: 0, allHops: 0, users: 0 }
  for (let user = 0; user < model.users; user++) {
    let caught = false
    for (let i = 0; i < circuits; i++) {
      const first = pick(random, relays)
      const last = pick(random, exits)
      const badFirst = first !== undefined && bad.has(first)
      const badMiddle = badFirst || fraction(random) < model.share
      if (!badFirst || last === undefined || !bad.has(last)) continue
      caught = true
      tally.bothEnds++
      if (badMiddle) tally.allHops++
    }
    if (caught) tally.users++
  }
  const all = model.users * circuits
  return { bothEnds: tally.bothEnds / all, allHops: tally.allHops / all, users: tally.users / model.users }
}
