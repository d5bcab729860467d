import { utf8ToBytes } from '@noble/hashes/utils.js'
import type { IpAddress } from '../bytes/address.ts'
import { equalBytes } from '../bytes/bytes.ts'
import type { Counters } from '../world/counters.ts'
import type { RequestLimit } from './request-limit.ts'

/** Requirement D-09: the probes of secIRC, each a datagram of exactly these ASCII bytes, and the answers. No answer is longer than its question. */
const ANSWERS: readonly (readonly [question: Uint8Array, answer: Uint8Array])[] = [
  [utf8ToBytes('PING'), utf8ToBytes('PONG')],
  [utf8ToBytes('SECIRC_HANDSHAKE'), utf8ToBytes('SECIRC_RESPONSE')],
]

/** Of a datagram that is one of the probes, to the last byte. */
function answerTo(datagram: Uint8Array): Uint8Array | undefined {
  return ANSWERS.find(([question]) => equalBytes(question, datagram))?.[1]
}

/** Answers the probes of secIRC: they prove nothing but that somebody is there. */
export class SecircProbes {
  private readonly limit: RequestLimit
  private readonly counters: Counters

  /** @param counters `secirc-answered`, `secirc-limit` */
  constructor(limit: RequestLimit, counters: Counters) {
    this.limit = limit
    this.counters = counters
  }

  /** What to send back, owned by the caller; undefined if the datagram is no probe, or its source has asked too often. */
  answer(from: IpAddress, datagram: Uint8Array): Uint8Array | undefined {
    const answer = answerTo(datagram)
    if (answer === undefined) return undefined
    const fits = this.limit.take(from)
    this.counters.add(fits ? 'secirc-answered' : 'secirc-limit')
    return fits ? Uint8Array.from(answer) : undefined
  }
}
