import { RELAYS_INTERVAL_MS } from './limits.ts'
import type { RelaysCommand, RelaysView } from './relays-protocol.ts'

/** What is known of relays and done about them, as the network offers it to the page. */
export interface RelaysDesk {
  receive(command: Exclude<RelaysCommand, { type: 'relays-open' | 'relays-close' }>): void
  view(): RelaysView
}

/** Sends what is known of relays while somebody looks: a list of thousands, so at most once a second. */
export class RelaysFeed {
  private readonly desk: () => RelaysDesk | undefined
  private readonly send: (relays: RelaysView) => void
  private timer: ReturnType<typeof setTimeout> | undefined
  private open = false

  constructor(desk: () => RelaysDesk | undefined, send: (relays: RelaysView) => void) {
    this.desk = desk
    this.send = send
  }

  receive(command: RelaysCommand): void {
    if (command.type === 'relays-open') this.open = true
    else if (command.type === 'relays-close') this.open = false
    else this.desk()?.receive(command)
    // What the visitor does shows at once.
    this.now()
  }

  private now(): void {
    clearTimeout(this.timer)
    if (!this.open) return
    this.timer = setTimeout(() => this.now(), RELAYS_INTERVAL_MS)
    const desk = this.desk()
    if (desk) this.send(desk.view())
  }
}
