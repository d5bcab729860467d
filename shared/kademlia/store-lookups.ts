import { formatAddress, type IpAddress } from '../bytes/address.ts'
import { decodeBencode } from '../bytes/bencode.ts'
import { equalBytes } from '../bytes/bytes.ts'
import { CodecError } from '../bytes/error.ts'
import { isUnicast } from '../ipv8/network-of.ts'
import type { FoundItem, GetItemResult, GetPeersResult, ItemQuery, Lookup, StoreResult } from './api.ts'
import type { Candidate } from './candidate.ts'
import { isItemOf, mutableTarget } from './item.ts'
import { copyOf } from './item-store.ts'
import type { WireItem } from './krpc.ts'
import { type Found, lookUp, type Plan, storeAt } from './lookup.ts'
import type { Asked } from './rpc.ts'
import type { Core } from './side.ts'

/** Peers taken from one node's answer, so that none can crowd out what the others say. */
const PEERS_PER_ANSWER = 100
/** Keepers without the item that are given it after a lookup found it. */
const REPAIRED = 4

export function getPeers(
  core: Core,
  infoHash: Uint8Array,
  found: { peers?(peers: readonly IpAddress[]): void },
  done: (result: GetPeersResult) => void,
): Lookup {
  const peers = new Map<string, IpAddress>()
  const plan: Plan = {
    kind: 'get-peers',
    target: infoHash,
    asked: { method: 'get_peers', target: infoHash },
    paths: core.settings.paths,
    onAnswer: (_, { values }) => {
      const fresh = (values ?? [])
        .slice(0, PEERS_PER_ANSWER)
        .filter((peer) => isUnicast(peer) && !peers.has(formatAddress(peer)))
      for (const peer of fresh) peers.set(formatAddress(peer), peer)
      if (fresh.length > 0) found.peers?.(fresh)
      return true
    },
  }
  return lookUp(core, plan, ({ result }) => done({ ...result, peers: [...peers.values()] }))
}

export function announcePeer(
  core: Core,
  infoHash: Uint8Array,
  port: number | undefined,
  done: (result: StoreResult) => void,
): Lookup {
  const plan: Plan = {
    kind: 'announce-peer',
    target: infoHash,
    asked: { method: 'get_peers', target: infoHash },
    paths: core.settings.paths,
  }
  return lookUpAndStore(
    core,
    plan,
    (token) => ({ method: 'announce_peer', target: infoHash, ...(port && { port }), token }),
    done,
  )
}

export function putItem(
  core: Core,
  target: Uint8Array,
  put: { readonly item: WireItem; readonly salt?: Uint8Array; readonly cas?: number },
  done: (result: StoreResult) => void,
): Lookup {
  const plan: Plan = {
    kind: 'put',
    target,
    asked: { method: 'get', target },
    paths: core.settings.paths,
  }
  return lookUpAndStore(core, plan, (token) => ({ method: 'put', token, ...put }), done)
}

function lookUpAndStore(
  core: Core,
  plan: Plan,
  asked: (token: Uint8Array) => Asked,
  done: (result: StoreResult) => void,
): Lookup {
  let storing: Lookup | undefined
  const startedMs = core.clock.now()
  const looking = lookUp(core, plan, ({ result, ...found }) => {
    storing = storeAt(core, keepersOf(found, core.settings.replication), asked, (stored) => {
      const tookMs = core.clock.now() - startedMs
      done({ ...result, ...stored, ok: stored.stored > 0, tookMs })
    })
  })
  return {
    cancel: () => {
      looking.cancel()
      storing?.cancel()
    },
  }
}

/** Where things are stored: the closest nodes whose ids fit, as many as wanted, and the few others among them. */
function keepersOf({ closest, besides }: Omit<Found, 'result'>, replication: number): Candidate[] {
  let fit = 0
  const near = closest.filter((candidate) => !candidate.fits || fit++ < replication)
  return [...near, ...besides]
}

/** What a lookup for an item found, with what is needed to give it to others. */
export interface GotItem {
  readonly result: GetItemResult
  readonly wire: WireItem | undefined
}

export function getItem(core: Core, query: ItemQuery, done: (got: GotItem) => void): Lookup {
  const salt = 'publicKey' in query ? query.salt : undefined
  const target = 'publicKey' in query ? mutableTarget(query.publicKey, salt) : query.target
  /** Who gave which sequence number; those who gave nothing are not in it. */
  const given = new Map<Candidate, number>()
  let best: WireItem | undefined
  const plan: Plan = {
    kind: 'get',
    target,
    asked: { method: 'get', target },
    paths: core.settings.paths,
    onAnswer: (candidate, { item }) => {
      if (!item) return true
      const known = best && isSame(best, item)
      if (!known && !isItemOf(target, item, salt)) {
        core.counters.add('kademlia-false-items')
        return true
      }
      given.set(candidate, item.sequence ?? 0)
      if (!best || (item.sequence ?? 0) > (best.sequence ?? 0)) best = copyOf(item)
      // An immutable one is what its hash says; of a mutable one others may have a newer.
      return best.publicKey !== undefined
    },
  }
  let repair: Lookup | undefined
  const looking = lookUp(core, plan, (found) => {
    if (best) repair = repairAt(core, found, given, best, salt)
    done({ result: { ...found.result, item: best && foundItem(best) }, wire: best })
  })
  return {
    cancel: () => {
      looking.cancel()
      repair?.cancel()
    },
  }
}

/** The closest that lack the item, or have an older one, are given it: so items outlive those that kept them (K-05). */
function repairAt(
  core: Core,
  found: Found,
  given: ReadonlyMap<Candidate, number>,
  item: WireItem,
  salt: Uint8Array | undefined,
): Lookup {
  const lacking = keepersOf(found, core.settings.replication)
    .filter((keeper) => (given.get(keeper) ?? -1) < (item.sequence ?? 0))
    .slice(0, REPAIRED)
  return storeAt(
    core,
    lacking,
    (token) => ({ method: 'put', token, item, ...(salt && { salt }) }),
    () => {},
  )
}

function isSame(a: WireItem, b: WireItem): boolean {
  if (a.sequence !== b.sequence || !equalBytes(a.value, b.value)) return false
  const none = new Uint8Array()
  return (
    equalBytes(a.publicKey ?? none, b.publicKey ?? none) &&
    equalBytes(a.signature ?? none, b.signature ?? none)
  )
}

function foundItem({ value, sequence, publicKey }: WireItem): FoundItem {
  return { encoded: value, value: byteStringOf(value), ...(publicKey && { seq: sequence ?? 0 }) }
}

/** The bytes of a bencoded byte string; undefined if it is something else. */
export function byteStringOf(encoded: Uint8Array): Uint8Array | undefined {
  try {
    const value = decodeBencode(encoded)
    return value instanceof Uint8Array ? Uint8Array.from(value) : undefined
  } catch (error) {
    if (error instanceof CodecError) return undefined
    throw error
  }
}
