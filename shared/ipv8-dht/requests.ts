import { type IpAddress, sameAddress } from '../bytes/address.ts'
import type { PublicKey } from '../identity/keys.ts'
import type { Clock, Timer } from '../world/clock.ts'
import { type Random, uint16 } from '../world/random.ts'
import type { NodeContact } from './messages.ts'

export interface OpenRequest<T> {
  readonly node: NodeContact
  readonly identifier: number
  /** The id of the message that answers it. */
  readonly answerId: number
  readonly sentMs: number
  /** So often an answer under another identifier came from there. */
  wrongAnswers: number
  readonly done: (answer: T | undefined) => void
  readonly timer: Timer
}

/**
 * What we asked and wait for, by identifier. These are random, of 16 bits: py-ipv8 makes puncture requests of them, and has no room for
 * more. So an answer counts that comes from the very address that was asked and is signed by the key that was asked.
 */
export class OpenRequests<T> {
  private readonly clock: Clock
  private readonly random: Random
  private readonly capacity: number
  private readonly open = new Map<number, OpenRequest<T>>()

  constructor(clock: Clock, random: Random, capacity: number) {
    this.clock = clock
    this.random = random
    this.capacity = capacity
  }

  get size(): number {
    return this.open.size
  }

  /** @param done gets undefined where no answer came in time @returns undefined if too many are open */
  begin(
    node: NodeContact,
    answerId: number,
    timeoutMs: number,
    done: (answer: T | undefined) => void,
  ): number | undefined {
    if (this.open.size >= this.capacity) return undefined
    const identifier = this.freshIdentifier()
    const timer = this.clock.after(timeoutMs, () => {
      this.open.delete(identifier)
      done(undefined)
    })
    const sentMs = this.clock.now()
    this.open.set(identifier, { node, identifier, answerId, sentMs, wrongAnswers: 0, done, timer })
    return identifier
  }

  /** The request that this answers; else why it answers none, as a counter's name. It stays open until `close`. */
  find(answerId: number, identifier: number, source: IpAddress, key: PublicKey): OpenRequest<T> | string {
    const found = this.open.get(identifier)
    if (found?.answerId === answerId && sameAddress(found.node.address, source)) {
      return found.node.publicKey.equals(key) ? found : 'ipv8-dht-wrong-key'
    }
    let isAwaited = false
    for (const each of this.open.values()) {
      if (!sameAddress(each.node.address, source)) continue
      each.wrongAnswers++
      isAwaited = true
    }
    return isAwaited ? 'ipv8-dht-wrong-identifier' : 'ipv8-dht-unasked-answer'
  }

  close(request: OpenRequest<T>): void {
    request.timer.cancel()
    this.open.delete(request.identifier)
  }

  isWaitingFor(address: IpAddress): boolean {
    for (const each of this.open.values()) if (sameAddress(each.node.address, address)) return true
    return false
  }

  /** Ends all of them, without a word. */
  stop(): void {
    for (const { timer } of this.open.values()) timer.cancel()
    this.open.clear()
  }

  private freshIdentifier(): number {
    for (;;) {
      const identifier = uint16(this.random)
      if (!this.open.has(identifier)) return identifier
    }
  }
}
