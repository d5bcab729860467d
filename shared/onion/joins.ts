import { type IpAddress, isNoAddress } from '../bytes/address.ts'
import { equalBytes } from '../bytes/bytes.ts'
import { ephemeralKey, respond } from '../crypto/handshake.ts'
import { PublicKey } from '../identity/keys.ts'
import { FLAG_RELAY } from '../ipv8/constants.ts'
import { TokenBucket } from '../ipv8/token-bucket.ts'
import type { Link } from '../link/link.ts'
import { uint16, uint32 } from '../world/random.ts'
import { offered, sealCandidates } from './candidates.ts'
import { cellCircuitId, plaintextCell } from './cells.ts'
import type { CircuitTable, Leg, LinkEntry } from './circuit-table.ts'
import { CELL_HEADER_BYTES, DESTROY_REASON, MESSAGE, type RouterLimits } from './constants.ts'
import { encodeDestroy } from './destroy.ts'
import { decodeMessage, encodeMessage, type MessageBody } from './messages.ts'
import { RelayCircuit } from './relay-circuit.ts'
import type { RouterOptions } from './router.ts'

export interface JoinsOptions extends RouterOptions {
  readonly limits: RouterLimits
  readonly table: CircuitTable
  /** Ends a circuit, telling its neighbours why. */
  readonly close: (circuit: RelayCircuit, reason: number) => void
}

type Extend = MessageBody<typeof MESSAGE.extend>

/** How circuits come to a router and go on from it: create, extend, created. */
export class Joins {
  private readonly options: JoinsOptions
  private readonly handshakes: TokenBucket

  constructor(options: JoinsOptions) {
    this.options = options
    const { limits, clock } = options
    this.handshakes = new TokenBucket(clock, limits.handshakesPerSecond, limits.handshakeBurst)
  }

  /** Answers a create with created. An id that is in use on this link is left alone (py-ipv8: for 60 s). */
  create(link: Link, inUse: Leg | undefined, cell: Uint8Array): void {
    const { options } = this
    if (options.flags === 0 || inUse !== undefined) {
      this.count(inUse === undefined ? 'create-not-offered' : 'create-repeated')
      return
    }
    const { identifier, nodeKey, dhKey } = decodeMessage(MESSAGE.create, cell, CELL_HEADER_BYTES)
    const ownerKey = PublicKey.parse(nodeKey)
    const id = cellCircuitId(cell)
    const nowMs = options.clock.now()
    const entry = options.table.entry(link)
    const refusal = this.refusal(entry)
    if (refusal !== undefined) {
      this.refuse(link, entry, id, refusal)
      return
    }
    const { aead, random, keyPair, prefix } = options
    const ephemeral = ephemeralKey(random)
    const { auth, keys } = respond(keyPair.x25519Secret, ephemeral, dhKey)
    const list = offered(options.candidates(), ({ address }) => options.mayExtendTo(address))
    const circuit = new RelayCircuit({ link, id, ownerKey, keys, offered: list, aead, prefix, nowMs })
    options.table.add(circuit.previous)
    const candidates = sealCandidates(aead, keys, list)
    const created = { identifier, dhKey: ephemeral.publicKey, auth, candidates }
    link.send(plaintextCell(prefix, id, false, encodeMessage(MESSAGE.created, created)), 0)
  }

  /**
   * Sends a create of our own to the hop that the owner named. Asked again (a stock owner tries other hops every 10 s),
   * the last one counts. What cannot or may not be done ends the circuit at once, so that the owner need not wait; py-ipv8
   * says nothing.
   */
  extend(circuit: RelayCircuit, extend: Extend): void {
    const hop = this.nextHop(circuit, extend)
    if (typeof hop === 'string') {
      this.count(hop)
      this.options.close(circuit, DESTROY_REASON['extend-failed'])
      return
    }
    const { table, random, prefix, keyPair } = this.options
    const { link, key } = hop
    const next: Leg = { circuit, side: 'next', link, id: this.freshId(link), key }
    const identifier = uint16(random)
    circuit.state = 'extending'
    circuit.next = next
    circuit.pending = { identifier, ownerIdentifier: extend.identifier }
    table.add(next)
    const create = { identifier, nodeKey: keyPair.publicKey.bytes, dhKey: extend.dhKey }
    link.send(plaintextCell(prefix, next.id, false, encodeMessage(MESSAGE.create, create)), 0)
  }

  /** Passes a created on as extended. @returns whether the circuit goes on from here now */
  created(leg: Leg, cell: Uint8Array): boolean {
    const { circuit } = leg
    const created = decodeMessage(MESSAGE.created, cell, CELL_HEADER_BYTES)
    if (leg !== circuit.next || circuit.pending?.identifier !== created.identifier) {
      this.count('created-unasked')
      return false
    }
    const identifier = circuit.pending.ownerIdentifier
    circuit.pending = undefined
    circuit.reply(encodeMessage(MESSAGE.extended, { ...created, identifier }))
    circuit.state = 'relaying'
    return true
  }

  /** Where an extend goes, or why it goes nowhere. */
  private nextHop(circuit: RelayCircuit, extend: Extend): { link: Link; key: PublicKey } | string {
    const { limits, table, flags, clock, keyPair, linkTo, mayExtendTo } = this.options
    const now = clock.now()
    if ((flags & FLAG_RELAY) === 0) return 'extend-not-offered'
    if (now - circuit.createdAt > limits.extendWindowMs) return 'extend-too-late'
    if (++circuit.extends > limits.extendsPerCircuit) return 'extend-too-often'
    const key = PublicKey.parse(extend.nodeKey)
    if (key.equals(keyPair.publicKey) || key.equals(circuit.previous.key)) return 'extend-backwards'
    const address = this.addressOf(circuit, key, extend.address)
    if (address === undefined) return 'extend-unknown-hop'
    if (!mayExtendTo(address)) return 'extend-refused'
    const link = linkTo(address)
    if (link === undefined || !link.open) return 'extend-no-link'
    this.dropPending(circuit)
    return table.hasRoom(table.entry(link)) ? { link, key } : 'extend-no-room'
  }

  /** The address that the owner gave, or that of the neighbour that it was offered. */
  private addressOf(circuit: RelayCircuit, key: PublicKey, given: IpAddress): IpAddress | undefined {
    if (!isNoAddress(given)) return given
    return circuit.offered.find((candidate) => equalBytes(candidate.publicKey.bytes, key.bytes))?.address
  }

  /** Forgets a create that was not answered. */
  private dropPending(circuit: RelayCircuit): void {
    if (circuit.next === undefined) return
    this.options.table.remove(circuit.next)
    circuit.next = undefined
    circuit.pending = undefined
    circuit.state = 'joined'
  }

  private freshId(link: Link): number {
    for (;;) {
      const id = uint32(this.options.random)
      if (this.options.table.find(link, id) === undefined) return id
    }
  }

  /** Why a create is not taken, if it is not. The link's own limit comes first: one link shall not use up what is all's. */
  private refusal(entry: LinkEntry): string | undefined {
    if (!this.options.table.hasRoom(entry)) return 'create-no-room'
    if (!entry.handshakes.take() || !this.handshakes.take()) return 'create-rate-limited'
    return undefined
  }

  /** A create that is not taken for want of room: said with a signature as long as the link may cost some. */
  private refuse(link: Link, entry: LinkEntry, id: number, name: string): void {
    this.count(name)
    const { prefix, keyPair } = this.options
    if (entry.signatures.take()) {
      link.send(encodeDestroy(prefix, keyPair, id, DESTROY_REASON.limit), 0)
    }
  }

  private count(name: string): void {
    this.options.counters.add(name)
  }
}
