import { css, html, LitElement } from 'lit'
import { primaryOf, standbyOf } from '../app/app-state.ts'
import { plural } from '../app/formats.ts'
import { connectionWords } from '../app/way-words.ts'
import type { EngineView } from '../engine/protocol.ts'
import { base } from '../styles/base.ts'

type Mood = 'ready' | 'working' | 'lost'

/** One quiet line: is there a way out, and how many relays are known. */
export class TunnelStatus extends LitElement {
  static override properties = { view: { attribute: false } }

  declare view: EngineView | undefined

  constructor() {
    super()
    this.view = undefined
  }

  override render() {
    const { mood, text } = statusOf(this.view)
    return html`<p class=${mood}><span class="dot"></span><span>${text}</span></p>
      <p class="more">${connectionWords(this.view?.entry.ways ?? [])}</p>
      <p class="more">${knownOf(this.view)}</p>`
  }

  static override styles = [
    base,
    css`
      p {
        display: flex;
        align-items: center;
        gap: var(--space-2);
        font-size: var(--text-s);
        font-weight: 500;
      }

      .more {
        padding-inline-start: calc(10px + var(--space-2));
        color: var(--ink-soft);
        font-size: var(--text-xs);
        font-weight: 400;
        min-height: 1.55em;
      }

      .dot {
        flex: none;
        width: 10px;
        height: 10px;
        border-radius: 50%;
        background: var(--accent);
      }

      .working .dot {
        background: transparent;
        border: 2px solid var(--accent);
        animation: pulse 1.8s ease-in-out infinite;
      }

      .lost .dot {
        background: transparent;
        border: 2px solid var(--warn);
      }

      @keyframes pulse {
        50% {
          background: var(--accent);
        }
      }
    `,
  ]
}

function statusOf(view: EngineView | undefined): { mood: Mood; text: string } {
  if (view === undefined) return { mood: 'working', text: 'Waking up' }
  const primary = primaryOf(view)
  if (primary?.state === 'ready') {
    const standby = standbyOf(view)?.state === 'ready' ? ', a second one standing by' : ''
    return { mood: 'ready', text: `Circuit ready${standby}` }
  }
  if (view.entry.state === 'lost') return { mood: 'lost', text: 'No relay answers at the moment' }
  if (primary !== undefined) {
    const done = primary.hops.filter(({ state }) => state === 'proven').length
    return { mood: 'working', text: `Building a circuit: ${done} of ${plural(primary.hops.length, 'hop')}` }
  }
  if (view.entry.state !== 'open') return { mood: 'working', text: 'Reaching the first relay' }
  const { relays, needed } = view.entry
  const text = relays < needed ? `Finding relays: ${relays} of ${needed}` : 'Choosing relays'
  return { mood: 'working', text }
}

function knownOf(view: EngineView | undefined): string {
  if (view === undefined || view.entry.relays === 0) return ''
  return `${plural(view.entry.relays, 'relay')} known, ${plural(view.entry.exits, 'exit')} among them`
}

customElements.define('tunnel-status', TunnelStatus)

declare global {
  interface HTMLElementTagNameMap {
    'tunnel-status': TunnelStatus
  }
}
