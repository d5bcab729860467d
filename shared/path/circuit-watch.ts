import type { Clock } from '../world/clock.ts'
import type { Member, PoolCircuit } from './member.ts'
import type { PathRelay } from './relay.ts'
import type { Reliability } from './reliability.ts'

/** Slower than this a circuit was not used enough to tell what its relays can carry. */
const LEAST_TELLING_BYTES_PER_SECOND = 20_000

interface Seen {
  bytesIn: number
  atMs: number
  latencyMs: number | undefined
}

/** Learns from circuits what their relays are worth (N-12): latencies, rates, silences, ends. */
export class CircuitWatch {
  private readonly reliability: Reliability
  private readonly clock: Clock
  private readonly seen = new WeakMap<PoolCircuit, Seen>()

  constructor(reliability: Reliability, clock: Clock) {
    this.reliability = reliability
    this.clock = clock
  }

  ready({ circuit, path }: Member<PoolCircuit>): void {
    let beforeMs = 0
    for (const [i, relay] of path.entries()) {
      this.reliability.succeeded(relay)
      const latencyMs = circuit.hops[i]?.latencyMs
      if (latencyMs === undefined) continue
      // A hop's answer comes the whole way, so what it took longer than that of the hop before is its own share.
      this.reliability.latency(relay, Math.max(0, latencyMs - beforeMs))
      beforeMs = latencyMs
    }
  }

  /** What has come since the last look, and how long a round trip takes by now. */
  look({ circuit, path }: Member<PoolCircuit>): void {
    const atMs = this.clock.now()
    const { bytesIn, latencyMs } = circuit
    const before = this.seen.get(circuit)
    this.seen.set(circuit, { bytesIn, atMs, latencyMs })
    if (before === undefined || atMs <= before.atMs) return
    const bytesPerSecond = ((bytesIn - before.bytesIn) * 1_000) / (atMs - before.atMs)
    for (const relay of path) {
      if (bytesPerSecond >= LEAST_TELLING_BYTES_PER_SECOND) this.reliability.carried(relay, bytesPerSecond)
      // Which hop it is that varies shows over many circuits: the steady ones are in steady circuits as well.
      if (latencyMs !== undefined && latencyMs !== before.latencyMs) {
        this.reliability.latency(relay, latencyMs / path.length)
      }
    }
  }

  suspected({ path }: Member<PoolCircuit>): void {
    for (const relay of path) this.reliability.suspected(relay)
  }

  /** @param wasReady whether it served before it ended */
  ended({ circuit, path, link }: Member<PoolCircuit>, wasReady: boolean): void {
    if (blamed(this.reliability, circuit, path) || !wasReady) return
    // The link's end is the first hop's doing alone.
    for (const each of link.open ? path : path.slice(0, 1)) this.reliability.died(each)
  }
}

/** Counts against relays that a circuit could not be built. @returns false where none of its hops has failed */
export function blamed(
  reliability: Reliability,
  { hops, refusedByPrevious }: Pick<PoolCircuit, 'hops' | 'refusedByPrevious'>,
  path: readonly PathRelay[],
): boolean {
  const index = hops.findIndex((hop) => hop.state === 'failed')
  const relay = path[index]
  if (!relay) return false
  if (refusedByPrevious) {
    // Any hop before may have made it up, and the hop itself may be out of reach: all lose, and none rests for a word of another.
    for (const each of path.slice(0, index + 1)) reliability.died(each)
  } else {
    reliability.failed(relay)
  }
  return true
}
