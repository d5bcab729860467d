import type { PublicKey } from '../identity/keys.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { LinkAddress } from './link-address.ts'
import type { Dialler, DialSignal, Wire } from './wire.ts'

export interface ReachOptions {
  readonly clock: Clock
  readonly diallers: readonly Dialler[]
  readonly publicKey: PublicKey
  /** At least one that a dialler takes; the best first. */
  readonly addresses: readonly LinkAddress[]
  /** The next address is tried when that long has passed without an answer of those before. */
  readonly staggerMs: number
  readonly timeoutMs: number
  onWire(wire: Wire): void
  /** No address led to a wire in time. */
  onFailed(): void
}

/** An AbortSignal of our own: the platform's is not known here. */
class Abort implements DialSignal {
  aborted = false
  private listeners = new Set<() => void>()

  addEventListener(_type: 'abort', listener: () => void): void {
    this.listeners.add(listener)
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.listeners.delete(listener)
  }

  abort(): void {
    if (this.aborted) return
    this.aborted = true
    for (const listener of [...this.listeners]) listener()
    this.listeners.clear()
  }
}

/** Whether any dialler takes an address. */
export function diallerOf(diallers: readonly Dialler[], address: LinkAddress): Dialler | undefined {
  return diallers.find((dialler) => dialler.canDial(address))
}

/** One attempt at a neighbour: its addresses one after the other, a little apart; the first wire ends it. */
export class Reach {
  private readonly options: ReachOptions
  private readonly abort = new Abort()
  private readonly waiting: LinkAddress[]
  private readonly limit: Timer
  private stagger: Timer | undefined
  private dials = 0
  private ended = false

  constructor(options: ReachOptions) {
    this.options = options
    this.waiting = [...options.addresses]
    this.limit = options.clock.after(options.timeoutMs, () => this.fail())
    this.next()
  }

  /** Ends the attempt; nothing is called any more. */
  cancel(): void {
    this.ended = true
    this.limit.cancel()
    this.stagger?.cancel()
    this.abort.abort()
  }

  private readonly next = (): void => {
    this.stagger?.cancel()
    const { clock, diallers, publicKey, staggerMs } = this.options
    const address = this.waiting.shift()
    const dialler = address && diallerOf(diallers, address)
    if (!address || !dialler) {
      if (address) this.next()
      else if (this.dials === 0) this.fail()
      return
    }
    this.dials++
    dialler.dial({ address, publicKey }, this.abort).then(this.opened, this.refused)
    if (this.waiting.length > 0) this.stagger = clock.after(staggerMs, this.next)
  }

  private readonly opened = (wire: Wire): void => {
    if (this.ended) {
      wire.link.close('unneeded')
      return
    }
    // The signal is without effect on the wire that is open.
    this.cancel()
    this.options.onWire(wire)
  }

  /** The dialler counts why. */
  private readonly refused = (): void => {
    this.dials--
    if (!this.ended) this.next()
  }

  private fail(): void {
    if (this.ended) return
    this.cancel()
    this.options.onFailed()
  }
}
