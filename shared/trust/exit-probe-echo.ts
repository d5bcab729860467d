import type { IpAddress } from '../bytes/address.ts'
import { siteOf } from '../ipv8/network-of.ts'
import type { Counters } from '../world/counters.ts'
import { ExpectedDatagrams } from './exit-probe-expected.ts'
import type { Exchange } from './exit-probe-payloads.ts'

/** What is told of a question that has come out of an exit. */
export interface Arrival {
  readonly from: IpAddress
  /** From a machine that the exit's descriptor names. */
  readonly claimed: boolean
  readonly altered: boolean
  /** Answers that were sent. */
  readonly answered: number
}

export interface ProbeEchoOptions {
  readonly counters: Counters
  /** By the socket whose address the probes name. */
  send(to: IpAddress, datagram: Uint8Array): void
}

interface Waiting {
  readonly exchange: Exchange
  readonly sites: ReadonlySet<string>
  arrived: ((arrival: Arrival) => void) | undefined
}

const MAX_WAITING = 512

/**
 * The far end of our own probes, on the relay's UDP port. Knows each question beforehand and answers each once, as planned; to
 * anybody else it is not there. More than was asked goes only to machines that the exit itself has named as its own, so that
 * no exit can turn it against others.
 */
export class ProbeEcho {
  private readonly options: ProbeEchoOptions
  private readonly waiting = new ExpectedDatagrams<Waiting>(MAX_WAITING)

  constructor(options: ProbeEchoOptions) {
    this.options = options
  }

  /**
   * Waits for a question.
   * @param claimed the addresses that the exit's descriptor names
   * @returns what ends the wait; undefined if too many are waited for
   */
  expect(
    exchange: Exchange,
    claimed: readonly IpAddress[],
    arrived: (arrival: Arrival) => void,
  ): (() => void) | undefined {
    const sites = new Set(claimed.map(siteOf))
    return this.waiting.add(exchange.question, { exchange, sites, arrived })
  }

  /** Takes a datagram of the relay's port, unless it is IPv8's. @returns whether it was a probe's */
  receive(from: IpAddress, datagram: Uint8Array): boolean {
    if (this.waiting.size === 0 || datagram[0] === 0) return false
    const match = this.waiting.match(datagram)
    if (match === undefined) return false
    const { value, altered } = match
    const { arrived, exchange, sites } = value
    if (arrived === undefined) return true
    value.arrived = undefined
    const claimed = sites.has(siteOf(from))
    const answers = claimed ? exchange.answers : notLarger(exchange)
    arrived({ from, claimed, altered, answered: answers.length })
    for (const answer of answers) this.options.send(from, answer)
    this.options.counters.add('probe-echo-answered')
    return true
  }
}

/** The answers, if they are no more than the question. */
function notLarger({ question, answers }: Exchange): readonly Uint8Array[] {
  const bytes = answers.reduce((sum, { length }) => sum + length, 0)
  return bytes <= question.length ? answers : []
}
