import { CulvertError } from '../../shared/bytes/error.ts'
import type { DialSignal, Wire } from '../../shared/link/wire.ts'
import type { Clock } from '../../shared/world/clock.ts'
import { CONNECT_TIMEOUT_MS } from './constants.ts'

/** What an attempt is ended by; each call after the first is of no effect. */
export interface DialEnds {
  onWire(wire: Wire): void
  onFailed(error: CulvertError): void
  /** Connected: from here on, authentication has its own time limit. */
  connected(): void
}

/**
 * One attempt to open a wire: with a time limit until it is connected, and ended by `signal`.
 * @param begin connects, and returns what lets go of everything if there is to be no wire
 */
export function dialling(
  clock: Clock,
  signal: DialSignal | undefined,
  begin: (ends: DialEnds) => () => void,
): Promise<Wire> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(aborted())
      return
    }
    let over = false
    const end = (): boolean => {
      if (over) return false
      over = true
      timer.cancel()
      signal?.removeEventListener('abort', abort)
      return true
    }
    const fail = (error: CulvertError) => {
      if (!end()) return
      reject(error)
      release()
    }
    const abort = () => fail(aborted())
    const timer = clock.after(CONNECT_TIMEOUT_MS, () => {
      fail(new CulvertError('link-unreachable', 'the relay did not answer in time'))
    })
    let release = () => {}
    const begun = begin({
      onWire: (wire) => {
        if (end()) resolve(wire)
        else wire.link.close('unneeded')
      },
      onFailed: fail,
      connected: () => timer.cancel(),
    })
    release = begun
    if (over) release()
    else signal?.addEventListener('abort', abort)
  })
}

export function unreachable(cause?: unknown): CulvertError {
  return new CulvertError('link-unreachable', 'no connection to the relay', { cause })
}

function aborted(): CulvertError {
  return new CulvertError('link-aborted', 'the link is not wanted any more')
}
