import { css, html, LitElement, nothing } from 'lit'
import { titleOf } from '../app/announcements.ts'
import { type AppState, initialState, problemOf, stageOf } from '../app/app-state.ts'
import { want } from '../app/intents.ts'
import { base } from '../styles/base.ts'
import { controls } from '../styles/controls.ts'
import '../components/circuit-panel.ts'
import '../components/file-list.ts'
import '../components/film-stage.ts'
import '../components/problem-alert.ts'
import '../components/progress-panel.ts'

/** The film, and around it the circuit it comes through, how much is here, and the other files. */
export class WatchPage extends LitElement {
  static override properties = { state: { attribute: false } }

  declare state: AppState

  constructor() {
    super()
    this.state = initialState(3)
  }

  focusHeading(): void {
    this.renderRoot.querySelector('h1')?.focus({ preventScroll: true })
  }

  focusFiles(): void {
    this.renderRoot.querySelector('file-list')?.focus()
  }

  override render() {
    const { state } = this
    const { view } = state
    const stage = stageOf(state)
    const code = problemOf(state)
    const torrent = view?.torrent
    return html`<div class="main">
        <film-stage
          .stage=${stage}
          .torrent=${torrent}
          .ready=${state.mediaReady}
          .attempt=${state.attempt}
          .stopped=${code !== undefined && stage !== 'playing'}
        ></film-stage>
        <div class="headline">
          <h1 tabindex="-1">${titleOf(state)}</h1>
          <button @click=${() => want(this, { type: 'stop' })}>Stop and open another</button>
        </div>
        <problem-alert
          .code=${code}
          .detail=${code === view?.problem?.code ? view?.problem?.detail : undefined}
        ></problem-alert>
        <circuit-panel .view=${view} .hops=${state.hops} .playing=${stage === 'playing'}></circuit-panel>
      </div>
      <div class="aside">
        ${torrent === undefined || torrent.bytes === 0 ? this.renderNothingYet(code !== undefined) : html`<progress-panel .torrent=${torrent}></progress-panel>`}
        ${
          torrent === undefined || torrent.files.length === 0
            ? nothing
            : html`<file-list .files=${torrent.files} .selected=${torrent.selected}></file-list>`
        }
      </div>`
  }

  private renderNothingYet(stopped: boolean) {
    return html`<section class="card empty" aria-label="Progress">
      <p class="empty-title">${stopped ? 'Nothing has arrived' : 'Nothing has arrived yet'}</p>
      <p>Speed, peers and the map of pieces appear here as soon as the swarm answers.</p>
    </section>`
  }

  static override styles = [
    base,
    controls,
    css`
      :host {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: var(--space-5);
        align-items: start;
      }

      .main,
      .aside {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: var(--space-5);
      }

      .headline {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: space-between;
        gap: var(--space-3) var(--space-5);
      }

      h1 {
        flex: 1 1 14rem;
        min-width: 0;
        font: 500 clamp(1.5rem, 1.2rem + 1.2vw, 2rem) / 1.2 var(--serif);
        overflow-wrap: anywhere;
      }

      .empty {
        padding: var(--space-5);
        color: var(--ink-soft);
        font-size: var(--text-s);
      }

      .empty-title {
        padding-bottom: var(--space-1);
        color: var(--ink);
        font-weight: 600;
      }

      @media (min-width: 1080px) {
        :host {
          grid-template-columns: minmax(0, 1fr) 21.5rem;
          gap: var(--space-6);
        }
      }

      @media (max-width: 760px) {
        :host,
        .main,
        .aside {
          gap: var(--space-4);
        }
      }
    `,
  ]
}

customElements.define('watch-page', WatchPage)

declare global {
  interface HTMLElementTagNameMap {
    'watch-page': WatchPage
  }
}
