import { css, html, LitElement, nothing } from 'lit'
import { helpStageOf, helpTells, helpWords } from '../app/bridge-words.ts'
import { want } from '../app/intents.ts'
import type { HelpView } from '../engine/bridge-protocol.ts'
import { base } from '../styles/base.ts'
import { controls } from '../styles/controls.ts'
import { dottedList } from '../styles/dotted-list.ts'
import { bridgeCardStyles } from './bridge-card.styles.ts'

/** Where no relay can be reached: asks whether another visitor may pass this page on, and says what that tells whom. */
export class BridgePanel extends LitElement {
  static override properties = { help: { attribute: false } }

  declare help: HelpView | undefined

  constructor() {
    super()
    this.help = undefined
  }

  override render() {
    const stage = helpStageOf(this.help)
    this.toggleAttribute('hidden', stage === 'hidden')
    if (this.help === undefined || stage === 'hidden') return nothing
    return html`<section class="card" aria-labelledby="heading">
      <h2 id="heading">A way in through another visitor</h2>
      ${stage === 'offer' ? this.renderOffer() : this.renderProgress(this.help)}
    </section>`
  }

  private renderOffer() {
    return html`<p>
        Other visitors of this site may reach its relay where you cannot. One of them can pass your connection on, from
        page to page.
      </p>
      <h3>What that tells</h3>
      <ul>${helpTells.map((line) => html`<li>${line}</li>`)}</ul>
      <div class="actions">
        <button class="primary" @click=${() => this.agree(true)}>
          Ask another visitor to pass your connection on
        </button>
        <p>For this visit alone. Nobody is asked before you agree.</p>
      </div>`
  }

  private renderProgress(help: HelpView) {
    return html`<p role="status">${helpWords(help)}</p>
      <div class="actions">
        <button class="small" @click=${() => this.agree(false)}>
          ${help.progress === 'linked' ? 'Do without it' : 'Stop asking'}
        </button>
      </div>`
  }

  private agree(on: boolean): void {
    want(this, { type: 'bridge', command: { type: 'bridge-agree', on } })
  }

  static override styles = [
    base,
    controls,
    dottedList,
    bridgeCardStyles,
    css`
      h3 {
        font-size: var(--text-xs);
        font-weight: 500;
        color: var(--ink-soft);
      }

      p,
      li {
        max-width: 62ch;
      }

      ul {
        --dot: var(--accent);
      }

      .actions {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: var(--space-2) var(--space-4);
      }

      .actions p {
        color: var(--ink-soft);
        font-size: var(--text-xs);
      }

      @media (max-width: 560px) {
        button.primary {
          height: auto;
          padding-block: var(--space-3);
          line-height: 1.3;
          white-space: normal;
        }
      }
    `,
  ]
}

customElements.define('bridge-panel', BridgePanel)

declare global {
  interface HTMLElementTagNameMap {
    'bridge-panel': BridgePanel
  }
}
