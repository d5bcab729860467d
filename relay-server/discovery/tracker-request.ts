import type { IpAddress } from '../../shared/bytes/address.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import type { Announce } from '../../shared/discovery/tracker-wire.ts'
import type { Random } from '../../shared/world/random.ts'

/**
 * A tracker could not be asked. Codes: `tracker-address` (its name is unknown, or leads into a private network),
 * `tracker-unreachable`, `tracker-timeout`, `tracker-answer` (too large, malformed, a redirect that goes nowhere),
 * `tracker-refused`.
 */
export class TrackerError extends CulvertError {}

export interface TrackerWorld {
  readonly random: Random
  /**
   * Addresses of a host, those only that may be reached: a tracker that an operator names may still lead elsewhere by its
   * name. Empty if there is none.
   * @param redirected the host is not the operator's word but a tracker's
   */
  resolve(host: string, port: number, redirected?: boolean): Promise<readonly IpAddress[]>
  /** The address to announce from, since trackers name the one that they see; undefined for what the system chooses. */
  from(kind: IpAddress['kind']): string | undefined
  /** Ends the announce early. */
  readonly signal: AbortSignal
}

/** What one announce is made with. */
export interface TrackerRequest {
  readonly url: URL
  readonly announce: Announce
  /** What the tracker gave with its last answer. */
  readonly trackerId: Uint8Array | undefined
}

/**
 * Waits for an answer of the system's resolver, which has time-outs of its own, no longer than until `signal`.
 * @throws TrackerError `tracker-timeout`
 */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () =>
      reject(new TrackerError('tracker-timeout', 'the name of the tracker was not found in time'))
    if (signal.aborted) late()
    signal.addEventListener('abort', late, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', late))
  })
}
