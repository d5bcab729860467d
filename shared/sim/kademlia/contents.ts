import { sameAddress } from '../../bytes/address.ts'
import { equalBytes } from '../../bytes/bytes.ts'
import { curves } from '../../crypto/curves.ts'
import type { FindNodeResult, Lookup, Publication } from '../../kademlia/api.ts'
import { ID_BYTES } from '../../kademlia/constants.ts'
import { byteStringValue, immutableTarget, mutableTarget } from '../../kademlia/item.ts'
import type { Random } from '../../world/random.ts'
import type { HonestNode } from './dht-nodes.ts'

export const CONTENT_KINDS = ['peers', 'immutable', 'mutable'] as const
export type ContentKind = (typeof CONTENT_KINDS)[number]

const VALUE_BYTES = 400
const SEED_BYTES = 32
const SALT = Uint8Array.of(0x73)

/** Something that one node leaves in the DHT, and others look for. */
export interface Content {
  readonly kind: ContentKind
  /** Where it is to be found. */
  readonly target: Uint8Array
  /** Leaves it and keeps it up, or its next version if it has any; `done` says at how many nodes it is first. */
  leave(owner: HonestNode, done: (stored: number) => void): void
  /** Looks for it; `right` is whether what its owner left last was found. */
  find(finder: HonestNode, owner: HonestNode, done: (right: boolean, result: FindNodeResult) => void): void
}

export function makeContent(kind: ContentKind, random: Random): Content {
  if (kind === 'peers') return announcement(random.bytes(ID_BYTES))
  return kind === 'immutable' ? immutable(random) : mutable(random)
}

/** `done` is called after the first time only. */
function publish(owner: HonestNode, publication: Publication, done: (stored: number) => void): Lookup {
  let first = true
  return owner.machine.publish(publication, ({ stored }) => {
    if (first) done(stored)
    first = false
  })
}

/** Right if the announcing node is among the peers: there is no telling a false peer but by asking it. */
function announcement(target: Uint8Array): Content {
  return {
    kind: 'peers',
    target,
    leave: (owner, done) => void publish(owner, { kind: 'peer', infoHash: target }, done),
    find: (finder, owner, done) => {
      finder.machine.getPeers(target, {}, (result) => {
        done(
          result.peers.some((peer) => sameAddress(peer, owner.place.address)),
          result,
        )
      })
    },
  }
}

function immutable(random: Random): Content {
  const value = random.bytes(VALUE_BYTES)
  const target = immutableTarget(byteStringValue(value))
  return {
    kind: 'immutable',
    target,
    leave: (owner, done) => void publish(owner, { kind: 'immutable', value }, done),
    find: (finder, _owner, done) => {
      finder.machine.getItem({ target }, (result) => {
        done(result.item?.value !== undefined && equalBytes(result.item.value, value), result)
      })
    },
  }
}

/** Right if it is the version that was left last. */
function mutable(random: Random): Content {
  const seed = random.bytes(SEED_BYTES)
  const publicKey = curves().ed25519Public(seed)
  let seq = 0
  let published: Lookup | undefined
  return {
    kind: 'mutable',
    target: mutableTarget(publicKey, SALT),
    leave: (owner, done) => {
      const value = random.bytes(VALUE_BYTES)
      const sign = (message: Uint8Array) => curves().sign(message, seed, publicKey)
      const version = seq + 1
      const item = { publicKey, sign, salt: SALT, seq: version, value }
      published?.cancel()
      published = publish(owner, { kind: 'mutable', item: () => item }, (stored) => {
        seq = version
        done(stored)
      })
    },
    find: (finder, _owner, done) => {
      const wanted = seq
      finder.machine.getItem({ publicKey, salt: SALT }, (result) =>
        done((result.item?.seq ?? 0) >= wanted, result),
      )
    },
  }
}
