import { css, html, LitElement, nothing } from 'lit'
import { isOfTheWay } from '../app/app-state.ts'
import { offersDirect } from '../app/hand-over.ts'
import { want } from '../app/intents.ts'
import { actionWords, type ProblemAction, type ProblemCode, problemWords } from '../app/problems.ts'
import { base } from '../styles/base.ts'
import { controls } from '../styles/controls.ts'
import { caution, close } from './icons.ts'

/** What went wrong, what that means, and what can be done, without alarm. The region is always there, so that it is heard. */
export class ProblemAlert extends LitElement {
  static override properties = {
    code: { attribute: false },
    detail: { attribute: false },
    /** Remedies that make no sense where this stands. */
    without: { attribute: false },
  }

  declare code: ProblemCode | undefined
  declare detail: string | undefined
  declare without: readonly ProblemAction[]

  constructor() {
    super()
    this.code = undefined
    this.detail = undefined
    this.without = []
  }

  override render() {
    return html`<div role="alert">${this.code === undefined ? nothing : this.renderProblem(this.code)}</div>`
  }

  private renderProblem(code: ProblemCode) {
    const { title, meaning, advice, actions } = problemWords(code)
    const offered = actions.filter((action) => !this.without.includes(action))
    return html`<div class="problem">
      <span class="sign">${caution}</span>
      <div class="words">
        <p class="title">${title}</p>
        <p>${meaning} ${advice}</p>
        ${this.detail === undefined ? nothing : html`<p class="detail">Detail: ${this.detail}</p>`}
        ${
          offered.length === 0
            ? nothing
            : html`<div class="actions">
              ${offered.map(
                (action, index) =>
                  html`<button
                    class=${index === 0 ? 'primary' : ''}
                    @click=${() => want(this, { type: 'remedy', action })}
                  >
                    ${actionWords[action]}
                  </button>`,
              )}
              ${
                isOfTheWay(this.code) && offersDirect(location.hostname)
                  ? html`<button class="quiet" @click=${() => want(this, { type: 'go-direct' })}>
                    Watch without protection…
                  </button>`
                  : nothing
              }
            </div>`
        }
      </div>
      <button class="icon quiet" aria-label="Put this message aside" @click=${() => want(this, { type: 'dismiss-problem' })}>
        ${close}
      </button>
    </div>`
  }

  static override styles = [
    base,
    controls,
    css`
      .problem {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr) auto;
        gap: var(--space-3);
        margin: var(--alert-margin, 0);
        padding: var(--space-4) var(--space-3) var(--space-4) var(--space-4);
        border: 1px solid color-mix(in srgb, var(--warn) 35%, var(--warn-surface));
        border-radius: var(--radius-m);
        background: var(--warn-surface);
        color: var(--ink);
      }

      .sign {
        color: var(--warn);
      }

      .words {
        display: grid;
        gap: var(--space-1);
        max-width: 44rem;
        font-size: var(--text-s);
      }

      .title {
        font-size: var(--text-m);
        font-weight: 600;
      }

      .detail {
        color: var(--ink-soft);
        font-size: var(--text-xs);
      }

      .actions {
        display: flex;
        flex-wrap: wrap;
        gap: var(--space-2);
        padding-top: var(--space-3);
      }

      .problem > button {
        align-self: start;
        margin: -8px -4px 0 0;
      }

      @media (max-width: 560px) {
        .problem {
          grid-template-columns: minmax(0, 1fr) auto;
        }

        .sign {
          display: none;
        }
      }
    `,
  ]
}

customElements.define('problem-alert', ProblemAlert)

declare global {
  interface HTMLElementTagNameMap {
    'problem-alert': ProblemAlert
  }
}
