import { type IpAddress, isNoAddress, sameAddress } from '../bytes/address.ts'
import { equalBytes } from '../bytes/bytes.ts'
import { ephemeralKey, respond } from '../crypto/handshake.ts'
import { PublicKey } from '../identity/keys.ts'
import { FLAG_RELAY } from '../ipv8/constants.ts'
import { TokenBucket } from '../ipv8/token-bucket.ts'
import type { Link } from '../link/link.ts'
import { uint16, uint32 } from '../world/random.ts'
import { RetrySchedule } from '../world/retry.ts'
import { type Candidate, candidatesThatFit, offered, sealCandidates } from './candidates.ts'
import { cellCircuitId, plaintextCell } from './cells.ts'
import type { CircuitTable, Leg } from './circuit-table.ts'
import {
  ANSWER_REPEATS,
  CELL_HEADER_BYTES,
  DESTROY_REASON,
  FRESH_ID_TRY,
  MESSAGE,
  RETRANSMISSION,
  type RouterLimits,
} from './constants.ts'
import { encodeDestroy } from './destroy.ts'
import { decodeMessage, encodeMessage, type MessageBody } from './messages.ts'
import { type PendingCreate, RelayCircuit } from './relay-circuit.ts'
import type { RouterOptions } from './router-options.ts'

export interface JoinsOptions extends RouterOptions {
  readonly limits: RouterLimits
  readonly table: CircuitTable
  /** Ends a circuit, telling its neighbours why. */
  readonly close: (circuit: RelayCircuit, reason: number) => void
}

const retransmission = new RetrySchedule(RETRANSMISSION)

type Extend = MessageBody<typeof MESSAGE.extend>

/** How circuits come to a router and go on from it: create, extend, created. */
export class Joins {
  private readonly options: JoinsOptions
  private readonly handshakes: TokenBucket
  private readonly unproven: TokenBucket

  constructor(options: JoinsOptions) {
    this.options = options
    const { limits, clock } = options
    this.handshakes = new TokenBucket(clock, limits.handshakesPerSecond, limits.handshakeBurst)
    this.unproven = new TokenBucket(clock, limits.handshakesPerSecondUnproven, limits.handshakeBurstUnproven)
  }

  /**
   * Answers a create with created. One that is repeated gets the same answer again; another with an id that is in use on this
   * link is left alone (py-ipv8: for 60 s). What costs most comes last.
   */
  create(link: Link, inUse: Leg | undefined, cell: Uint8Array): void {
    const { options } = this
    if (options.flags === 0) {
      this.count('create-not-offered')
      return
    }
    const decoded = () => decodeMessage(MESSAGE.create, cell, CELL_HEADER_BYTES)
    if (inUse !== undefined) {
      this.createAgain(inUse, decoded().identifier, cell.length)
      return
    }
    const id = cellCircuitId(cell)
    const isProven = this.isProven(link)
    const refusal = this.refusal(link, isProven)
    if (refusal !== undefined) {
      this.count(refusal)
      if (isProven) this.refuse(link, id)
      return
    }
    const { identifier, nodeKey, dhKey } = decoded()
    const ownerKey = PublicKey.parse(nodeKey)
    const { aead, random, keyPair, prefix } = options
    const ephemeral = ephemeralKey(random)
    const { auth, keys } = respond(keyPair.x25519Secret, ephemeral, dhKey)
    const list = this.candidatesFor(link).slice(0, isProven ? undefined : candidatesThatFit(cell.length))
    const nowMs = options.clock.now()
    const circuit = new RelayCircuit({ link, id, ownerKey, keys, offered: list, aead, prefix, nowMs })
    options.table.add(circuit.previous)
    const candidates = sealCandidates(aead, keys, list)
    const created = { identifier, dhKey: ephemeral.publicKey, auth, candidates }
    const answer = plaintextCell(prefix, id, false, encodeMessage(MESSAGE.created, created))
    circuit.created = { identifier, bytes: answer, repeats: 0 }
    link.send(answer.slice(), 0)
  }

  /**
   * Sends a create of our own to the hop that the owner named, and repeats it until it is answered (N-04). An extend that is
   * repeated repeats that create; another one (a stock owner tries other hops every 10 s) takes its place. What cannot or may
   * not be done ends the circuit at once, so that the owner need not wait; py-ipv8 says nothing.
   */
  extend(circuit: RelayCircuit, extend: Extend): void {
    if (circuit.pending?.ownerIdentifier === extend.identifier) {
      if (circuit.pending.repeats++ < ANSWER_REPEATS) this.sendCreate(circuit)
      return
    }
    const hop = this.nextHop(circuit, extend)
    if (typeof hop === 'string') {
      this.count(hop)
      this.options.close(circuit, DESTROY_REASON['extend-failed'])
      return
    }
    const id = this.freshId(hop.link)
    const identifier = uint16(this.options.random)
    const next: Leg = { circuit, side: 'next', link: hop.link, id, key: hop.key }
    circuit.state = 'extending'
    this.openNext(next, { identifier, ownerIdentifier: extend.identifier }, extend.dhKey, 1)
  }

  /** A leg to the next hop, and the create for it. */
  private openNext(
    next: Leg,
    { identifier, ownerIdentifier }: Pick<PendingCreate, 'identifier' | 'ownerIdentifier'>,
    dhKey: Uint8Array,
    tries: number,
  ): void {
    const { table, prefix, keyPair } = this.options
    const { circuit } = next
    const create = { identifier, nodeKey: keyPair.publicKey.bytes, dhKey }
    const cell = plaintextCell(prefix, next.id, false, encodeMessage(MESSAGE.create, create))
    circuit.next = next
    circuit.pending = { identifier, ownerIdentifier, dhKey, cell, repeats: 0 }
    table.add(next)
    this.sendCreateAgain(circuit, circuit.pending, tries)
  }

  /**
   * An extend that has been answered already: the answer was lost. It comes to a circuit that goes on from here, where it
   * would be taken for something to pass on. @returns whether it was one
   */
  extendAgain(circuit: RelayCircuit, content: Uint8Array): boolean {
    const { extended } = circuit
    // What is to be passed on begins with a counter, whose first byte is 0.
    if (extended === undefined || content[0] !== MESSAGE.extend) return false
    if (decodeMessage(MESSAGE.extend, content).identifier !== extended.identifier) return false
    if (extended.repeats++ < ANSWER_REPEATS) circuit.reply(extended.bytes)
    return true
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
    circuit.retransmission?.cancel()
    const bytes = encodeMessage(MESSAGE.extended, { ...created, identifier })
    circuit.extended = { identifier, bytes, repeats: 0 }
    circuit.reply(bytes)
    circuit.state = 'relaying'
    return true
  }

  /**
   * Makes this node the rendezvous point of two circuits that end here: what comes from the one's owner goes to the other's.
   * @returns false if one of them goes on already, is going, or has used the exit
   */
  join(a: RelayCircuit, b: RelayCircuit): boolean {
    const free = (circuit: RelayCircuit) =>
      circuit.alive && circuit.closing === undefined && circuit.state === 'joined' && !circuit.exitUsed
    if (a === b || !free(a) || !free(b)) return false
    a.state = 'linked'
    b.state = 'linked'
    a.partner = b
    b.partner = a
    return true
  }

  /**
   * The same create, if it is the same: its answer was lost. One that was padded at first, for a larger answer, pays for the
   * answer each time.
   */
  private createAgain({ circuit, side, link }: Leg, identifier: number, cellBytes: number): void {
    const { created } = circuit
    this.count('create-repeated')
    if (side !== 'previous' || created?.identifier !== identifier) return
    if (created.bytes.length > cellBytes && !this.isProven(link)) return
    if (created.repeats++ < ANSWER_REPEATS) circuit.previous.link.send(created.bytes.slice(), 0)
  }

  private sendCreateAgain(circuit: RelayCircuit, pending: PendingCreate, tries: number): void {
    if (!circuit.alive || circuit.pending !== pending) return
    this.sendCreate(circuit)
    const delay = retransmission.delayAfter(tries)
    if (delay === undefined) return
    circuit.retransmission = this.options.clock.after(delay, () => {
      if (tries + 1 === FRESH_ID_TRY) this.askAnew(circuit, pending, tries + 1)
      else this.sendCreateAgain(circuit, pending, tries + 1)
    })
  }

  /** A stock hop whose created was lost ignores the same create for 60 s; under another circuit id it is a new one. */
  private askAnew(circuit: RelayCircuit, pending: PendingCreate, tries: number): void {
    const { next } = circuit
    if (!circuit.alive || circuit.pending !== pending || next === undefined) return
    this.options.table.remove(next)
    this.openNext({ ...next, id: this.freshId(next.link) }, pending, pending.dhKey, tries)
  }

  private sendCreate({ next, pending }: RelayCircuit): void {
    if (next !== undefined && pending !== undefined) next.link.send(pending.cell.slice(), 0)
  }

  /** Neighbours that an owner is offered: none that we may not extend to, and not itself. */
  private candidatesFor(link: Link): Candidate[] {
    const { candidates, mayExtendTo } = this.options
    return offered(candidates(), ({ address }) => !sameAddress(address, link.address) && mayExtendTo(address))
  }

  /** Where an extend goes, or why it goes nowhere. */
  private nextHop(circuit: RelayCircuit, extend: Extend): { link: Link; key: PublicKey } | string {
    const { limits, table, flags, clock, keyPair, linkByKey } = this.options
    const now = clock.now()
    if ((flags & FLAG_RELAY) === 0) return 'extend-not-offered'
    if (now - circuit.createdAt > limits.extendWindowMs) return 'extend-too-late'
    if (++circuit.extends > limits.extendsPerCircuit) return 'extend-too-often'
    const key = PublicKey.parse(extend.nodeKey)
    if (key.equals(keyPair.publicKey) || key.equals(circuit.previous.key)) return 'extend-backwards'
    const address = this.addressOf(circuit, key, extend.address)
    const link = linkByKey?.(key, address) ?? this.linkAt(address)
    if (typeof link === 'string') return link
    this.dropPending(circuit)
    return table.hasRoom(table.entry(link)) ? { link, key } : 'extend-no-room'
  }

  /** The link to an address that an owner named, or why there is none. */
  private linkAt(address: IpAddress | undefined): Link | string {
    const { linkTo, mayExtendTo } = this.options
    if (address === undefined) return 'extend-unknown-hop'
    if (!mayExtendTo(address)) return 'extend-refused'
    const link = linkTo(address)
    return link?.open ? link : 'extend-no-link'
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
    circuit.retransmission?.cancel()
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

  /** Whether the address at the other end of a link cannot be a forged one. */
  private isProven(link: Link): boolean {
    const { table, isProven } = this.options
    return link.kind !== 'udp' || table.known(link)?.proven === true || isProven?.(link) === true
  }

  /** Why a create is not taken, if it is not. The link's own limit comes first: one link shall not use up what is all's. */
  private refusal(link: Link, isProven: boolean): string | undefined {
    const { table } = this.options
    const known = table.known(link)
    if (known !== undefined && !known.handshakes.take()) return 'create-rate-limited'
    if (!isProven && !this.unproven.take()) return 'create-rate-limited-unproven'
    const entry = table.entry(link)
    if (known === undefined && !entry.handshakes.take()) return 'create-rate-limited'
    if (!table.hasRoom(entry)) return 'create-no-room'
    if (this.options.sleeping?.()) return 'create-sleeping'
    return this.handshakes.take() ? undefined : 'create-rate-limited'
  }

  /**
   * Says that there is no room, with a signature, as long as the link may cost some. Only where the address is no forged
   * one: it is larger than the create.
   */
  private refuse(link: Link, id: number): void {
    const { prefix, keyPair, table } = this.options
    if (table.entry(link).signatures.take()) {
      link.send(encodeDestroy(prefix, keyPair, id, DESTROY_REASON.limit), 0)
    }
  }

  private count(name: string): void {
    this.options.counters.add(name)
  }
}
