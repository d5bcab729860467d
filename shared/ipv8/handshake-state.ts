import { CulvertError } from '../bytes/error.ts'

/**
 * The four-message handshake of IPv8 as the walker sees it (N-08): its request, the introducer's response, and the puncture
 * of the peer that the response names (whom the introducer sent the puncture request).
 */
export type HandshakeState =
  | 'none'
  | 'intro-request-sent'
  | 'intro-response-received'
  | 'puncture-received'
  | 'complete'
  | 'unreachable'

export type HandshakeEvent =
  | 'request'
  /** Names a peer, whose puncture is still to come. */
  | 'response'
  /** Names nobody. */
  | 'last-response'
  | 'puncture'
  /** 10 s have passed. An introducer that answered is not to blame for a puncture that did not come. */
  | 'timeout'

const TRANSITIONS: Record<HandshakeState, Partial<Record<HandshakeEvent, HandshakeState>>> = {
  none: { request: 'intro-request-sent' },
  'intro-request-sent': {
    response: 'intro-response-received',
    'last-response': 'complete',
    puncture: 'puncture-received',
    timeout: 'unreachable',
  },
  'intro-response-received': { puncture: 'complete', timeout: 'complete' },
  'puncture-received': { response: 'complete', 'last-response': 'complete', timeout: 'unreachable' },
  complete: {},
  unreachable: {},
}

/** Whether `event` has a place in `state`; packets that have none (duplicates) are dropped. */
export function canHappen(state: HandshakeState, event: HandshakeEvent): boolean {
  return TRANSITIONS[state][event] !== undefined
}

/** Throws CulvertError `handshake-state` for an event that has no place in `state`. */
export function nextState(state: HandshakeState, event: HandshakeEvent): HandshakeState {
  const next = TRANSITIONS[state][event]
  if (next === undefined) throw new CulvertError('handshake-state', `${event} in state ${state}`)
  return next
}
