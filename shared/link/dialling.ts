import { CulvertError } from '../bytes/error.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { DialSignal, Wire } from './wire.ts'

/** How long an attempt may take, and what ends it. */
export interface DialLimits {
  readonly clock: Clock
  readonly signal: DialSignal | undefined
  /** Until it is connected; until there is a wire, for a way that never says so. */
  readonly timeoutMs: number
  /** What is waited before it begins; the time limit counts from there. 0 if not given. */
  readonly delayMs?: number
  /** Who is waited for, in the words of errors: `the relay` if not given. */
  readonly whom?: string
}

/** What an attempt is ended by; each call after the first is of no effect. */
export interface DialEnds {
  /** Whether there is a wire, or will be none. */
  readonly isOver: boolean
  onWire(wire: Wire): void
  onFailed(error: CulvertError): void
  /** Connected: from here on, authentication has its own time limit. */
  connected(): void
}

/**
 * One attempt to open a wire: with a time limit until it is connected, and ended by `signal`.
 * @param begin connects, and returns what lets go of everything if there is to be no wire, which is told why. What it throws
 *   fails the attempt
 * @throws CulvertError `link-unreachable` (not in time), `link-aborted`; what `begin` fails with
 */
export function dialling(
  { clock, signal, timeoutMs, delayMs = 0, whom = 'the relay' }: DialLimits,
  begin: (ends: DialEnds) => (why: CulvertError) => void,
): Promise<Wire> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(aborted())
      return
    }
    let isOver = false
    let failure: CulvertError | undefined
    let release: (why: CulvertError) => void = () => {}
    let timer: Timer | undefined
    const end = (): boolean => {
      if (isOver) return false
      isOver = true
      timer?.cancel()
      signal?.removeEventListener('abort', abort)
      return true
    }
    const fail = (error: CulvertError) => {
      if (!end()) return
      failure = error
      reject(error)
      release(error)
    }
    const abort = () => fail(aborted())
    const ends: DialEnds = {
      get isOver() {
        return isOver
      },
      onWire: (wire) => {
        if (end()) resolve(wire)
        else wire.link.close('unneeded')
      },
      onFailed: fail,
      connected: () => timer?.cancel(),
    }
    const start = () => {
      timer = clock.after(timeoutMs, () => {
        fail(new CulvertError('link-unreachable', `${whom} did not answer in time`))
      })
      try {
        release = begin(ends)
        if (failure) release(failure)
      } catch (error) {
        end()
        reject(error)
      }
    }
    signal?.addEventListener('abort', abort)
    if (delayMs > 0) timer = clock.after(delayMs, start)
    else start()
  })
}

export function unreachable(cause?: unknown): CulvertError {
  return new CulvertError('link-unreachable', 'no connection to the relay', { cause })
}

export function aborted(): CulvertError {
  return new CulvertError('link-aborted', 'the link is not wanted any more')
}
