import { CulvertError } from '../bytes/error.ts'
import type { PublicKey } from '../identity/keys.ts'
import type { TokenBucket } from '../ipv8/token-bucket.ts'
import type { Link } from '../link/link.ts'
import type { CircuitTable, Leg } from './circuit-table.ts'
import { DESTROY_REASON, type RouterLimits } from './constants.ts'
import { claimsKey, destroyCircuitId, encodeDestroy, readDestroy } from './destroy.ts'
import type { RelayCircuit } from './relay-circuit.ts'
import type { RouterOptions } from './router-options.ts'

/** Tokens that a wrong signature costs a link, beside the one that every check costs. */
const BAD_SIGNATURE_TOKENS = 9

/** How circuits leave a router: destroyed, idle, worn out, or their link closed (C-04). */
export class Removals {
  private readonly options: RouterOptions
  private readonly limits: RouterLimits
  private readonly table: CircuitTable

  constructor(options: RouterOptions, limits: RouterLimits, table: CircuitTable) {
    this.options = options
    this.limits = limits
    this.table = table
  }

  /**
   * Cheapest first: a destroy for no circuit of this link, for one that is going already, or under another key than the
   * neighbour's costs no signature check; and a link that sends wrong signatures soon has none left.
   */
  receive(link: Link, packet: Uint8Array): void {
    const circuitId = destroyCircuitId(packet)
    if (circuitId === undefined) {
      this.count('destroy-length')
      return
    }
    const leg = this.table.find(link, circuitId)
    if (leg === undefined) {
      this.count('destroy-of-unknown-circuit')
      return
    }
    const { circuit } = leg
    if (circuit.closing !== undefined) return
    if (!claimsKey(packet, leg.key)) {
      this.count('destroy-stranger')
      return
    }
    const { signatures } = this.table.entry(link)
    if (!signatures.take()) {
      this.count('destroy-rate-limited')
      return
    }
    const given = this.read(packet, leg.key, signatures)
    // Who was only asked to join extends nothing yet: the owner is to hold his refusal against him, not against us both.
    const early = leg === circuit.next && circuit.pending !== undefined
    const reason = early && given === DESTROY_REASON['extend-failed'] ? DESTROY_REASON.unknown : given
    if (reason !== DESTROY_REASON.none) {
      for (const other of ends(circuit)) if (other !== leg) this.sendDestroy(other, reason)
    }
    this.removeLater(circuit)
  }

  /** @throws CodecError */
  private read(packet: Uint8Array, neighbour: PublicKey, signatures: TokenBucket): number {
    try {
      return readDestroy(packet, neighbour)
    } catch (error) {
      for (let i = 0; i < BAD_SIGNATURE_TOKENS; i++) signatures.take()
      throw error
    }
  }

  /** Ends a circuit from here: tells its neighbours, and removes it after the delay. */
  close(circuit: RelayCircuit, reason: number): void {
    if (circuit.closing !== undefined) return
    for (const leg of ends(circuit)) this.sendDestroy(leg, reason)
    this.removeLater(circuit)
  }

  /** Ends all circuits of a link that has closed, and tells their other neighbours. */
  linkClosed(link: Link): void {
    for (const { circuit } of this.table.legsOf(link)) {
      if (!circuit.alive) continue
      for (const leg of ends(circuit))
        if (leg.link !== link) this.sendDestroy(leg, DESTROY_REASON['link-lost'])
      this.remove(circuit)
    }
    this.table.forget(link)
  }

  /** Ends everything, telling all neighbours. */
  stop(): void {
    for (const circuit of [...this.table.circuits]) {
      if (!circuit.alive) continue
      for (const leg of ends(circuit)) this.sendDestroy(leg, DESTROY_REASON.shutdown)
      this.remove(circuit)
    }
  }

  /** Removes what is idle, ends what is worn out, and forgets what is kept for a while. */
  sweep(): void {
    const now = this.options.clock.now()
    const { idleMs, maxAgeMs, maxBytes } = this.limits
    for (const circuit of [...this.table.circuits]) {
      circuit.forgetAnswers(now)
      if (!circuit.alive || circuit.closing !== undefined) continue
      if (now - circuit.activeAt >= idleMs) {
        this.count('circuit-idle')
        this.remove(circuit)
      } else if (now - circuit.createdAt >= (circuit.maxAgeMs ?? maxAgeMs) || circuit.bytes >= maxBytes) {
        this.count('circuit-worn-out')
        this.close(circuit, DESTROY_REASON['worn-out'])
      }
    }
    this.table.forgetUnused()
  }

  /** Tells the exit, if it ever heard of the circuit. A fault of the exit ends no other circuit. */
  endExit(circuit: RelayCircuit): void {
    if (!circuit.exitUsed) return
    circuit.exitUsed = false
    this.tell(() => this.options.exit?.ended(circuit))
  }

  private removeLater(circuit: RelayCircuit): void {
    circuit.closing = this.options.clock.after(this.limits.removalDelayMs, () => this.remove(circuit))
    const { partner } = circuit
    if (partner !== undefined && partner.closing === undefined) this.removeLater(partner)
  }

  /** Those that are joined go together. */
  private remove(circuit: RelayCircuit): void {
    if (!this.table.circuits.delete(circuit)) return
    circuit.closing?.cancel()
    circuit.retransmission?.cancel()
    this.table.remove(circuit.previous)
    if (circuit.next !== undefined) this.table.remove(circuit.next)
    circuit.alive = false
    this.endExit(circuit)
    if (circuit.servicesUsed) this.tell(() => this.options.services?.ended(circuit))
    if (circuit.partner !== undefined) this.remove(circuit.partner)
  }

  private sendDestroy(leg: Leg, reason: number): void {
    const { prefix, keyPair } = this.options
    if (leg.link.open) leg.link.send(encodeDestroy(prefix, keyPair, leg.id, reason), 0)
  }

  private tell(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.count(error instanceof CulvertError ? error.code : 'router-fault')
    }
  }

  private count(name: string): void {
    this.options.counters.add(name)
  }
}

/** All neighbours of a circuit, those of the one that it is joined to among them. */
function ends(circuit: RelayCircuit): Leg[] {
  const legs = [circuit.previous, circuit.next, circuit.partner?.previous]
  return legs.filter((leg) => leg !== undefined)
}
