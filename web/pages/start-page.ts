import { css, html, LitElement } from 'lit'
import { type AppState, initialState, problemOf } from '../app/app-state.ts'
import { base } from '../styles/base.ts'
import '../components/hops-picker.ts'
import '../components/problem-alert.ts'
import '../components/sample-card.ts'
import '../components/source-form.ts'
import '../components/tunnel-status.ts'

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

  focusSource(): void {
    this.renderRoot.querySelector('source-form')?.focus()
  }

  override render() {
    const { state } = this
    const code = problemOf(state)
    return html`<problem-alert
        .code=${code}
        .detail=${code === state.view?.problem?.code ? state.view?.problem?.detail : undefined}
        .without=${['choose-another', 'choose-file']}
      ></problem-alert>
      <div class="grid">
        <div class="intro">
          <h1 tabindex="-1">Watch a torrent unseen by its swarm.</h1>
          <p class="lead">
            Culvert plays torrents right here, through a tunnel of relays that this page builds itself. The swarm meets
            the last relay, not you.
          </p>
        </div>
        <div class="sample"><sample-card .sample=${state.view?.sample}></sample-card></div>
        <div class="tunnel">
          <hops-picker .hops=${state.hops}></hops-picker>
          <tunnel-status .view=${state.view}></tunnel-status>
        </div>
        <section class="own" aria-labelledby="own">
          <h2 id="own">Or bring your own</h2>
          <source-form></source-form>
        </section>
      </div>`
  }

  static override styles = [
    base,
    css`
      :host {
        display: grid;
        gap: var(--space-5);
      }

      .grid {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: var(--space-6);
      }

      h1 {
        font: 500 var(--text-display) / 1.06 var(--serif);
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

      h2 {
        padding-bottom: var(--space-4);
        font: 500 var(--text-l) / 1.2 var(--serif);
      }

      @media (min-width: 700px) {
        .grid {
          grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
        }

        .intro,
        .sample {
          grid-column: 1 / -1;
        }

        .own {
          order: -1;
        }

        .intro {
          order: -3;
        }

        .sample {
          order: -2;
        }
      }

      @media (min-width: 1080px) {
        .grid {
          grid-template-columns: minmax(0, 5fr) minmax(0, 8fr);
          grid-template-areas:
            'intro sample'
            'tunnel own';
          grid-template-rows: auto auto;
          gap: var(--space-6) clamp(3rem, 5vw, 5.5rem);
          align-items: start;
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

        .own {
          grid-area: own;
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
