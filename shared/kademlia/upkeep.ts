import type { IpAddress } from '../bytes/address.ts'
import type { Timer } from '../world/clock.ts'
import { fraction } from '../world/random.ts'
import type { Family, Lookup, LookupSummary, NodeContact } from './api.ts'
import { ID_BYTES } from './constants.ts'
import { lookUp } from './lookup.ts'
import type { Routers } from './routers.ts'
import { type Core, type Side, sideOf } from './side.ts'

/** Questionable nodes of a family asked in one round, the longest silent first. */
const PINGS_PER_ROUND = 4
/** Nodes of one family that are asked for nodes of the other. */
const CROSSING = 8
/** Nodes known from elsewhere that are asked at once. */
const MOST_ADDED = 200
/** While few nodes were found around us, or it is not clear how many there are, we look again so soon. */
const LONELY_REFRESH_MS = 2 * 60_000
const BOTH: readonly Family[] = ['ipv4', 'ipv6']

export interface UpkeepOptions {
  readonly core: Core
  readonly routers: Routers
  /** We have asked our way in, or could not: lookups that waited for it may begin. */
  settled(): void
  completed(summary: LookupSummary): void
  /** Once a round, for what else gets old. */
  round(): void
}

/**
 * The way into the DHT and what keeps us in it: routers asked, and again while no node is known (network healing, K-09); the nodes
 * around us and in buckets long not looked into looked for (K-02); those long silent asked whether they live. One timer.
 */
export class Upkeep {
  private readonly options: UpkeepOptions
  private timer: Timer | undefined
  private aroundMs = Number.NEGATIVE_INFINITY
  /** Whether there may soon be more around us. */
  private lonely = false
  private readonly refreshing = new Set<Lookup>()
  /** Ways in under way. */
  private joining = 0

  constructor(options: UpkeepOptions) {
    this.options = options
  }

  /** Whether nodes may be known soon, though none is now. */
  get mayJoin(): boolean {
    return this.joining > 0
  }

  /** Asks the routers, also those given later, and also while nodes given otherwise are being asked. */
  start(): void {
    if (this.timer === undefined) this.schedule()
    this.join()
  }

  /** The table has been restored: around us was looked for the last time at `aroundMs`. */
  restored(aroundMs: number): void {
    this.aroundMs = aroundMs
  }

  stop(): void {
    this.timer?.cancel()
    this.timer = undefined
    this.joining = 0
    for (const lookup of this.refreshing) lookup.cancel()
    this.refreshing.clear()
  }

  /** Asks these whether they are nodes, then looks around from them if that was not done yet. */
  addNodes(addresses: readonly IpAddress[]): void {
    const asked = addresses.slice(0, MOST_ADDED)
    if (asked.length === 0) return
    this.joining++
    this.askAll(asked, () => {
      if (this.aroundMs === Number.NEGATIVE_INFINITY) this.lookAround([])
      this.joined()
    })
  }

  /** Looks for the nodes closest to us, from these and those known. */
  lookAround(seeds: readonly NodeContact[]): void {
    const { core } = this.options
    for (const side of core.sides) {
      const own = [
        ...core.seeds(side, side.id, core.settings.k),
        ...seeds.filter(({ address }) => address.kind === side.family),
      ]
      if (own.length === 0) continue
      this.aroundMs = core.clock.now()
      this.joining++
      this.refresh(side, side.id, own, (found) => {
        this.lonely = found < core.settings.k || side.size.isUnsure
        this.joined()
        // One more, to anywhere: how large the DHT is.
        this.refresh(side, core.random.bytes(ID_BYTES), undefined, () => {})
      })
    }
  }

  private join(): void {
    const routers = this.options.routers.addresses
    if (routers.length === 0) return
    this.joining++
    this.askAll(routers, (seeds) => {
      this.lookAround(seeds)
      this.joined()
    })
  }

  /** One family has no nodes: those of the other may know some (BEP 32). */
  private crossOver(): void {
    const { core } = this.options
    this.aroundMs = core.clock.now()
    const known = core.sides.flatMap((side) => side.table.closest(side.id, CROSSING))
    if (known.length > 0)
      this.askAll(
        known.map(({ address }) => address),
        (seeds) => this.lookAround(seeds),
      )
  }

  private joined(): void {
    this.joining = Math.max(0, this.joining - 1)
    if (this.joining === 0) this.options.settled()
  }

  /** `done` gets the nodes that they name, when all answered or are late. */
  private askAll(addresses: readonly IpAddress[], done: (nodes: readonly NodeContact[]) => void): void {
    const { core, routers } = this.options
    const nodes: NodeContact[] = []
    let waiting = addresses.length
    for (const address of addresses) {
      let late = false
      const settled = () => {
        waiting--
        if (waiting === 0) done(nodes)
      }
      const target = sideOf(core.sides, address.kind)?.id ?? core.random.bytes(ID_BYTES)
      core.rpc.ask({
        address,
        asked: { method: 'find_node', target, ...(core.sides.length > 1 && { want: BOTH }) },
        slow: () => {
          late = true
          settled()
        },
        done: (reply) => {
          if (reply.kind === 'response') {
            const { response } = reply
            if (routers.has(address)) routers.heard(address, response.id)
            nodes.push(...(response.nodes ?? []), ...(response.nodes6 ?? []))
            // Late, but if it is the only one, the way in begins here.
            if (late && core.sides.every(({ table }) => !table.usable)) this.lookAround(nodes)
          } else {
            routers.silent(address)
          }
          if (!late) settled()
        },
      })
    }
  }

  private refresh(
    side: Side,
    target: Uint8Array,
    seeds: readonly NodeContact[] | undefined,
    done: (found: number) => void,
  ): void {
    const { core } = this.options
    const lookup = lookUp(
      core,
      {
        kind: 'refresh',
        target,
        asked: { method: 'find_node', target },
        paths: 1,
        side,
        ...(seeds && { seeds }),
      },
      ({ result, closest }) => {
        this.refreshing.delete(lookup)
        side.size.sample(
          target,
          closest.filter((candidate) => candidate.fits).map((candidate) => candidate.id),
        )
        this.options.completed(result)
        done(closest.length)
      },
    )
    this.refreshing.add(lookup)
  }

  private schedule(): void {
    const { core } = this.options
    const { bootstrapMs } = core.settings
    // Not all nodes that were started together go about it at once.
    const delayMs = bootstrapMs * (0.9 + 0.2 * fraction(core.random))
    this.timer = core.clock.after(delayMs, () => {
      this.schedule()
      this.round()
    })
  }

  private round(): void {
    const { core } = this.options
    const { clock, random, settings } = core
    const now = clock.now()
    this.options.round()
    if (core.sides.every(({ table }) => !table.usable)) {
      if (this.joining === 0) this.join()
      return
    }
    const wait = this.lonely ? LONELY_REFRESH_MS : settings.refreshMs
    if (now - this.aroundMs >= wait) {
      if (core.sides.every(({ table }) => table.usable)) this.lookAround([])
      else this.crossOver()
    }
    for (const side of core.sides) {
      for (const { address, rttMs } of side.table.questionable(now, PINGS_PER_ROUND)) {
        core.rpc.ask({ address, asked: { method: 'ping' }, rttMs, done: () => {} })
      }
      const stale = side.table.staleTarget(now, random)
      if (stale) this.refresh(side, stale, undefined, () => {})
    }
  }
}
