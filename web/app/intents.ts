import type { BridgeCommand } from '../engine/bridge-protocol.ts'
import type { Hops } from '../engine/protocol.ts'
import type { RelaysCommand } from '../engine/relays-protocol.ts'
import type { ProblemAction, ProblemCode } from './problems.ts'

/** What is to be opened. Kept, so that it can be tried again. */
export type OpenRequest =
  | { readonly kind: 'sample' }
  | { readonly kind: 'magnet'; readonly uri: string; readonly name: string | undefined }
  | { readonly kind: 'torrent'; readonly file: Uint8Array; readonly name: string }

/** What a visitor wants. Elements say it by an IntentEvent; the shell alone acts on it. */
export type Intent =
  | { readonly type: 'open'; readonly request: OpenRequest }
  | { readonly type: 'stop' }
  | { readonly type: 'select-file'; readonly index: number }
  | { readonly type: 'set-hops'; readonly hops: Hops }
  | { readonly type: 'new-circuit' }
  | { readonly type: 'seed-hidden'; readonly on: boolean }
  /** A remedy that a problem offered. */
  | { readonly type: 'remedy'; readonly action: ProblemAction }
  | { readonly type: 'dismiss-problem' }
  /** Something that only the page can notice: bad input, a film that does not decode. */
  | { readonly type: 'report'; readonly code: ProblemCode }
  | { readonly type: 'playing'; readonly url: string }
  /** To the page that asks whether to go without circuits; nothing is direct by this alone (C-09). */
  | { readonly type: 'go-direct' }
  /** Being passed on by another visitor, and passing others on. */
  | { readonly type: 'bridge'; readonly command: BridgeCommand }
  /** What a visitor wants of the relays: marks, lookups, preferences. */
  | { readonly type: 'relays'; readonly command: RelaysCommand }

export class IntentEvent extends Event {
  static readonly type = 'culvert-intent'
  readonly intent: Intent

  constructor(intent: Intent) {
    super(IntentEvent.type, { bubbles: true, composed: true })
    this.intent = intent
  }
}

declare global {
  interface HTMLElementEventMap {
    'culvert-intent': IntentEvent
  }
}

/** Says what the visitor wants, from the element where it was wanted. */
export function want(origin: EventTarget, intent: Intent): void {
  origin.dispatchEvent(new IntentEvent(intent))
}
