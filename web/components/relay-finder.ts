import { css, html, LitElement, nothing } from 'lit'
import { formatWait, plural } from '../app/formats.ts'
import { want } from '../app/intents.ts'
import { methodWords, searchResultWords } from '../app/relay-words.ts'
import type { SearchMethod, SearchView } from '../engine/relays-protocol.ts'
import { base } from '../styles/base.ts'
import { controls } from '../styles/controls.ts'

const methods = ['dht', 'tracker', 'exchange', 'bootstrap'] as const satisfies readonly SearchMethod[]

/** Looks for relays now, in one of four ways, and says what came of it (D-08). */
export class RelayFinder extends LitElement {
  static override properties = { search: { attribute: false } }

  declare search: SearchView

  constructor() {
    super()
    this.search = { running: [], results: [], statistics: [] }
  }

  override render() {
    return html`<section class="card" aria-labelledby="heading">
      <h2 id="heading">Look for relays now</h2>
      <ul>
        ${methods.map((method) => this.renderMethod(method))}
      </ul>
    </section>`
  }

  private renderMethod(method: SearchMethod) {
    const { running, results, statistics } = this.search
    const { title, meaning } = methodWords[method]
    const busy = running.includes(method)
    const result = results.find((each) => each.method === method)
    const all = statistics.find((each) => each.method === method)
    return html`<li>
      <div>
        <h3>${title}</h3>
        <p>${meaning}</p>
        <p class="result" role="status">
          ${busy ? 'Looking…' : result === undefined ? '' : searchResultWords(result)}
        </p>
        ${
          all === undefined || all.runs < 2
            ? nothing
            : html`<p>
                Of ${plural(all.runs, 'search', 'searches')} ${all.successes} came to something,
                ${formatWait(all.meanSeconds)} each; ${plural(all.found, 'new relay')} in all.
              </p>`
        }
      </div>
      <button
        class="small"
        ?disabled=${busy}
        aria-label="Look by ${title}"
        @click=${() => want(this, { type: 'relays', command: { type: 'find-relays', method } })}
      >
        Look
      </button>
    </li>`
  }

  static override styles = [
    base,
    controls,
    css`
      :host {
        container-type: inline-size;
      }

      section {
        padding: var(--space-5);
      }

      h2 {
        padding-bottom: var(--space-4);
        font-size: var(--text-l);
      }

      ul {
        display: grid;
        gap: var(--space-4) var(--space-6);
      }

      li {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto;
        align-items: start;
        gap: var(--space-3);
      }

      @container (min-width: 620px) {
        ul {
          grid-template-columns: 1fr 1fr;
        }
      }

      @container (min-width: 1080px) {
        ul {
          grid-template-columns: repeat(4, minmax(0, 1fr));
        }

        li {
          grid-template-columns: minmax(0, 1fr);
          grid-template-rows: 1fr auto;
        }

        li button {
          justify-self: start;
        }
      }

      h3 {
        font-size: var(--text-s);
      }

      p {
        padding-top: 2px;
        color: var(--ink-soft);
        font-size: var(--text-xs);
        line-height: 1.45;
      }

      .result {
        color: var(--accent);
      }

      .result:empty {
        padding: 0;
      }

      @media (max-width: 560px) {
        section {
          padding: var(--space-4);
        }
      }
    `,
  ]
}

customElements.define('relay-finder', RelayFinder)

declare global {
  interface HTMLElementTagNameMap {
    'relay-finder': RelayFinder
  }
}
