import { CulvertError } from '../bytes/error.ts'
import type { Link } from '../link/link.ts'
import type { Timer } from '../world/clock.ts'
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
  LAYER_BYTES,
  MESSAGE,
  RELAY_EARLY_LIMIT,
  ROUTER_LIMITS,
  type RouterLimits,
} from './constants.ts'
import { Joins } from './joins.ts'
import type { RelayCircuit } from './relay-circuit.ts'
import { Removals } from './removals.ts'
import { RouterMessages } from './router-messages.ts'
import type { RouterOptions, RouterStats } from './router-options.ts'

export type { RouterOptions, RouterStats } from './router-options.ts'

const AEAD_TAG = LAYER_BYTES - COUNTER_BYTES

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
  private readonly removals: Removals
  private readonly messages: RouterMessages
  private sweeping: Timer | undefined
  private stopped = false
  private cellsForward = 0
  private cellsBackward = 0
  private carried = 0

  constructor(options: RouterOptions) {
    this.options = options
    this.limits = { ...ROUTER_LIMITS, ...options.limits }
    this.table = new CircuitTable(this.limits, options.clock)
    this.removals = new Removals(options, this.limits, this.table)
    this.joins = new Joins({
      ...options,
      limits: this.limits,
      table: this.table,
      close: (circuit, reason) => this.removals.close(circuit, reason),
    })
    this.messages = new RouterMessages(options, this.limits, this.joins)
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
      else if (packetType(packet) === MESSAGE.destroy) this.removals.receive(link, packet)
      else this.count('router-unknown-packet')
    } catch (error) {
      this.count(error instanceof CulvertError ? error.code : 'router-fault')
    }
  }

  /** Takes a packet of this overlay that is neither cell nor destroy: those of hidden services that come outside of circuits. */
  receivePacket(link: Link, packet: Uint8Array): void {
    if (this.stopped) return
    const { services, prefix } = this.options
    try {
      if (hasPrefix(packet, prefix) && services?.packet !== undefined) services.packet(link, packet)
      else this.count('router-unknown-packet')
    } catch (error) {
      this.count(error instanceof CulvertError ? error.code : 'router-fault')
    }
  }

  /**
   * Joins two circuits that end here: what comes from the one's owner goes on to the other's, and when one ends, so does the
   * other. What is to be said to either by `reply` may still be said.
   * @returns false if one of them goes on already, is going, or has used the exit
   */
  join(a: RelayCircuit, b: RelayCircuit): boolean {
    return this.joins.join(a, b)
  }

  /** Ends all circuits of a link that has closed, and tells their other neighbours. */
  linkClosed(link: Link): void {
    this.removals.linkClosed(link)
  }

  /** Ends everything, telling all neighbours. The router is of no use afterwards. */
  stop(): void {
    if (this.stopped) return
    this.stopped = true
    this.sweeping?.cancel()
    this.removals.stop()
  }

  /** Bytes of cells that came and opened, in both directions, since the start. */
  get carriedBytes(): number {
    return this.carried
  }

  stats(): RouterStats {
    let relaying = 0
    let exits = 0
    for (const circuit of this.table.circuits) {
      if (circuit.state === 'relaying' || circuit.state === 'linked') relaying++
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
      try {
        this.joins.create(link, leg, cell)
      } finally {
        // Also one that cannot be read leaves its link in the table.
        this.keepSweeping()
      }
    } else if (message === MESSAGE.created && leg !== undefined) {
      if (this.joins.created(leg, cell)) this.removals.endExit(leg.circuit)
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
    this.carried += length
    if (circuit.created !== undefined) this.ownerHeard(leg)
    const relayEarly = isRelayEarly(cell)
    if (circuit.state === 'relaying' && circuit.next !== undefined) {
      const isRepeated =
        relayEarly && this.joins.extendAgain(circuit, cell.subarray(content, length - AEAD_TAG))
      if (!isRepeated) this.passOn(circuit, circuit.next, cell, relayEarly)
    } else if (circuit.partner !== undefined) {
      this.passAcross(circuit.partner, cell)
    } else {
      this.messages.receive(circuit, cell, content, length - AEAD_TAG, relayEarly)
    }
  }

  /** The first cell that opens: created has arrived, and where it went is no forged address. */
  private ownerHeard({ circuit, link }: Leg): void {
    circuit.created = undefined
    this.table.entry(link).proven = true
  }

  /** Rendezvous point: relay-early is cleared (protocol). */
  private passAcross(partner: RelayCircuit, cell: Uint8Array): void {
    partner.activeAt = this.options.clock.now()
    this.cellsForward++
    partner.passAcross(cell)
  }

  /** The layer that was opened took 8 bytes in front: the new header goes into them and the old one's end. */
  private passOn(circuit: RelayCircuit, next: Leg, cell: Uint8Array, relayEarly: boolean): void {
    if (relayEarly && circuit.earlyForward >= RELAY_EARLY_LIMIT) {
      this.count('relay-early-exceeded')
      return
    }
    const passed = cell.subarray(COUNTER_BYTES, cell.length - AEAD_TAG)
    if (passed.length > next.link.mtu) {
      this.count('cell-too-large')
      return
    }
    if (relayEarly) circuit.earlyForward++
    this.cellsForward++
    writeCellHeader(cell, COUNTER_BYTES, this.options.prefix, next.id, false, relayEarly)
    next.link.send(passed, next.id)
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
    // Only what the owner has sealed for the next hop is answered from there: extended has arrived.
    circuit.extended = undefined
    circuit.activeAt = this.options.clock.now()
    circuit.bytes += cell.length
    this.carried += cell.length
    this.cellsBackward++
    circuit.passBack(cell, relayEarly)
  }

  private keepSweeping(): void {
    if (this.sweeping !== undefined || this.table.linkCount === 0) return
    this.sweeping = this.options.clock.after(this.limits.sweepMs, () => {
      this.sweeping = undefined
      this.removals.sweep()
      this.keepSweeping()
    })
  }

  private count(name: string): void {
    this.options.counters.add(name)
  }
}
