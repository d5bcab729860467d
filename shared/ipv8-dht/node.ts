import { formatAddress, type IpAddress } from '../bytes/address.ts'
import type { Codec } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { BoundedMap } from '../ipv8/bounded-map.ts'
import type { Community } from '../ipv8/community.ts'
import type { Refusal } from '../ipv8/introduction-answers.ts'
import { isUnicast } from '../ipv8/network-of.ts'
import { parseSigned } from '../ipv8/packet.ts'
import type { SideMachine } from '../ipv8/side-community.ts'
import type { Surroundings } from '../ipv8/surroundings.ts'
import { compareDistance } from '../kademlia/distance.ts'
import { Answers } from './answers.ts'
import { DHT_DEFAULTS, DHT_MESSAGE, type DhtSettings } from './constants.ts'
import { type Entry, parseEntry, plainEntry } from './entry.ts'
import { type Found, Lookup } from './lookup.ts'
import {
  acknowledgement,
  contactsOf,
  findRequest,
  findResponse,
  type NodeContact,
  storeRequest,
} from './messages.ts'
import { OpenRequests } from './requests.ts'
import { idOf, Tables } from './tables.ts'
import { ValueStore } from './value-store.ts'
import { type DhtWorld, opened, sendSigned } from './world.ts'

/** A search for values that is under way. */
export interface Search {
  /** Data of the entries found so far, each once, with the key that signed it if one did. */
  values(): readonly Pick<Entry, 'data' | 'publicKey'>[]
}

/** After three wrong answers the right one may be a guess: it proves nothing then. */
const GUESSES = 3
/** Of members of the walk that were pinged: when. */
const MAX_CONSIDERED = 512

/**
 * A node of IPv8's DHT (`docs/protocol.md`, "IPv8's DHT"): keeps a table of others, answers them, finds and stores values. Where stock
 * peers publish introduction points.
 */
export class DhtNode implements SideMachine {
  private readonly world: DhtWorld
  private readonly answers: Answers
  private readonly requests: OpenRequests<Found>
  private readonly considered = new BoundedMap<string, number>(MAX_CONSIDERED)
  private readonly lookups = new Set<{ stop(): void }>()
  private lastAnsweredMs = Number.NEGATIVE_INFINITY

  constructor(around: Surroundings, community: Community, settings: Partial<DhtSettings> = {}) {
    const all = { ...DHT_DEFAULTS, ...settings }
    const { clock, random, keyPair, own } = around
    const place = { mid: keyPair.publicKey.mid, wan: (kind: IpAddress['kind']) => own.wan(kind) }
    const tables = new Tables(place, () => clock.now())
    this.world = { around, community, settings: all, tables, store: new ValueStore(all) }
    this.requests = new OpenRequests(clock, random, all.requests)
    this.answers = new Answers(this.world, {
      onAsked: (node) => this.consider(node),
      prove: (node, then) => this.pingStranger(node, then),
    })
  }

  get stats(): {
    readonly nodes: number
    readonly values: number
    readonly bytes: number
    readonly open: number
  } {
    const { tables, store } = this.world
    return { nodes: tables.size, values: store.size, bytes: store.bytes, open: this.requests.size }
  }

  receive(id: number, source: IpAddress, packet: Uint8Array): Refusal {
    const { pong, stored, found } = DHT_MESSAGE
    if (id === pong || id === stored) return this.onAnswer(id, source, packet, acknowledgement, () => NOTHING)
    if (id === found) {
      return this.onAnswer(id, source, packet, findResponse, ({ token, values, nodes }) => ({
        token,
        values,
        nodes: contactsOf(nodes),
      }))
    }
    return this.answers.receive(id, source, packet)
  }

  tick(): void {
    const { around, tables, community, settings, store } = this.world
    tables.settle()
    store.expire(around.clock.now())
    for (const { address, publicKey } of community.table.list()) this.consider({ address, publicKey })
    for (const node of tables.questionable(settings.pingsPerTick)) {
      if (!this.requests.isWaitingFor(node.address)) this.ping(node)
    }
    const target = this.lookups.size === 0 ? tables.staleTarget(around.random) : undefined
    if (target) this.lookUp(target, true, () => undefined)
  }

  stop(): void {
    for (const lookup of this.lookups) lookup.stop()
    this.lookups.clear()
    this.requests.stop()
  }

  /** Looks for the values of a target. `done` comes once, later. Undefined if it cannot be looked for now. */
  find(target: Uint8Array, done: () => void): Search | undefined {
    const search = this.lookUp(target, false, done)
    if (!search) return undefined
    const { store, around } = this.world
    const own = store.get(target, around.clock.now())
    return { values: () => entriesOf([...own, ...search.values()]) }
  }

  /** Stores data, unsigned, at the nodes nearest to the target. `done` gets how many took it. @returns false if it cannot be now */
  store(target: Uint8Array, data: Uint8Array, done: (stored: number) => void): boolean {
    const { tables, store, around, settings } = this.world
    const value = plainEntry(data)
    const search = this.lookUp(target, true, (holders) => {
      let open = holders.length
      let taken = 0
      const answered = (ok: boolean) => {
        if (ok) taken++
        if (--open === 0) done(taken)
      }
      for (const { node, token } of holders) this.sendStore(node, token, target, value, answered)
      const [kind = 'ipv4'] = tables.kinds
      const own = tables.ownId(kind)
      const last = holders.at(-1)
      const isNear = !last || compareDistance(target, own, idOf(last.node)) < 0
      if (holders.length < settings.replicas || isNear) {
        store.put(target, parseEntry(value), undefined, own, around.clock.now())
      }
      if (holders.length === 0) done(0)
    })
    return search !== undefined
  }

  /** In all IP versions that we know nodes of. */
  private lookUp(
    target: Uint8Array,
    forceNodes: boolean,
    done: (holders: ReturnType<Lookup['holders']>) => void,
  ): { values(): Uint8Array[] } | undefined {
    const { tables, settings, around } = this.world
    const { kinds } = tables
    if (kinds.length === 0 || this.lookups.size >= settings.lookups) return undefined
    const wanted = target.slice()
    let open = kinds.length
    const all = {
      stop: () => {
        timer.cancel()
        for (const lookup of parts) lookup.stop()
      },
    }
    const finish = () => {
      if (!this.lookups.delete(all)) return
      all.stop()
      done(parts.flatMap((lookup) => lookup.holders()))
    }
    const parts = kinds.map(
      (kind) =>
        new Lookup({
          target: wanted,
          forceNodes,
          settings,
          seeds: tables.closest(kind, wanted, settings.replicas),
          ask: (node, place, force, answered) => this.ask(node, place, force, answered),
          mayAsk: (node) => this.mayAsk(node),
          isProven: ({ address }) => around.contacts.at(address)?.proven === true,
          done: () => {
            if (--open === 0) finish()
          },
        }),
    )
    const timer = around.clock.after(settings.lookupMs, finish)
    this.lookups.add(all)
    around.counters.add('ipv8-dht-lookup')
    for (const lookup of parts) lookup.start()
    return { values: () => parts.flatMap((lookup) => lookup.values()) }
  }

  private mayAsk({ address, publicKey }: NodeContact): boolean {
    const { around } = this.world
    if (!isUnicast(address) || !around.reaches(address) || around.own.isOwn(address)) return false
    return !publicKey.equals(around.keyPair.publicKey)
  }

  private ask(
    node: NodeContact,
    target: Uint8Array,
    forceNodes: boolean,
    done: (found: Found | undefined) => void,
  ): void {
    const { around, settings } = this.world
    const { own } = around
    const begun = this.begin(node, DHT_MESSAGE.found, settings.findMs, done, (identifier) => {
      const lan = own.lan(node.address.kind)
      const request = { identifier, lan, target, offset: 0, forceNodes }
      sendSigned(this.world, node.address, DHT_MESSAGE.find, findRequest, request)
    })
    if (!begun) done(undefined)
  }

  private sendStore(
    node: NodeContact,
    token: Uint8Array,
    target: Uint8Array,
    value: Uint8Array,
    done: (ok: boolean) => void,
  ): void {
    const answered = (found: Found | undefined) => done(found !== undefined)
    const { requestMs } = this.world.settings
    const begun = this.begin(node, DHT_MESSAGE.stored, requestMs, answered, (identifier) => {
      const request = { identifier, token, target, values: [value] }
      sendSigned(this.world, node.address, DHT_MESSAGE.store, storeRequest, request)
    })
    if (!begun) done(false)
  }

  private ping(node: NodeContact, then: () => void = () => undefined): void {
    const answered = (pong: Found | undefined) => pong && then()
    this.begin(node, DHT_MESSAGE.pong, this.world.settings.requestMs, answered, (identifier) =>
      sendSigned(this.world, node.address, DHT_MESSAGE.ping, acknowledgement, { identifier }),
    )
  }

  /** Strangers shall not leave us without room for requests of our own. */
  private pingStranger(node: NodeContact, then?: () => void): void {
    if (this.requests.size < this.world.settings.requestsWithStrangers) this.ping(node, then)
    else this.world.around.counters.add('ipv8-dht-requests-full')
  }

  private begin(
    node: NodeContact,
    answerId: number,
    timeoutMs: number,
    done: (answer: Found | undefined) => void,
    send: (identifier: number) => void,
  ): boolean {
    const identifier = this.requests.begin(node, answerId, timeoutMs, (answer) => {
      if (!answer) this.failed(node)
      done(answer)
    })
    if (identifier === undefined) this.world.around.counters.add('ipv8-dht-requests-full')
    else send(identifier)
    return identifier !== undefined
  }

  private failed(node: NodeContact): void {
    const { around, tables, settings } = this.world
    const isOnline = around.clock.now() - this.lastAnsweredMs < settings.cutOffMs
    if (tables.has(node)) tables.failed(node, isOnline)
  }

  private onAnswer<T>(
    id: number,
    source: IpAddress,
    packet: Uint8Array,
    codec: Codec<T & { identifier: number }>,
    foundOf: (value: T) => Found,
  ): Refusal {
    const { around, tables } = this.world
    const { clock, contacts } = around
    const signed = parseSigned(packet, codec)
    const request = this.requests.find(id, signed.value.identifier, source, signed.key)
    if (typeof request === 'string') return request
    const answer = opened(this.world, source, signed)
    if (typeof answer === 'string') return answer
    this.requests.close(request)
    this.lastAnsweredMs = clock.now()
    if (request.wrongAnswers < GUESSES) {
      contacts.answered(source)
      tables.offer(request.node, clock.now() - request.sentMs)
    }
    request.done(foundOf(answer.value))
    return undefined
  }

  /** A ping to who may belong into the table, and is not in it; it gets in when it answers. */
  private consider(node: NodeContact): void {
    const { around, tables, settings } = this.world
    const { clock, contacts, limits } = around
    const name = formatAddress(node.address)
    const lastMs = this.considered.get(name)
    if (lastMs !== undefined && clock.now() - lastMs < settings.considerMs) return
    if (tables.has(node) || !this.mayAsk(node) || !tables.hasRoomFor(node)) return
    if (this.requests.isWaitingFor(node.address)) return
    if (!limits.largerAnswer(node.address, contacts.at(node.address))) return
    this.considered.set(name, clock.now())
    this.pingStranger(node)
  }
}

/** What acknowledges. */
const NOTHING: Found = { token: new Uint8Array(), values: [], nodes: [] }

/**
 * What entries say, those with good signatures: of several by one key the one of the latest version.
 */
function entriesOf(values: readonly Uint8Array[]): Entry[] {
  const byIdentity = new Map<string, Entry>()
  for (const value of values) {
    const entry = entryOf(value)
    const before = entry && byIdentity.get(entry.identity)
    if (!entry || (before && before.version >= entry.version)) continue
    if (entry.verify()) byIdentity.set(entry.identity, entry)
  }
  return [...byIdentity.values()]
}

function entryOf(value: Uint8Array): Entry | undefined {
  try {
    return parseEntry(value)
  } catch (error) {
    if (error instanceof CodecError) return undefined
    throw error
  }
}
