import { css, html, LitElement } from 'lit'
import { want } from '../app/intents.ts'
import type { Hops } from '../engine/protocol.ts'
import { base } from '../styles/base.ts'

const choices: readonly { readonly hops: Hops; readonly label: string; readonly meaning: string }[] = [
  { hops: 1, label: '1 hop', meaning: 'Fastest. The one relay knows both who you are and what you fetch.' },
  { hops: 2, label: '2 hops', meaning: 'No single relay knows both who you are and what you fetch.' },
  {
    hops: 3,
    label: '3 hops',
    meaning: 'Safest. As with two, and the entry and the exit do not know of each other.',
  },
]

/** How many relays the circuit goes through, and what each choice means. */
export class HopsPicker extends LitElement {
  static override properties = { hops: { type: Number }, compact: { type: Boolean, reflect: true } }

  declare hops: Hops
  /** Only the choices; legend and meaning are for screen readers then. */
  declare compact: boolean

  constructor() {
    super()
    this.hops = 3
    this.compact = false
  }

  override render() {
    const chosen = choices.find(({ hops }) => hops === this.hops)
    return html`<fieldset aria-describedby="meaning">
      <legend>Relays between you and the swarm</legend>
      <div class="segments">
        ${choices.map(
          ({ hops, label }) => html`<label>
            <input
              type="radio"
              name="hops"
              value=${hops}
              .checked=${hops === this.hops}
              @change=${() => want(this, { type: 'set-hops', hops })}
            />
            <span>${label}</span>
          </label>`,
        )}
      </div>
      <p id="meaning">${chosen?.meaning}</p>
    </fieldset>`
  }

  static override styles = [
    base,
    css`
      fieldset {
        margin: 0;
        padding: 0;
        border: 0;
        min-width: 0;
      }

      legend {
        padding: 0 0 var(--space-2);
        font-size: var(--text-s);
        font-weight: 600;
      }

      .segments {
        display: grid;
        grid-template-columns: repeat(3, 1fr);
        gap: 4px;
        max-width: 24rem;
        padding: 4px;
        border-radius: 999px;
        background: var(--surface-deep);
      }

      label {
        position: relative;
        display: grid;
        border-radius: 999px;
        cursor: pointer;
      }

      input {
        position: absolute;
        inset: 0;
        margin: 0;
        opacity: 0;
        cursor: pointer;
      }

      span {
        display: grid;
        place-items: center;
        min-height: 40px;
        border-radius: 999px;
        color: var(--ink-soft);
        font-size: var(--text-s);
        font-weight: 500;
        transition:
          background-color 140ms,
          color 140ms;
      }

      label:hover span {
        color: var(--ink);
      }

      input:checked + span {
        background: var(--accent);
        color: var(--on-accent);
        font-weight: 600;
      }

      input:focus-visible + span {
        outline: 3px solid var(--accent);
        outline-offset: 3px;
      }

      p {
        min-height: 3.1em;
        max-width: 24rem;
        padding-top: var(--space-3);
        color: var(--ink-soft);
        font-size: var(--text-s);
      }

      :host([compact]) :is(legend, p) {
        position: absolute;
        width: 1px;
        height: 1px;
        min-height: 0;
        padding: 0;
        overflow: hidden;
        clip-path: inset(50%);
        white-space: nowrap;
      }

      :host([compact]) .segments {
        min-width: 15rem;
      }

      :host([compact]) span {
        min-height: 34px;
        padding: 0 var(--space-2);
      }

      @media (forced-colors: active) {
        input:checked + span {
          outline: 2px solid Highlight;
        }
      }
    `,
  ]
}

customElements.define('hops-picker', HopsPicker)

declare global {
  interface HTMLElementTagNameMap {
    'hops-picker': HopsPicker
  }
}
