import { css, html, LitElement, nothing } from 'lit'
import { type AppState, initialState, problemOf } from '../app/app-state.ts'
import { base } from '../styles/base.ts'
import { controls } from '../styles/controls.ts'
import '../components/bridge-panel.ts'
import '../components/hops-picker.ts'
import '../components/problem-alert.ts'
import '../components/sample-card.ts'
import '../components/source-form.ts'
import '../components/tunnel-status.ts'
import '../components/volunteer-panel.ts'

/** Where a visitor arrives: what this is, a film to try it with, and a place for one's own. */
export class StartPage extends LitElement {
  static override properties = { state: { attribute: false } }

  declare state: AppState

  constructor() {
    super()
    this.state = initialState(3)
  }

  /** Where reading goes on when the page has changed under the visitor. */
  focusHeading(): void {
    this.renderRoot.querySelector('h1')?.focus({ preventScroll: true })
  }

  override render() {
    const { state } = this
    const sample = state.view?.sample
    const code = problemOf(state)
    return html`<problem-alert
        .code=${code}
        .detail=${code === state.view?.problem?.code ? state.view?.problem?.detail : undefined}
        .without=${['choose-another', 'choose-file']}
      ></problem-alert>
      <bridge-panel .help=${state.view?.bridge?.help}></bridge-panel>
      <div class="grid ${sample === null ? 'without-sample' : ''}">
        <div class="intro">
          <h1 tabindex="-1">Watch a torrent unseen by its swarm.</h1>
          <p class="lead">
            Culvert plays torrents right here, through a tunnel of relays that this page builds itself. The swarm meets
            the last relay, not you.
          </p>
        </div>
        ${
          sample === null
            ? nothing
            : html`<div class="sample"><sample-card .sample=${sample}></sample-card></div>`
        }
        <div class="tunnel">
          <hops-picker .hops=${state.hops}></hops-picker>
          <tunnel-status .view=${state.view}></tunnel-status>
        </div>
        <section class="own card" aria-labelledby="own">
          <div>
            <h2 id="own">Or bring your own</h2>
            <p>Paste a link or drop a file anywhere on this page. Everything it fetches comes through the circuit.</p>
          </div>
          <source-form></source-form>
        </section>
        <volunteer-panel class="others" .volunteer=${state.view?.bridge?.volunteer}></volunteer-panel>
      </div>`
  }

  static override styles = [
    base,
    controls,
    css`
      problem-alert {
        --alert-margin: 0 0 var(--space-5);
      }

      bridge-panel {
        margin-bottom: var(--space-6);
      }

      .grid {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: var(--space-6);
      }

      h1 {
        font: 400 var(--text-display) / 1.06 var(--serif);
        letter-spacing: -0.015em;
      }

      .lead {
        max-width: 34rem;
        padding-top: var(--space-4);
        color: var(--ink-soft);
        font-size: clamp(1rem, 0.95rem + 0.3vw, 1.125rem);
      }

      .tunnel {
        display: grid;
        align-content: start;
        gap: var(--space-4);
      }

      .own {
        padding: clamp(1.25rem, 2.6vw, 2rem);
      }

      h2 {
        padding-bottom: var(--space-1);
        font: 400 var(--text-xl) / 1.2 var(--serif);
      }

      .own > div > p {
        padding-bottom: var(--space-5);
        color: var(--ink-soft);
        font-size: var(--text-s);
      }

      @media (min-width: 700px) and (max-width: 1079px) {
        .tunnel {
          grid-template-columns: minmax(0, 24rem) minmax(0, 1fr);
          gap: var(--space-6);
        }

        tunnel-status {
          padding-top: calc(1.55rem + var(--space-4));
        }
      }

      @media (min-width: 1080px) {
        .grid {
          --columns: minmax(0, 5fr) minmax(0, 8fr);
          grid-template-columns: var(--columns);
          grid-template-areas:
            'intro sample'
            'tunnel sample'
            'own own'
            'others others';
          grid-template-rows: 1fr auto auto auto;
          gap: var(--space-6) clamp(3rem, 4.5vw, 5rem);
        }

        .without-sample {
          grid-template-areas:
            'intro tunnel'
            'own own'
            'others others';
          grid-template-rows: auto;
        }

        .intro {
          grid-area: intro;
          align-self: center;
        }

        .sample {
          grid-area: sample;
        }

        .tunnel {
          grid-area: tunnel;
        }

        .others {
          grid-area: others;
        }

        .own {
          grid-area: own;
          display: grid;
          grid-template-columns: var(--columns);
          gap: clamp(3rem, 4.5vw, 5rem);
          margin-top: var(--space-3);
        }
      }
    `,
  ]
}

customElements.define('start-page', StartPage)

declare global {
  interface HTMLElementTagNameMap {
    'start-page': StartPage
  }
}
