import { formatAddress, type IpAddress } from '../../shared/bytes/address.ts'
import type { DirectoryExchange, FetchOptions } from '../../shared/directory/exchange.ts'
import type { Link } from '../../shared/link/link.ts'

export interface FetchesOptions {
  readonly exchange: DirectoryExchange
  readonly linkTo: (address: IpAddress) => Link | undefined
}

/** Fetches of descriptors under way: whoever asks for one of the same address waits for it rather than begin another. */
export class Fetches {
  private readonly options: FetchesOptions
  private readonly waiting = new Map<string, ((answered: boolean) => void)[]>()
  private answers = 0

  constructor(options: FetchesOptions) {
    this.options = options
  }

  /** Fetches that were answered so far (D-08). */
  get answered(): number {
    return this.answers
  }

  /** `done` with whether the relay answered; what it told is in the directory then. Of one under way, its own `options` hold. */
  fetch(address: IpAddress, done: (answered: boolean) => void, options: FetchOptions = {}): void {
    const key = formatAddress(address)
    const others = this.waiting.get(key)
    if (others) {
      others.push(done)
      return
    }
    const link = this.options.linkTo(address)
    if (link === undefined) {
      done(false)
      return
    }
    const dones = [done]
    this.waiting.set(key, dones)
    const over = (answered: boolean) => {
      this.waiting.delete(key)
      if (answered) this.answers++
      for (const each of dones) each(answered)
    }
    this.options.exchange.fetchFrom(link, (_added, answered) => over(answered), options)
  }

  /** The same over a link that is there already. */
  fetchOver(link: Link, done: (answered: boolean) => void, options: FetchOptions = {}): void {
    const over = (answered: boolean) => {
      if (answered) this.answers++
      done(answered)
    }
    this.options.exchange.fetchFrom(link, (_added, answered) => over(answered), options)
  }
}
