import type { Timer } from '../world/clock.ts'
import type { NodeContact } from './api.ts'
import { type Candidate, keyOf } from './candidate.ts'
import { ANSWER_BYTES_WITHOUT_NODES, NODE_BYTES } from './constants.ts'
import { withBitFlipped } from './distance.ts'
import type { KrpcResponse } from './krpc.ts'
import type { Asked } from './rpc.ts'
import type { Core, Side } from './side.ts'
import { seedsFor, Walk } from './walk.ts'

/** Positions beside a crowded target that are looked at together, and how many times at most. */
const POSITIONS_AT_ONCE = 4
const ROUNDS = 3
/** Positions that nobody crowds: enough when there are so many. */
const PLAUSIBLE_POSITIONS = 2

export interface GatheringOptions {
  readonly core: Core
  readonly side: Side
  readonly target: Uint8Array
  readonly asked: Asked
  readonly paths: number
  /** Nodes to begin with, in place of the table's. */
  readonly seeds?: readonly NodeContact[]
  /** @returns false when what was looked for is found */
  onAnswer?(candidate: Candidate, response: KrpcResponse): boolean
  done(): void
}

/**
 * The nodes of one family that are to keep what belongs to a target, each asked. As a rule the k closest. If those crowd around the
 * target as chance never has it, somebody has put them there to hide or replace what others keep: then the nodes closest to
 * some other positions are asked besides. The positions follow from the target alone (its bit c turned over, c from where the
 * target's neighbourhood begins, outwards, until two are found that are not crowded), so those who store and those who look
 * come to the same nodes; the first of them cover the target's honest neighbours, who have what was stored before the crowd came.
 */
export class Gathering {
  private readonly options: GatheringOptions
  private readonly walk: Walk
  private readonly beside: Walk[] = []
  private readonly besideAnswered: Candidate[] = []
  private readonly limit: Timer
  private ended = false
  private found = false
  private moreAsked = 0
  private moreAnswered = 0
  /** Whether the target was crowded. */
  crowded = false

  constructor(options: GatheringOptions) {
    this.options = options
    const { core, target, asked, paths } = options
    this.walk = this.walkTo(target, asked, paths, () => this.walked(), {
      ...(options.onAnswer && { onAnswer: options.onAnswer }),
    })
    this.limit = core.clock.after(core.settings.lookupMs, () => this.end())
  }

  start(): void {
    this.walk.start()
  }

  cancel(): void {
    this.ended = true
    this.limit.cancel()
    this.walk.cancel()
    for (const walk of this.beside) walk.cancel()
  }

  get asked(): number {
    return this.beside.reduce((sum, walk) => sum + walk.asked, this.walk.asked + this.moreAsked)
  }

  get answered(): number {
    return this.beside.reduce((sum, walk) => sum + walk.answered, this.walk.answered + this.moreAnswered)
  }

  /** The closest that answered, closest first. */
  closest(): Candidate[] {
    return this.walk.closest()
  }

  /** Those beside a crowded target that answered what was asked. */
  besides(): readonly Candidate[] {
    return this.besideAnswered
  }

  private end(): void {
    if (this.ended) return
    this.cancel()
    this.options.done()
  }

  private walked(): void {
    const { core, side, target } = this.options
    const { k, crowdFactor } = core.settings
    const ids = fitIds(this.walk.closest())
    this.crowded = !this.found && ids.length >= k && side.size.isCrowded(target, ids, crowdFactor)
    if (!this.crowded) {
      this.end()
      return
    }
    core.counters.add('kademlia-crowded-targets')
    const first = Math.ceil(Math.log2(side.size.estimate / k)) + 1
    this.lookBeside(Math.max(0, first), ROUNDS, 0)
  }

  /** Looks for the nodes closest to the positions of bits `bit`, `bit` - 1, ... */
  private lookBeside(bit: number, rounds: number, plausible: number): void {
    const { core, side, target, paths } = this.options
    const walks: Walk[] = []
    let running = Math.min(POSITIONS_AT_ONCE, bit + 1)
    let plausibleNow = plausible
    for (let i = 0; i < POSITIONS_AT_ONCE && bit - i >= 0; i++) {
      const position = withBitFlipped(target, bit - i)
      const walk = this.walkTo(position, { method: 'find_node', target: position }, paths, () => {
        if (!side.size.isCrowded(position, fitIds(walk.closest()), core.settings.crowdFactor)) plausibleNow++
        running--
        if (running > 0 || this.ended) return
        const next = bit - POSITIONS_AT_ONCE
        if (plausibleNow < PLAUSIBLE_POSITIONS && rounds > 1 && next >= 0) {
          this.lookBeside(next, rounds - 1, plausibleNow)
        } else {
          this.askBeside()
        }
      })
      walks.push(walk)
    }
    this.beside.push(...walks)
    for (const walk of walks) walk.start()
  }

  /** All that were found beside the target are asked what the target's closest were. */
  private askBeside(): void {
    const known = new Set(this.walk.closest().map(keyOf))
    const others = new Map<string, Candidate>()
    for (const walk of this.beside) {
      for (const candidate of walk.closest()) {
        if (!known.has(keyOf(candidate))) others.set(keyOf(candidate), candidate)
      }
    }
    let waiting = others.size
    const settled = (count: number) => {
      waiting -= count
      if (waiting <= 0) this.end()
    }
    settled(0)
    for (const candidate of others.values()) this.askOne({ ...candidate }, () => settled(1))
  }

  /** `settled` is called once, when it answered or takes longer than usual. */
  private askOne(candidate: Candidate, settled: () => void): void {
    const { core, asked, onAnswer } = this.options
    let late = false
    this.moreAsked++
    core.rpc.ask({
      address: candidate.address,
      asked,
      slow: () => {
        late = true
        if (!this.ended) settled()
      },
      done: (reply) => {
        if (this.ended) return
        if (reply.kind === 'response') {
          this.moreAnswered++
          if (reply.response.token) candidate.token = Uint8Array.from(reply.response.token)
          this.besideAnswered.push(candidate)
          if (onAnswer?.(candidate, reply.response) === false) this.end()
        }
        if (!late) settled()
      },
    })
  }

  private walkTo(
    target: Uint8Array,
    asked: Asked,
    paths: number,
    done: () => void,
    { onAnswer }: Pick<GatheringOptions, 'onAnswer'> = {},
  ): Walk {
    const { core, side, seeds } = this.options
    return new Walk({
      rpc: core.rpc,
      settings: core.settings,
      family: side.family,
      target,
      asked,
      paths,
      padToBytes: paddedQueryBytes(core, side),
      seeds: seeds ?? core.seeds(side, target, seedsFor(core.settings.k, paths)),
      isOwn: (contact) => core.isOwn(contact),
      rttOf: (address) => side.table.at(address)?.rttMs,
      ...(onAnswer && {
        onAnswer: (candidate, response) => {
          this.found = !onAnswer(candidate, response)
          return !this.found
        },
      }),
      done,
    })
  }
}

/** So long that k nodes are answered with. Read-only nodes look like any other, and need the closest few only. */
function paddedQueryBytes({ isReadOnly, settings }: Core, { family }: Side): number {
  return isReadOnly() ? 0 : ANSWER_BYTES_WITHOUT_NODES + settings.k * NODE_BYTES[family]
}

function fitIds(closest: readonly Candidate[]): Uint8Array[] {
  return closest.filter((candidate) => candidate.fits).map((candidate) => candidate.id)
}
