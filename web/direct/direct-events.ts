/** The gate's ticked and pressed yes. */
export class ConsentEvent extends Event {
  static readonly type = 'direct-consent'
  readonly understood: boolean

  constructor(understood: boolean) {
    super(ConsentEvent.type, { bubbles: true, composed: true })
    this.understood = understood
  }
}

/** The visitor wants direct mode to end. */
export class StopEvent extends Event {
  static readonly type = 'direct-stop'

  constructor() {
    super(StopEvent.type, { bubbles: true, composed: true })
  }
}

declare global {
  interface HTMLElementEventMap {
    'direct-consent': ConsentEvent
    'direct-stop': StopEvent
  }
}
