import { toHex } from '../bytes/bytes.ts'
import type { RelayCircuit } from '../onion/relay-circuit.ts'
import type { Clock } from '../world/clock.ts'
import type { HiddenRelayLimits } from './constants.ts'

/** The circuits of seeders that wait at this relay, by cookie (20 bytes, chosen by the seeder). */
export class RendezvousTable {
  private readonly limits: HiddenRelayLimits
  private readonly clock: Clock
  private readonly byCookie = new Map<string, { readonly circuit: RelayCircuit; readonly sinceMs: number }>()

  constructor(limits: HiddenRelayLimits, clock: Clock) {
    this.limits = limits
    this.clock = clock
  }

  get size(): number {
    return this.byCookie.size
  }

  /** @returns whether the circuit waits under this cookie now; another's cookie is not taken over */
  add(circuit: RelayCircuit, cookie: Uint8Array): boolean {
    const key = toHex(cookie)
    this.expire()
    const found = this.byCookie.get(key)
    if (found) return found.circuit === circuit
    if (this.byCookie.size >= this.limits.rendezvous) return false
    let mine = 0
    for (const each of this.byCookie.values()) if (each.circuit === circuit) mine++
    if (mine >= this.limits.rendezvousPerCircuit) return false
    this.byCookie.set(key, { circuit, sinceMs: this.clock.now() })
    return true
  }

  find(cookie: Uint8Array): RelayCircuit | undefined {
    this.expire()
    return this.byCookie.get(toHex(cookie))?.circuit
  }

  /** Forgets what a circuit waits for: it is linked, or has ended. */
  remove(circuit: RelayCircuit): void {
    for (const [key, each] of this.byCookie) if (each.circuit === circuit) this.byCookie.delete(key)
  }

  /** Entries are in the order of their age. */
  private expire(): void {
    const beforeMs = this.clock.now() - this.limits.rendezvousMs
    for (const [key, { sinceMs }] of this.byCookie) {
      if (sinceMs > beforeMs) return
      this.byCookie.delete(key)
    }
  }
}
