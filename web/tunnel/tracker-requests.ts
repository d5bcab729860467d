import { type Address, formatAddress } from '../../shared/bytes/address.ts'
import { toHex } from '../../shared/bytes/bytes.ts'
import { REQUEST_REPEATS_MS } from './limits.ts'

interface Asked {
  readonly port: number
  readonly transaction: string
  timer: ReturnType<typeof setTimeout> | undefined
}

/** What an answer is to whoever is offered it. */
export type Answer = 'first' | 'again' | 'not-asked-for'

/**
 * The requests of one socket to UDP trackers, each repeated a few times, byte for byte, until its answer comes. Trackers are
 * to be asked again (BEP 15, "Time outs"), which WebTorrent's client leaves out: it asks once, through hops that lose some of what
 * they carry. It gives up, too, over an answer that is not to its last request: one that came twice, or to another of its sockets
 * that asks the same tracker. So answers are told apart by their transactions.
 */
export class TrackerRequests {
  private readonly send: (destination: Address, data: Uint8Array) => void
  /** The last request to each destination, until it is answered. */
  private readonly open = new Map<string, Asked>()
  private lastAnswered: string | undefined

  constructor(send: (destination: Address, data: Uint8Array) => void) {
    this.send = send
  }

  asked(destination: Address, data: Uint8Array): void {
    const key = formatAddress(destination)
    this.forget(key)
    // BEP 15: connection id or the protocol's own 8, action 4, transaction 4.
    const transaction = toHex(data.subarray(12, 16))
    const asked: Asked = { port: destination.port, transaction, timer: undefined }
    this.open.set(key, asked)
    this.repeat(asked, destination, data, 0)
  }

  /** @param port that it came from: where the tracker was asked by name, nothing else is known to be its */
  answered(port: number, data: Uint8Array): Answer {
    // BEP 15: action 4, transaction 4.
    const transaction = toHex(data.subarray(4, 8))
    for (const [key, asked] of this.open) {
      if (asked.port !== port || asked.transaction !== transaction) continue
      this.forget(key)
      this.lastAnswered = transaction
      return 'first'
    }
    return transaction === this.lastAnswered ? 'again' : 'not-asked-for'
  }

  close(): void {
    for (const key of [...this.open.keys()]) this.forget(key)
  }

  private repeat(asked: Asked, destination: Address, data: Uint8Array, times: number): void {
    const delay = REQUEST_REPEATS_MS[times]
    if (delay === undefined) return
    asked.timer = setTimeout(() => {
      this.send(destination, data)
      this.repeat(asked, destination, data, times + 1)
    }, delay)
  }

  private forget(key: string): void {
    clearTimeout(this.open.get(key)?.timer)
    this.open.delete(key)
  }
}
