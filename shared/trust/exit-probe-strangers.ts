import { decodeDictionary, encodeBencode } from '../bytes/bencode.ts'
import { toHex } from '../bytes/bytes.ts'
import { CodecError } from '../bytes/error.ts'
import type { Random } from '../world/random.ts'
import type { ExitProbeSettings } from './exit-probe-constants.ts'

const ID_BYTES = 20
/** Longer than most nodes' own, so that no answer is taken for another's. */
const TRANSACTION_BYTES = 4

/**
 * Pings to nodes of the DHT that have nothing to do with us (BEP 5, read-only by BEP 43). Their answers prove little of what was
 * carried; but an exit that knows the echo's address for a relay's and serves it well must serve them too.
 */
export class StrangerPings {
  asked = 0
  answered = 0
  private readonly random: Random
  private readonly id: Uint8Array
  private readonly open = new Set<string>()

  constructor(random: Random) {
    this.random = random
    this.id = random.bytes(ID_BYTES)
  }

  next(): Uint8Array {
    const transaction = this.random.bytes(TRANSACTION_BYTES)
    this.open.add(toHex(transaction))
    this.asked++
    return encodeBencode({ t: transaction, y: 'q', q: 'ping', a: { id: this.id }, ro: 1 })
  }

  /** Takes what came back. Never throws. */
  receive(datagram: Uint8Array): void {
    try {
      const message = decodeDictionary(datagram)
      const transaction = message.string('t')
      if (transaction === undefined || message.dictionary('r')?.string('id')?.length !== ID_BYTES) return
      if (this.open.delete(toHex(transaction))) this.answered++
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
    }
  }
}

interface Share {
  asked: number
  answered: number
}

/** How many strangers answer through which exit: some never do, and which share does is learnt from the other exits. */
export class StrangerShares {
  private readonly settings: ExitProbeSettings
  private readonly shares = new Map<string, Share>()

  constructor(settings: ExitProbeSettings) {
    this.settings = settings
  }

  note(exit: string, asked: number, answered: number): void {
    if (asked === 0) return
    const known = this.shares.get(exit) ?? { asked: 0, answered: 0 }
    // Half of what was seen before fades with each probe, so that one exit does not outweigh the others, nor its past itself.
    const share = { asked: known.asked / 2 + asked, answered: known.answered / 2 + answered }
    this.shares.delete(exit)
    if (this.shares.size >= this.settings.maxRelays) {
      const [oldest] = this.shares.keys()
      if (oldest !== undefined) this.shares.delete(oldest)
    }
    this.shares.set(exit, share)
  }

  /** The median over the other exits; undefined if there are too few. */
  others(exit: string): number | undefined {
    const shares = [...this.shares]
      .filter(([key]) => key !== exit)
      .map(([, share]) => share.answered / share.asked)
    return shares.length < this.settings.leastRates
      ? undefined
      : shares.sort((a, b) => a - b)[shares.length >> 1]
  }
}
