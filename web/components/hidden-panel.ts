import { css, html, LitElement, nothing } from 'lit'
import { hiddenWords } from '../app/hidden-words.ts'
import { want } from '../app/intents.ts'
import type { HiddenView } from '../engine/protocol.ts'
import { base } from '../styles/base.ts'
import { controls } from '../styles/controls.ts'

/** How the hidden swarm stands, and the switch that gives what is here to others in it. */
export class HiddenPanel extends LitElement {
  static override properties = { swarm: { attribute: false }, complete: { type: Boolean } }

  declare swarm: HiddenView | undefined
  /** Only what is all here is given. */
  declare complete: boolean

  constructor() {
    super()
    this.swarm = undefined
    this.complete = false
  }

  override render() {
    const view = this.swarm
    if (!view || (view.state === 'off' && !this.complete)) return nothing
    const seeding = view.state === 'preparing' || view.state === 'seeding'
    return html`<section class="card" aria-label="Hidden peers">
      ${
        this.complete
          ? html`<label>
              <input
                type="checkbox"
                role="switch"
                .checked=${seeding}
                @change=${(event: Event) =>
                  want(this, { type: 'seed-hidden', on: (event.target as HTMLInputElement).checked })}
              />
              <span>Seed privately (hidden)</span>
            </label>`
          : nothing
      }
      <p>${hiddenWords(view)}</p>
    </section>`
  }

  static override styles = [
    base,
    controls,
    css`
      section {
        display: grid;
        gap: var(--space-2);
        margin-top: var(--space-4);
        padding: var(--space-4) var(--space-5);
        font-size: var(--text-s);
      }

      label {
        display: flex;
        align-items: center;
        gap: var(--space-3);
        min-height: 40px;
        font-weight: 600;
        cursor: pointer;
      }

      input {
        width: 1.25rem;
        height: 1.25rem;
        margin: 0;
        accent-color: var(--accent);
      }

      p {
        color: var(--ink-soft);
      }
    `,
  ]
}

customElements.define('hidden-panel', HiddenPanel)

declare global {
  interface HTMLElementTagNameMap {
    'hidden-panel': HiddenPanel
  }
}
