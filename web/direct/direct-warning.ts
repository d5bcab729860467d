import { css, html, LitElement } from 'lit'
import { caution } from '../components/icons.ts'
import { base } from '../styles/base.ts'
import { controls } from '../styles/controls.ts'
import { StopEvent } from './direct-events.ts'

/** Stands at the top of the window for as long as direct mode is on, however far the page is scrolled (requirement C-09). */
export class DirectWarning extends LitElement {
  override render() {
    return html`<div class="bar">
      <p role="alert">
        ${caution}
        <span><strong>Unprotected.</strong> Others see your IP address and what you watch.</span>
      </p>
      <button class="small" @click=${() => this.dispatchEvent(new StopEvent())}>Stop direct mode</button>
    </div>`
  }

  static override styles = [
    base,
    controls,
    css`
      :host {
        position: sticky;
        top: 0;
        z-index: 10;
        background: var(--warn);
        color: var(--on-accent);
      }

      .bar {
        display: flex;
        align-items: center;
        justify-content: space-between;
        gap: var(--space-2) var(--space-4);
        max-width: calc(var(--width) + 2 * var(--gutter));
        margin-inline: auto;
        padding: var(--space-2) var(--gutter);
        padding-top: max(var(--space-2), env(safe-area-inset-top));
      }

      p {
        display: flex;
        align-items: center;
        gap: var(--space-3);
        font-size: var(--text-s);
        line-height: 1.35;
      }

      svg {
        flex: none;
      }

      button {
        flex: none;
        border-color: currentColor;
        color: inherit;
      }

      button:hover {
        border-color: currentColor;
        background: color-mix(in srgb, currentColor 14%, transparent);
        color: inherit;
      }

      button:focus-visible {
        outline-color: currentColor;
      }

      @media (max-width: 560px) {
        svg {
          display: none;
        }

        p {
          font-size: var(--text-xs);
        }
      }
    `,
  ]
}

customElements.define('direct-warning', DirectWarning)

declare global {
  interface HTMLElementTagNameMap {
    'direct-warning': DirectWarning
  }
}
