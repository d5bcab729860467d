import { css, html, LitElement, nothing } from 'lit'
import { wayHealthWords, wayWords } from '../app/way-words.ts'
import type { WayInView } from '../engine/protocol.ts'
import { base } from '../styles/base.ts'

/** The links with relays that let this page in: what carries each, how far it is, and since when. */
export class WaysIn extends LitElement {
  static override properties = { ways: { attribute: false } }

  declare ways: readonly WayInView[]

  constructor() {
    super()
    this.ways = []
  }

  override render() {
    if (this.ways.length === 0) return nothing
    return html`<h3 id="ways">Ways in</h3>
      <ul aria-labelledby="ways">
        ${this.ways.map(
          (way) => html`<li class=${way.state}>
            <span class="dot"></span>
            <span class="way">${capital(wayWords(way))}</span>
            <span class="health">${wayHealthWords(way)}</span>
          </li>`,
        )}
      </ul>`
  }

  static override styles = [
    base,
    css`
      :host {
        display: block;
      }

      h3 {
        color: var(--ink-soft);
        font-size: var(--text-xs);
        font-weight: 500;
      }

      ul {
        display: grid;
        gap: var(--space-2);
        padding-top: var(--space-2);
        list-style: none;
      }

      li {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr) auto;
        align-items: baseline;
        gap: var(--space-2);
        font-size: var(--text-s);
      }

      .way {
        overflow-wrap: anywhere;
      }

      .health {
        color: var(--ink-soft);
        font-size: var(--text-xs);
        font-variant-numeric: tabular-nums;
      }

      .dot {
        width: 9px;
        height: 9px;
        border: 2px solid var(--warn);
        border-radius: 50%;
      }

      .open .dot {
        border-color: var(--accent);
        background: var(--accent);
      }

      .reconnecting .dot {
        border-color: var(--accent);
      }

      @media (max-width: 560px) {
        li {
          grid-template-columns: auto minmax(0, 1fr);
          row-gap: 0;
        }

        .health {
          grid-column: 2;
        }
      }
    `,
  ]
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

customElements.define('ways-in', WaysIn)

declare global {
  interface HTMLElementTagNameMap {
    'ways-in': WaysIn
  }
}
