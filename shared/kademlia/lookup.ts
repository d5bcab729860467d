import type { Timer } from '../world/clock.ts'
import type { FindNodeResult, Lookup, LookupSummary, NodeContact } from './api.ts'
import type { Candidate } from './candidate.ts'
import { compareDistance } from './distance.ts'
import { Gathering } from './gathering.ts'
import type { KrpcResponse } from './krpc.ts'
import type { Asked } from './rpc.ts'
import type { Core, Side } from './side.ts'

export interface Plan {
  readonly kind: LookupSummary['kind']
  readonly target: Uint8Array
  readonly asked: Asked
  readonly paths: number
  /** Nodes to begin with, in place of the table's. */
  readonly seeds?: readonly NodeContact[]
  /** Only this family, else all. */
  readonly side?: Side
  /** @returns false when what was looked for is found */
  onAnswer?(candidate: Candidate, response: KrpcResponse): boolean
}

/** The nodes that keep what belongs to the target: those where something is stored. */
export interface Found {
  readonly result: FindNodeResult
  /** The closest that answered, of all families. */
  readonly closest: readonly Candidate[]
  /** Those beside a crowded target (gathering.ts). */
  readonly besides: readonly Candidate[]
}

/** Looks in all families at once. `done` is called once, never within this call. */
export function lookUp(core: Core, plan: Plan, done: (found: Found) => void): Lookup {
  const startedMs = core.clock.now()
  const sides = plan.side
    ? [plan.side]
    : core.sides.filter((side) => core.seeds(side, plan.target, 1).length > 0)
  const { seeds } = plan
  const gatherings: Gathering[] = []
  let running = sides.length
  let timer: Timer | undefined

  const ended = () => {
    const { target, kind } = plan
    const closest = gatherings
      .flatMap((gathering) => gathering.closest())
      .sort((a, b) => compareDistance(target, a.id, b.id))
    done({
      result: {
        kind,
        ok: closest.length > 0,
        cached: false,
        asked: gatherings.reduce((sum, { asked }) => sum + asked, 0),
        answered: gatherings.reduce((sum, { answered }) => sum + answered, 0),
        hops: closest.reduce((most, { hops }) => Math.max(most, hops), 0),
        tookMs: core.clock.now() - startedMs,
        closest: closest.map(({ id, address }) => ({ id, address })),
      },
      closest,
      besides: gatherings.flatMap((gathering) => gathering.besides()),
    })
  }

  for (const side of sides) {
    gatherings.push(
      new Gathering({
        core,
        side,
        target: plan.target,
        asked: plan.asked,
        paths: plan.paths,
        ...(seeds && { seeds: seeds.filter(({ address }) => address.kind === side.family) }),
        ...(plan.onAnswer && { onAnswer: plan.onAnswer }),
        done: () => {
          running--
          if (running === 0) timer = core.clock.after(0, ended)
        },
      }),
    )
  }
  if (sides.length === 0) timer = core.clock.after(0, ended)
  for (const gathering of gatherings) gathering.start()
  return {
    cancel: () => {
      timer?.cancel()
      for (const gathering of gatherings) gathering.cancel()
    },
  }
}

/** How storing went. */
export interface Stored {
  readonly stored: number
  readonly refused: ReadonlyMap<number, number>
}

/** Asks each keeper that gave a token to store something, all at once; `done` is called when all answered or are late. */
export function storeAt(
  core: Core,
  keepers: readonly Candidate[],
  asked: (token: Uint8Array) => Asked,
  done: (stored: Stored) => void,
): Lookup {
  const refused = new Map<number, number>()
  let ended = false
  let stored = 0
  let waiting = 0
  const settled = () => {
    waiting--
    if (waiting > 0 || ended) return
    ended = true
    done({ stored, refused })
  }
  for (const { address, token } of keepers) {
    if (!token) continue
    waiting++
    let late = false
    core.rpc.ask({
      address,
      asked: asked(token),
      slow: () => {
        late = true
        settled()
      },
      done: (reply) => {
        if (reply.kind === 'response') stored++
        if (reply.kind === 'error') refused.set(reply.code, (refused.get(reply.code) ?? 0) + 1)
        if (!late) settled()
      },
    })
  }
  if (waiting === 0) {
    const timer = core.clock.after(0, () => done({ stored, refused }))
    return { cancel: () => timer.cancel() }
  }
  return {
    cancel: () => {
      ended = true
    },
  }
}
