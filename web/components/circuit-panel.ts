import { css, html, LitElement, nothing } from 'lit'
import { primaryOf, standbyOf } from '../app/app-state.ts'
import { want } from '../app/intents.ts'
import { throughWords } from '../app/way-words.ts'
import type { CircuitView, EngineView, Hops } from '../engine/protocol.ts'
import { base } from '../styles/base.ts'
import { controls } from '../styles/controls.ts'
import { again } from './icons.ts'
import './circuit-ribbon.ts'
import './ways-in.ts'

/** The circuit in a picture and in words: whom the swarm sees, how far it is, and what stands by. */
export class CircuitPanel extends LitElement {
  static override properties = {
    view: { attribute: false },
    hops: { type: Number },
    playing: { type: Boolean },
  }

  declare view: EngineView | undefined
  declare hops: Hops
  /** A film has begun: a lost circuit is then being replaced behind it. */
  declare playing: boolean

  constructor() {
    super()
    this.view = undefined
    this.hops = 3
    this.playing = false
  }

  override render() {
    const circuit = primaryOf(this.view)
    const sees = circuit?.state === 'ready' ? this.view?.torrent?.swarmSees : undefined
    const lost = circuit === undefined && this.view?.entry.state === 'lost'
    return html`<section class="card" aria-labelledby="heading">
      <header>
        <div>
          <h2 id="heading">${headingOf(circuit, sees, this.playing, lost)}</h2>
          <p>${summaryOf(circuit, this.playing, lost)}</p>
        </div>
        <div class="side">
          ${this.renderStandby(standbyOf(this.view))}
          <button class="small" ?disabled=${circuit === undefined} @click=${() => want(this, { type: 'new-circuit' })}>
            ${again} New circuit
          </button>
        </div>
      </header>
      <circuit-ribbon .circuit=${circuit} .hops=${this.hops}></circuit-ribbon>
      <ways-in .ways=${this.view?.entry.ways ?? []}></ways-in>
    </section>`
  }

  private renderStandby(standby: CircuitView | undefined) {
    if (standby === undefined) return nothing
    const ready = standby.state === 'ready'
    return html`<span class="standby ${ready ? 'is-ready' : ''}"
      ><span class="dot"></span>${ready ? 'Standby ready' : 'Standby building'}</span
    >`
  }

  static override styles = [
    base,
    controls,
    css`
      section {
        display: grid;
        grid-template-rows: auto 1fr auto;
        gap: var(--space-4);
        height: 100%;
        padding: var(--space-5);
      }

      header {
        display: flex;
        flex-wrap: wrap;
        align-items: flex-start;
        justify-content: space-between;
        gap: var(--space-3) var(--space-5);
      }

      h2 {
        font-size: var(--text-l);
        font-variant-numeric: tabular-nums;
      }

      p {
        padding-top: var(--space-1);
        color: var(--ink-soft);
        font-size: var(--text-s);
      }

      .side {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: var(--space-2) var(--space-4);
      }

      .standby {
        display: inline-flex;
        align-items: center;
        gap: var(--space-2);
        color: var(--ink-soft);
        font-size: var(--text-xs);
      }

      .dot {
        width: 9px;
        height: 9px;
        border: 2px solid var(--line-strong);
        border-radius: 50%;
      }

      .is-ready .dot {
        border-color: var(--accent);
        background: var(--accent);
      }

      @media (max-width: 560px) {
        section {
          padding: var(--space-4);
        }
      }
    `,
  ]
}

function headingOf(
  circuit: CircuitView | undefined,
  sees: string | undefined,
  playing: boolean,
  lost: boolean,
): string {
  if (sees !== undefined) return `The swarm sees ${sees}`
  if (circuit?.state === 'ready') return 'The circuit is ready'
  if (lost) return 'No circuit at the moment'
  return playing ? 'Replacing the circuit' : 'Building the circuit'
}

function summaryOf(circuit: CircuitView | undefined, playing: boolean, lost: boolean): string {
  if (circuit?.state === 'ready') {
    return throughWords(circuit)
  }
  if (lost) return 'No relay answers. Culvert keeps asking, and builds one as soon as it can.'
  return playing
    ? 'The last one went away. What has arrived plays on meanwhile.'
    : 'Each relay is asked through the one before it, and proves its key.'
}

customElements.define('circuit-panel', CircuitPanel)

declare global {
  interface HTMLElementTagNameMap {
    'circuit-panel': CircuitPanel
  }
}
