import { css, html, LitElement, nothing } from 'lit'
import { titleOf } from '../app/announcements.ts'
import { type AppState, initialState, problemOf, stageOf } from '../app/app-state.ts'
import { breakable } from '../app/formats.ts'
import { want } from '../app/intents.ts'
import type { ProblemCode } from '../app/problems.ts'
import { base } from '../styles/base.ts'
import { controls } from '../styles/controls.ts'
import '../components/bridge-panel.ts'
import '../components/circuit-panel.ts'
import '../components/file-list.ts'
import '../components/film-stage.ts'
import '../components/hidden-panel.ts'
import '../components/hops-picker.ts'
import '../components/problem-alert.ts'
import '../components/progress-panel.ts'
import '../components/volunteer-panel.ts'

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

  /** For when the visitor goes to another page; the film stands still where it was. */
  pause(): void {
    this.renderRoot.querySelector('film-stage')?.pause()
  }

  override render() {
    const { state } = this
    const { view } = state
    const stage = stageOf(state)
    const code = problemOf(state)
    const torrent = view?.torrent
    const playing = stage === 'playing'
    return html`<div class="film">
        <film-stage
          .stage=${stage}
          .torrent=${torrent}
          .ready=${state.mediaReady}
          .attempt=${state.attempt}
          .stopped=${(code ?? state.broken) !== undefined && !playing}
        >
          ${this.renderProblem(playing ? undefined : code)}
        </film-stage>
        <div class="headline">
          <h1 tabindex="-1">${breakable(titleOf(state))}</h1>
          <hops-picker compact .hops=${state.hops}></hops-picker>
          <button @click=${() => want(this, { type: 'stop' })}>Stop and open another</button>
        </div>
        ${this.renderProblem(playing ? code : undefined)}
        <bridge-panel .help=${view?.bridge?.help}></bridge-panel>
      </div>
      <circuit-panel .view=${view} .hops=${state.hops} .playing=${playing}></circuit-panel>
      <div class="progress">
        ${
          torrent === undefined || torrent.bytes === 0
            ? this.renderNothingYet(code !== undefined)
            : html`<progress-panel .torrent=${torrent}></progress-panel>`
        }
        <hidden-panel .swarm=${torrent?.hidden} .complete=${torrent?.state === 'done'}></hidden-panel>
        <volunteer-panel .volunteer=${view?.bridge?.volunteer}></volunteer-panel>
      </div>
      ${
        torrent === undefined || torrent.files.length === 0
          ? nothing
          : html`<file-list
              .files=${torrent.files}
              .count=${torrent.fileCount}
              .selected=${torrent.selected}
              .ready=${state.mediaReady}
            ></file-list>`
      }`
  }

  /** Before the film plays, on the stage; afterwards below it, where it covers nothing. */
  private renderProblem(code: ProblemCode | undefined) {
    const problem = this.state.view?.problem
    return html`<problem-alert
      .code=${code}
      .detail=${code === problem?.code ? problem?.detail : undefined}
    ></problem-alert>`
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
      }

      film-stage > problem-alert {
        --alert-margin: clamp(0.5rem, 2.4%, 1.5rem);
      }

      .film > problem-alert {
        --alert-margin: var(--space-4) 0 0;
      }

      .film > bridge-panel,
      .progress > volunteer-panel {
        margin-top: var(--space-4);
      }

      .headline {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: space-between;
        gap: var(--space-3) var(--space-5);
        padding-top: var(--space-4);
      }

      h1 {
        flex: 1 1 0;
        max-width: 100%;
        min-width: 0;
        font: 400 clamp(1.5rem, 1.2rem + 1.2vw, 2rem) / 1.2 var(--serif);
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
          grid-template-columns: minmax(0, 1fr) 22rem;
          grid-template-areas:
            'film circuit'
            'progress circuit'
            'files files';
          grid-template-rows: auto 1fr auto;
          align-items: start;
          gap: var(--space-5) var(--space-6);
        }

        .film {
          grid-area: film;
        }

        circuit-panel {
          grid-area: circuit;
        }

        .progress {
          grid-area: progress;
        }

        file-list {
          grid-area: files;
        }
      }

      /* From here on the film with its title is as tall as the circuit, which then fills the height beside it. */
      @media (min-width: 1340px) {
        :host {
          grid-template-areas:
            'film circuit'
            'progress files';
          grid-template-rows: auto auto;
        }

        circuit-panel {
          height: 100%;
        }
      }

      @media (max-width: 760px) {
        :host {
          gap: var(--space-4);
        }

        h1 {
          flex-basis: auto;
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
