import type { IpAddress } from '../bytes/address.ts'
import { isNoAddress } from '../bytes/address.ts'
import { CulvertError } from '../bytes/error.ts'
import type { Aead } from '../crypto/aead.ts'
import type { KeyPair } from '../identity/keys.ts'
import { FLAG_SPEED_TEST } from '../ipv8/constants.ts'
import type { Link } from '../link/link.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import type { Candidates } from './candidates.ts'
import {
  cellCircuitId,
  hasPrefix,
  isCell,
  isPlaintext,
  isRelayEarly,
  packetType,
  writeCellHeader,
} from './cells.ts'
import { CircuitTable, type Leg } from './circuit-table.ts'
import {
  CELL_HEADER_BYTES,
  COUNTER_BYTES,
  DESTROY_REASON,
  LAYER_BYTES,
  MESSAGE,
  RELAY_EARLY_LIMIT,
  ROUTER_LIMITS,
  type RouterLimits,
} from './constants.ts'
import { destroyCircuitId, encodeDestroy, readDestroy } from './destroy.ts'
import type { ExitPort } from './exit-port.ts'
import { Joins } from './joins.ts'
import { decodeMessage, encodeMessage } from './messages.ts'
import type { RelayCircuit } from './relay-circuit.ts'

const AEAD_TAG = LAYER_BYTES - COUNTER_BYTES

export interface RouterOptions {
  readonly keyPair: KeyPair
  /** 00 02 and the community id. */
  readonly prefix: Uint8Array
  readonly clock: Clock
  readonly random: Random
  readonly aead: Aead
  readonly counters: Counters
  /** What this node offers: FLAG_RELAY and so on. Without any, it takes no circuit. */
  readonly flags: number
  /**
   * The link to a neighbour at this address; the same object that packets from there come in by, for as long as it is open.
   * Undefined if there can be none.
   */
  readonly linkTo: (address: IpAddress) => Link | undefined
  /** Whether EXTEND may make this node send to the address: public ones, none of its own network. */
  readonly mayExtendTo: (address: IpAddress) => boolean
  readonly exit: ExitPort | undefined
  /** Neighbours to offer to owners that do not choose themselves. */
  readonly candidates: () => Candidates
  readonly limits?: Partial<RouterLimits>
}

export interface RouterStats {
  readonly circuits: number
  /** Circuits that go on to a next hop. */
  readonly relaying: number
  /** Circuits that end here and have used the exit. */
  readonly exits: number
  /** Links with a circuit on them. */
  readonly links: number
  readonly cellsForward: number
  readonly cellsBackward: number
}

/**
 * A relay's side of all circuits through it: answers create, extends, takes a layer off forward and adds one backward, and
 * hands what ends here to the exit. No I/O. Nothing that comes in makes `receive` throw; what is refused is counted.
 */
export class Router {
  /** Public for tests and status pages; not to be changed from outside. */
  readonly table: CircuitTable
  private readonly options: RouterOptions
  private readonly limits: RouterLimits
  private readonly joins: Joins
  private sweeping: Timer | undefined
  private stopped = false
  private cellsForward = 0
  private cellsBackward = 0

  constructor(options: RouterOptions) {
    this.options = options
    this.limits = { ...ROUTER_LIMITS, ...options.limits }
    this.table = new CircuitTable(this.limits, options.clock)
    this.joins = new Joins({
      ...options,
      limits: this.limits,
      table: this.table,
      close: (circuit, reason) => this.close(circuit, reason),
    })
  }

  /**
   * Takes a packet of this overlay off a link: cells and destroys. The router may write to the packet's memory and may hand
   * it on, so it must not be used again.
   */
  receive(link: Link, packet: Uint8Array): void {
    if (this.stopped) return
    try {
      if (isCell(packet) && hasPrefix(packet, this.options.prefix)) this.receiveCell(link, packet)
      else if (!hasPrefix(packet, this.options.prefix)) this.count('router-foreign-packet')
      else if (packetType(packet) === MESSAGE.destroy) this.receiveDestroy(link, packet)
      else this.count('router-unknown-packet')
    } catch (error) {
      this.count(error instanceof CulvertError ? error.code : 'router-fault')
    }
  }

  /** Ends all circuits of a link that has closed, and tells their other neighbours. */
  linkClosed(link: Link): void {
    for (const leg of this.table.legsOf(link)) {
      const { circuit } = leg
      const other = leg.side === 'previous' ? circuit.next : circuit.previous
      if (other !== undefined) this.sendDestroy(other, DESTROY_REASON['link-lost'])
      this.remove(circuit)
    }
    this.table.forget(link)
  }

  /** Ends everything, telling all neighbours. The router is of no use afterwards. */
  stop(): void {
    if (this.stopped) return
    this.stopped = true
    this.sweeping?.cancel()
    for (const circuit of [...this.table.circuits]) {
      this.sendDestroy(circuit.previous, DESTROY_REASON.shutdown)
      if (circuit.next !== undefined) this.sendDestroy(circuit.next, DESTROY_REASON.shutdown)
      this.remove(circuit)
    }
  }

  stats(): RouterStats {
    let relaying = 0
    let exits = 0
    for (const circuit of this.table.circuits) {
      if (circuit.state === 'relaying') relaying++
      else if (circuit.exitUsed) exits++
    }
    return {
      circuits: this.table.circuits.size,
      relaying,
      exits,
      links: this.table.linkCount,
      cellsForward: this.cellsForward,
      cellsBackward: this.cellsBackward,
    }
  }

  private receiveCell(link: Link, cell: Uint8Array): void {
    const leg = this.table.find(link, cellCircuitId(cell))
    if (isPlaintext(cell)) this.receivePlaintext(link, leg, cell)
    else if (leg === undefined) this.count('cell-of-unknown-circuit')
    else if (leg.side === 'previous') this.receiveForward(leg, cell)
    else this.receiveBackward(leg, cell)
  }

  /** Only create and created travel in plaintext; what would be relayed never does. */
  private receivePlaintext(link: Link, leg: Leg | undefined, cell: Uint8Array): void {
    const message = cell[CELL_HEADER_BYTES]
    if (message === MESSAGE.create) {
      this.joins.create(link, leg, cell)
      this.keepSweeping()
    } else if (message === MESSAGE.created && leg !== undefined) {
      if (this.joins.created(leg, cell)) this.endExit(leg.circuit)
    } else {
      this.count('cell-in-plaintext')
    }
  }

  private receiveForward(leg: Leg, cell: Uint8Array): void {
    const { circuit } = leg
    const result = circuit.opener.open(cell, CELL_HEADER_BYTES, cell.length)
    if (result !== 'opened') {
      this.count(`cell-${result}`)
      return
    }
    const { length } = cell
    const content = CELL_HEADER_BYTES + COUNTER_BYTES
    if (length === content + AEAD_TAG) {
      this.count('cell-empty')
      return
    }
    circuit.activeAt = this.options.clock.now()
    circuit.bytes += length
    const relayEarly = isRelayEarly(cell)
    if (circuit.state === 'relaying' && circuit.next !== undefined) {
      this.passOn(circuit, circuit.next, cell, relayEarly)
    } else {
      this.receiveMessage(circuit, cell, content, length - AEAD_TAG, relayEarly)
    }
  }

  /** The layer that was opened took 8 bytes in front: the new header goes into them and the old one's end. */
  private passOn(circuit: RelayCircuit, next: Leg, cell: Uint8Array, relayEarly: boolean): void {
    if (relayEarly && circuit.earlyForward >= RELAY_EARLY_LIMIT) {
      this.count('relay-early-exceeded')
      return
    }
    if (relayEarly) circuit.earlyForward++
    this.cellsForward++
    writeCellHeader(cell, COUNTER_BYTES, this.options.prefix, next.id, false, relayEarly)
    next.link.send(cell.subarray(COUNTER_BYTES, cell.length - AEAD_TAG), next.id)
  }

  private receiveBackward(leg: Leg, cell: Uint8Array): void {
    const { circuit } = leg
    if (circuit.state !== 'relaying') {
      this.count('cell-before-created')
      return
    }
    const relayEarly = isRelayEarly(cell)
    if (relayEarly && circuit.earlyBackward >= RELAY_EARLY_LIMIT) {
      this.count('relay-early-exceeded')
      return
    }
    if (cell.length + LAYER_BYTES > circuit.previous.link.mtu) {
      this.count('cell-too-large')
      return
    }
    if (relayEarly) circuit.earlyBackward++
    circuit.activeAt = this.options.clock.now()
    circuit.bytes += cell.length
    this.cellsBackward++
    circuit.passBack(cell, relayEarly)
  }

  /** A message that ends here: `[at, end)` of the cell, at least its id. */
  private receiveMessage(
    circuit: RelayCircuit,
    cell: Uint8Array,
    at: number,
    end: number,
    relayEarly: boolean,
  ): void {
    switch (cell[at]) {
      case MESSAGE.data:
      case MESSAGE.stream:
        this.toExit(circuit, cell, at, end)
        break
      case MESSAGE.ping:
        circuit.reply(encodeMessage(MESSAGE.pong, decodeMessage(MESSAGE.ping, cell, at, end)))
        break
      case MESSAGE.extend:
        if (relayEarly) this.joins.extend(circuit, decodeMessage(MESSAGE.extend, cell, at, end))
        else this.count('extend-not-early')
        break
      case MESSAGE.testRequest:
        this.answerTest(circuit, decodeMessage(MESSAGE.testRequest, cell, at, end))
        break
      default:
        this.count('cell-of-unknown-message')
    }
  }

  private toExit(circuit: RelayCircuit, cell: Uint8Array, at: number, end: number): void {
    const { addresses } = circuit
    const destination = addresses.read(cell, at + 1, end)
    addresses.read(cell, addresses.end, end)
    const data = cell.subarray(addresses.end, end)
    const isStream = cell[at] === MESSAGE.stream
    const { exit } = this.options
    if (isNoAddress(destination)) {
      this.count('exit-without-destination')
    } else if (exit === undefined) {
      this.count('exit-not-offered')
      if (isStream && data.length >= 4) {
        const connectionId = ((data[2] as number) << 8) | (data[3] as number)
        circuit.sendStreamReset(destination, connectionId, 'not-an-exit')
      }
    } else {
      circuit.exitUsed = true
      if (isStream) exit.stream(circuit, destination, data)
      else exit.datagram(circuit, destination, data)
    }
  }

  private answerTest(circuit: RelayCircuit, request: { identifier: number; responseBytes: number }): void {
    if ((this.options.flags & FLAG_SPEED_TEST) === 0) {
      this.count('speed-test-not-offered')
      return
    }
    const length = Math.min(request.responseBytes, this.limits.testResponseBytes)
    const data = this.options.random.bytes(length)
    circuit.reply(encodeMessage(MESSAGE.testResponse, { identifier: request.identifier, data }))
  }

  private receiveDestroy(link: Link, packet: Uint8Array): void {
    const leg = this.table.find(link, destroyCircuitId(packet))
    if (leg === undefined) {
      this.count('destroy-of-unknown-circuit')
      return
    }
    if (!this.table.entry(link).signatures.take()) {
      this.count('destroy-rate-limited')
      return
    }
    const reason = readDestroy(packet, leg.key)
    const { circuit } = leg
    if (circuit.closing !== undefined) return
    const other = leg.side === 'previous' ? circuit.next : circuit.previous
    if (other !== undefined && reason !== DESTROY_REASON.none) this.sendDestroy(other, reason)
    this.removeLater(circuit)
  }

  /** Ends a circuit from here: tells both neighbours, and removes it after the delay. */
  private close(circuit: RelayCircuit, reason: number): void {
    if (circuit.closing !== undefined) return
    this.sendDestroy(circuit.previous, reason)
    if (circuit.next !== undefined) this.sendDestroy(circuit.next, reason)
    this.removeLater(circuit)
  }

  private sendDestroy(leg: Leg, reason: number): void {
    const { prefix, keyPair } = this.options
    if (leg.link.open) leg.link.send(encodeDestroy(prefix, keyPair, leg.id, reason), 0)
  }

  private removeLater(circuit: RelayCircuit): void {
    circuit.closing = this.options.clock.after(this.limits.removalDelayMs, () => this.remove(circuit))
  }

  private remove(circuit: RelayCircuit): void {
    circuit.closing?.cancel()
    this.table.circuits.delete(circuit)
    this.table.remove(circuit.previous)
    if (circuit.next !== undefined) this.table.remove(circuit.next)
    this.endExit(circuit)
    circuit.alive = false
  }

  /** Tells the exit, if it ever heard of the circuit. A fault of the exit ends no other circuit. */
  private endExit(circuit: RelayCircuit): void {
    circuit.alive = false
    if (!circuit.exitUsed) return
    circuit.exitUsed = false
    try {
      this.options.exit?.ended(circuit)
    } catch (error) {
      this.count(error instanceof CulvertError ? error.code : 'router-fault')
    }
  }

  private keepSweeping(): void {
    if (this.sweeping !== undefined || this.table.linkCount === 0) return
    this.sweeping = this.options.clock.after(this.limits.sweepMs, () => {
      this.sweeping = undefined
      this.sweep()
      this.keepSweeping()
    })
  }

  private sweep(): void {
    const now = this.options.clock.now()
    const { idleMs, maxAgeMs, maxBytes } = this.limits
    for (const circuit of [...this.table.circuits]) {
      if (circuit.closing !== undefined) continue
      if (now - circuit.activeAt >= idleMs) {
        this.count('circuit-idle')
        this.remove(circuit)
      } else if (now - circuit.createdAt >= maxAgeMs || circuit.bytes >= maxBytes) {
        this.count('circuit-worn-out')
        this.close(circuit, DESTROY_REASON['worn-out'])
      }
    }
    this.table.forgetUnused()
  }

  private count(name: string): void {
    this.options.counters.add(name)
  }
}
