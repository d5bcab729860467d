import type { ExitCircuit } from '../../shared/onion/exit-port.ts'
import type { Clock } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import { IDLE_CIRCUIT_MS, NEIGHBOUR_SHARE } from './constants.ts'

export interface PlacesOptions {
  readonly clock: Clock
  readonly counters: Counters
  /** Circuits that have a place at the same time. */
  readonly most: number
  /** Ends what an idle circuit has open, and gives its place back. */
  readonly end: (circuit: ExitCircuit) => void
}

interface Place {
  readonly source: unknown
  usedAtMs: number
}

/**
 * The circuits that use the exit: so many in all, and a share of them from one neighbour. Where there is no room, those make
 * some that sent nothing for minutes; one that sends again is a newcomer.
 */
export class Places {
  private readonly options: PlacesOptions
  private readonly mostOfOne: number
  /** The least recently used first. */
  private readonly taken = new Map<ExitCircuit, Place>()
  private readonly bySource = new Map<unknown, number>()

  constructor(options: PlacesOptions) {
    this.options = options
    this.mostOfOne = Math.ceil(options.most * NEIGHBOUR_SHARE)
  }

  get circuits(): ExitCircuit[] {
    return [...this.taken.keys()]
  }

  /** The circuit sends something: false, and counted, if it has no place and gets none. */
  use(circuit: ExitCircuit): boolean {
    const place = this.taken.get(circuit) ?? this.placeFor(circuit.source)
    if (place === undefined) return false
    place.usedAtMs = this.options.clock.now()
    this.taken.delete(circuit)
    this.taken.set(circuit, place)
    return true
  }

  giveBack(circuit: ExitCircuit): void {
    const place = this.taken.get(circuit)
    if (place === undefined) return
    this.taken.delete(circuit)
    const left = this.ofSource(place.source) - 1
    if (left > 0) this.bySource.set(place.source, left)
    else this.bySource.delete(place.source)
  }

  private placeFor(source: unknown): Place | undefined {
    const full = this.refusal(source)
    // Where only the neighbour has too many, others' circuits would make no room.
    if (full !== undefined) this.endIdle((each) => full === 'exit-circuits-full' || each.source === source)
    const refusal = this.refusal(source)
    if (refusal !== undefined) {
      this.options.counters.add(refusal)
      return undefined
    }
    this.bySource.set(source, this.ofSource(source) + 1)
    return { source, usedAtMs: 0 }
  }

  private refusal(source: unknown): 'exit-circuits-full' | 'exit-neighbour-full' | undefined {
    if (this.taken.size >= this.options.most) return 'exit-circuits-full'
    return this.ofSource(source) >= this.mostOfOne ? 'exit-neighbour-full' : undefined
  }

  private endIdle(isMeant: (place: Place) => boolean): void {
    const { clock, counters, end } = this.options
    const since = clock.now() - IDLE_CIRCUIT_MS
    for (const [circuit, place] of this.taken) {
      if (place.usedAtMs > since) return
      if (!isMeant(place)) continue
      counters.add('exit-circuit-idle')
      end(circuit)
    }
  }

  private ofSource(source: unknown): number {
    return this.bySource.get(source) ?? 0
  }
}
