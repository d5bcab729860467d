import { CulvertError } from '../bytes/error.ts'

/** `closing` is only passed through, while the first hop is told. */
export type CircuitState = 'extending' | 'ready' | 'closing' | 'closed'

const TRANSITIONS: Record<CircuitState, readonly CircuitState[]> = {
  extending: ['ready', 'closing'],
  ready: ['closing'],
  closing: ['closed'],
  closed: [],
}

/** @returns `to`. @throws CulvertError `circuit-transition` */
export function transition(from: CircuitState, to: CircuitState): CircuitState {
  if (!TRANSITIONS[from].includes(to)) {
    throw new CulvertError('circuit-transition', `a circuit that is ${from} cannot become ${to}`)
  }
  return to
}

/**
 * Why a circuit ended. `hop-timeout` and `build-timeout`: while it was being built; `timed-out`: later; `destroyed`: the
 * first hop said so; `worn-out`: it carried all that one circuit may; `replaced`: the pool has a newer one.
 */
export type CircuitCloseReason =
  | 'unneeded'
  | 'replaced'
  | 'shutdown'
  | 'handshake-auth'
  | 'hop-timeout'
  | 'build-timeout'
  | 'timed-out'
  | 'destroyed'
  | 'link-closed'
  | 'worn-out'

/** `waiting`, `extending` (asked), `unproven` (answered), `proven` (a layer under its keys has opened), `failed`. */
export type HopState = 'waiting' | 'extending' | 'unproven' | 'proven' | 'failed'
