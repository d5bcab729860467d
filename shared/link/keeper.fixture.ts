import { CulvertError } from '../bytes/error.ts'
import type { PublicKey } from '../identity/keys.ts'
import { Mesh, MeshNode } from '../sim/mesh.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { Keeper } from './keeper.ts'
import { type KeeperSettings, type NeighbourSettings, PRIORITIES } from './keeper-limits.ts'
import type { KeeperTarget } from './keeper-options.ts'
import type { LinkCloseReason } from './link.ts'
import type { LinkAddress } from './link-address.ts'
import { KEYS, type WirePair, wirePair } from './neighbour.fixture.ts'
import type { Neighbour } from './neighbour.ts'
import type { Dialler, DialSignal, DialTarget, Wire, WireKind } from './wire.ts'

type Settings = Partial<KeeperSettings & NeighbourSettings>

/** A wire of the town, and whose it is. */
export interface TownWire {
  readonly from: TownKeeper
  readonly to: TownKeeper
  readonly kind: WireKind
  readonly pair: WirePair
}

/** Where the keeper with this number is reached, by a kind. */
export function townAddress(number: number, kind: 'tcp' | 'websocket' | 'tor' = 'tcp'): LinkAddress {
  const at = { kind: 'ipv4', host: `10.0.0.${number + 1}`, port: 6667 } as const
  return kind === 'websocket' ? { kind, tls: false, at } : { kind, at }
}

/** Keepers that can dial each other, on a simulated mesh. */
export class Town {
  readonly clock: VirtualClock
  readonly random: SeededRandom
  readonly keepers: TownKeeper[] = []
  /** All that ever were. */
  readonly wires: TownWire[] = []
  /** Dials that began: who, whom, when. */
  readonly dials: { from: number; to: number; kind: WireKind; atMs: number }[] = []
  /** Addresses, as host and kind, that swallow whoever dials. */
  readonly dead = new Set<string>()
  /** Runs within each dial, as a dialler that first asks for the link to another. */
  whenDialled: ((to: TownKeeper | undefined) => void) | undefined
  readonly mesh: Mesh

  constructor(clock: VirtualClock, seed = 1) {
    this.clock = clock
    this.random = new SeededRandom(seed)
    this.mesh = new Mesh({ clock, random: this.random, loss: 0 })
  }

  add(settings: Settings = {}): TownKeeper {
    const keeper = new TownKeeper(this, this.keepers.length, settings)
    this.keepers.push(keeper)
    return keeper
  }

  /** Those wires that both ends think are open. */
  openWires(): readonly TownWire[] {
    return this.wires.filter(({ pair }) => pair.left.link.open && pair.right.link.open)
  }

  dialler(from: TownKeeper, kind: 'tcp' | 'websocket' | 'tor'): Dialler {
    return {
      kind,
      canDial: (address) => address.kind === kind,
      dial: (target, signal) => this.dial(from, kind, target, signal),
    }
  }

  private dial(
    from: TownKeeper,
    kind: 'tcp' | 'websocket' | 'tor',
    { address, publicKey }: DialTarget,
    signal?: DialSignal,
  ): Promise<Wire> {
    const to = this.keepers.find((each) => townAddress(each.number).at.host === address.at.host)
    this.dials.push({ from: from.number, to: to?.number ?? -1, kind, atMs: this.clock.now() })
    this.whenDialled?.(to)
    return new Promise((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(new CulvertError('link-aborted', 'aborted')))
      if (this.dead.has(`${address.at.host} ${kind}`)) return
      const delayMs = to ? from.node.delayTo(to.node) : 10
      // A round trip to connect and one to authenticate.
      this.clock.after(3 * delayMs, () => {
        if (!to?.isUp || !to.publicKey.equals(publicKey)) {
          reject(new CulvertError('link-unreachable', 'nobody there'))
          return
        }
        if (signal?.aborted) return
        const { clock, random } = this
        const ends = { left: from.publicKey, right: publicKey }
        const pair = wirePair({ clock, random, ...ends, kind, address, conditions: { delayMs } })
        this.wires.push({ from, to, kind, pair })
        to.keeper.accept(pair.right)
        clock.after(delayMs, () => resolve(pair.left))
      })
    })
  }
}

export class TownKeeper {
  readonly number: number
  readonly publicKey: PublicKey
  readonly node: MeshNode
  readonly counters = new Counters()
  readonly keeper: Keeper
  /** What it knows of the others, by number. */
  readonly known = new Map<number, KeeperTarget>()
  readonly received: Uint8Array[] = []
  readonly messages: { from: Neighbour; body: Uint8Array }[] = []
  readonly closed: LinkCloseReason[] = []
  /** Neighbours that circuits go over. */
  readonly used = new Set<Neighbour>()
  /** Whom it has no link with. */
  readonly blocked = new Set<TownKeeper>()
  isUp = true
  sleeping = false

  constructor(town: Town, number: number, settings: Settings) {
    this.number = number
    this.publicKey = KEYS[number] as PublicKey
    const address = { kind: 'ipv4', host: `10.0.0.${number + 1}`, port: 6667 } as const
    this.node = new MeshNode(town.mesh, address)
    this.keeper = new Keeper({
      self: this.publicKey,
      clock: town.clock,
      random: town.random,
      counters: this.counters,
      diallers: (['tcp', 'websocket', 'tor'] as const).map((kind) => town.dialler(this, kind)),
      settings,
      candidates: () => [...this.known.values()],
      targetOf: (publicKey) => [...this.known.values()].find((each) => each.publicKey.equals(publicKey)),
      isBlocked: (publicKey) => [...this.blocked].some((each) => each.publicKey.equals(publicKey)),
      inUse: (neighbour) => this.used.has(neighbour),
      onPacket: (_neighbour, packet) => this.received.push(packet),
      onClosed: (neighbour, reason) => {
        this.used.delete(neighbour)
        this.closed.push(reason)
      },
      onMessage: (from, body) => this.messages.push({ from, body }),
      sleeping: () => this.sleeping,
    })
  }

  /** Learns of another. */
  knows(
    other: TownKeeper,
    priority: number = PRIORITIES.discovered,
    kinds: readonly ('tcp' | 'websocket' | 'tor')[] = ['tcp'],
  ): void {
    const addresses = kinds.map((kind) => townAddress(other.number, kind))
    this.known.set(other.number, { publicKey: other.publicKey, addresses, priority })
  }

  linkTo(other: TownKeeper): Neighbour | undefined {
    return this.keeper.find(other.publicKey.mid)
  }

  get links(): number {
    return this.keeper.relays().length
  }
}

/** One keeper that knows all others, by one priority; none of the others dials. */
export async function started(count: number, priority: number = PRIORITIES.discovered, settings = {}) {
  const clock = new VirtualClock()
  const town = new Town(clock)
  const hub = town.add(settings)
  for (let i = 0; i < count; i++) hub.knows(town.add(), priority)
  hub.keeper.start()
  await clock.advanceAsync(5_000)
  return { clock, town, hub, others: town.keepers.slice(1) as readonly TownKeeper[] }
}

/** The other dials the hub, as a relay that the hub knows or not. */
export async function callsIn(
  town: Town,
  other: TownKeeper,
  hub: TownKeeper,
  kinds: ('tcp' | 'websocket')[] = ['tcp'],
) {
  other.knows(hub, PRIORITIES.trusted, kinds)
  other.keeper.start()
  await town.clock.advanceAsync(2_000)
}
