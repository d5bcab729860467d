import { type Address, formatAddress, type IpAddress } from '../bytes/address.ts'
import { equalBytes, toHex } from '../bytes/bytes.ts'
import { TokenBucket } from '../ipv8/token-bucket.ts'
import type { ExitCircuit } from '../onion/exit-port.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Random } from '../world/random.ts'
import type { HiddenRelayLimits } from './constants.ts'

/** A circuit that ends at this relay. Compared by identity. */
export type EndingCircuit = Pick<ExitCircuit, 'alive' | 'sendDatagram'>

/** A seeder that is reached through one of our circuits. */
export interface Introduction {
  readonly circuit: EndingCircuit
  readonly lookupKey: Uint8Array
  /** 74 bytes; nobody's but this swarm's. */
  readonly seederKey: Uint8Array
  readonly requests: TokenBucket
  /** Until other relays are told of it again. */
  telling: Timer | undefined
  /** Until it is stored in IPv8's DHT, or again. */
  publishing: Timer | undefined
}

/** Seeders introduced by a relay, by their key for the swarm. */
export class Introductions {
  private readonly limits: HiddenRelayLimits
  private readonly clock: Clock
  private readonly bySeeder = new Map<string, Introduction>()

  constructor(limits: HiddenRelayLimits, clock: Clock) {
    this.limits = limits
    this.clock = clock
  }

  get size(): number {
    return this.bySeeder.size
  }

  /**
   * Enters a seeder. The first circuit that names a key keeps it (protocol); the same circuit may say it again.
   * @returns whether it is introduced by this circuit now
   */
  add(circuit: EndingCircuit, lookupKey: Uint8Array, seederKey: Uint8Array): boolean {
    const key = toHex(seederKey)
    const found = this.bySeeder.get(key)
    if (found) return found.circuit === circuit && equalBytes(found.lookupKey, lookupKey)
    const { introductions, introductionsPerCircuit, requestsPerSecond, requestBurst } = this.limits
    if (this.bySeeder.size >= introductions) return false
    let mine = 0
    for (const each of this.bySeeder.values()) if (each.circuit === circuit) mine++
    if (mine >= introductionsPerCircuit) return false
    this.bySeeder.set(key, {
      circuit,
      lookupKey: lookupKey.slice(),
      seederKey: seederKey.slice(),
      requests: new TokenBucket(this.clock, requestsPerSecond, requestBurst),
      telling: undefined,
      publishing: undefined,
    })
    return true
  }

  find(seederKey: Uint8Array): Introduction | undefined {
    return this.bySeeder.get(toHex(seederKey))
  }

  of(lookupKey: Uint8Array): Introduction[] {
    return [...this.bySeeder.values()].filter((each) => equalBytes(each.lookupKey, lookupKey))
  }

  /** Forgets what came through a circuit that has ended. */
  ended(circuit: EndingCircuit): void {
    for (const [key, each] of this.bySeeder) {
      if (each.circuit !== circuit) continue
      each.telling?.cancel()
      each.publishing?.cancel()
      this.bySeeder.delete(key)
    }
  }
}

/**
 * Circuits that wait for a seeder's answer, under addresses that exist nowhere: a seeder answers to the address that a request
 * came from, and a downloader whose circuit ends here has none. 0.0.0.0/8 is never anybody's (RFC 1122 §3.2.1.3).
 */
export class WaitingCircuits {
  private readonly limits: HiddenRelayLimits
  private readonly clock: Clock
  private readonly random: Random
  private readonly waiting = new Map<string, { readonly circuit: EndingCircuit; readonly sinceMs: number }>()
  private readonly addresses = new WeakMap<EndingCircuit, IpAddress>()

  constructor(limits: HiddenRelayLimits, clock: Clock, random: Random) {
    this.limits = limits
    this.clock = clock
    this.random = random
  }

  /**
   * An address under which the circuit is found for a while: the same each time, as an exit's socket would be, so that it takes
   * one place however often it asks. The oldest entries give way.
   */
  add(circuit: EndingCircuit): IpAddress {
    const address = this.addresses.get(circuit) ?? this.freshAddress()
    const key = formatAddress(address)
    this.addresses.set(circuit, address)
    this.waiting.delete(key)
    this.waiting.set(key, { circuit, sinceMs: this.clock.now() })
    for (const oldest of this.waiting.keys()) {
      if (this.waiting.size <= this.limits.waiting) break
      this.waiting.delete(oldest)
    }
    return address
  }

  private freshAddress(): IpAddress {
    for (;;) {
      const [a = 0, b = 0, c = 0, high = 0, low = 0] = this.random.bytes(5)
      const address: IpAddress = { kind: 'ipv4', host: `0.${a}.${b}.${c}`, port: (high << 8) | low || 1 }
      if (this.isOne(address) && !this.waiting.has(formatAddress(address))) return address
    }
  }

  /** Whether an address is of this kind, known or not. */
  isOne(address: Address): boolean {
    return address.kind === 'ipv4' && address.host.startsWith('0.') && address.host !== '0.0.0.0'
  }

  find(address: Address): EndingCircuit | undefined {
    const found = this.waiting.get(formatAddress(address))
    if (!found?.circuit.alive || this.clock.now() - found.sinceMs > this.limits.waitingMs) return undefined
    return found.circuit
  }
}
