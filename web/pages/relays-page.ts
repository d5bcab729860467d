import { css, html, LitElement, nothing } from 'lit'
import { type AppState, initialState } from '../app/app-state.ts'
import { countryName } from '../app/countries.ts'
import { formatCount, plural } from '../app/formats.ts'
import { want } from '../app/intents.ts'
import { allRelays, type RelayFilter } from '../app/relay-list-order.ts'
import { comparisonWords } from '../app/relay-words.ts'
import type { Avoidance, RelayMark, RelayRow, RelaysCommand, RelaysView } from '../engine/relays-protocol.ts'
import { base } from '../styles/base.ts'
import { controls } from '../styles/controls.ts'
import '../components/relay-choices.ts'
import '../components/relay-finder.ts'
import '../components/relay-list.ts'
import '../components/relay-map.ts'

/** What was just done, and what takes it back. */
interface Deed {
  readonly words: string
  readonly undo: RelaysCommand
}

/** The relays that are known: where they are, why each is trusted or not, and what the visitor wants of them. */
export class RelaysPage extends LitElement {
  static override properties = {
    state: { attribute: false },
    filter: { state: true },
    deed: { state: true },
  }

  declare state: AppState
  declare private filter: RelayFilter
  declare private deed: Deed | undefined

  constructor() {
    super()
    this.state = initialState(3)
    this.filter = allRelays
    this.deed = undefined
  }

  focusHeading(): void {
    this.renderRoot.querySelector('h1')?.focus({ preventScroll: true })
  }

  override render() {
    const { relays: view } = this.state
    return html`<div class="intro">
        <h1 tabindex="-1">The relays</h1>
        <p class="lead">${leadOf(view)}</p>
      </div>
      ${
        view === undefined
          ? html`<p class="card waiting">What is known of relays appears here as soon as the engine tells it.</p>`
          : this.renderKnown(view)
      }
      <div class="deed" role="status">${this.renderDeed()}</div>`
  }

  private renderKnown(view: RelaysView) {
    const { asked, hidden, unconfirmed } = view.comparison
    return html`<section class="map card" aria-labelledby="map">
        <h2 id="map" class="for-readers">On the map</h2>
        <relay-map
          .relays=${view.relays}
          .avoided=${view.avoid.countries}
          .chosen=${this.filter.country}
          .choose=${this.choose}
        ></relay-map>
        ${renderWays(view.relays)}
        <p class="comparison">
          ${comparisonWords(asked, hidden, unconfirmed)}
          ${hidden > 0 ? this.renderShow('Show what it kept back', { kind: 'hidden' }) : nothing}
          ${unconfirmed > 0 ? this.renderShow('Show those of one source', { kind: 'unconfirmed' }) : nothing}
        </p>
      </section>
      <relay-choices .avoid=${view.avoid} .near=${view.near} .geo=${view.geo}></relay-choices>
      <relay-finder .search=${view.search}></relay-finder>
      <relay-list
        .relays=${view.relays}
        .filter=${this.filter}
        .mark=${this.mark}
        .avoid=${this.avoid}
        .refilter=${this.refilter}
      ></relay-list>`
  }

  private renderShow(words: string, change: Partial<RelayFilter>) {
    return html`<button class="link" @click=${() => this.show({ ...allRelays, ...change })}>${words}</button>`
  }

  private renderDeed() {
    const { deed } = this
    if (deed === undefined) return nothing
    const undo = () => {
      this.tell(deed.undo)
      this.deed = undefined
    }
    return html`<p>
      <span>${deed.words}</span>
      <button class="small" @click=${undo}>Undo</button>
      <button class="small quiet" @click=${() => this.forget()}>Close</button>
    </p>`
  }

  private readonly mark = (row: RelayRow, mark: RelayMark | undefined) => {
    this.tell({ type: 'mark-relay', id: row.id, mark })
    const name = row.name === '' ? row.fingerprint : row.name
    this.deed = {
      words:
        mark === undefined
          ? `The mark on ${name} is gone.`
          : mark === 'blocked'
            ? `${name} is blocked: no circuit uses it any more.`
            : `${name} is trusted.`,
      undo: { type: 'mark-relay', id: row.id, mark: row.mark },
    }
  }

  private readonly avoid = (country: string) => {
    const before = this.state.relays?.avoid ?? { countries: [], strict: false }
    if (before.countries.includes(country)) return
    const after: Avoidance = { ...before, countries: [...before.countries, country] }
    this.tell({ type: 'avoid-countries', avoid: after })
    this.deed = {
      words: `Circuits pass ${countryName(country)} no longer.`,
      undo: { type: 'avoid-countries', avoid: before },
    }
  }

  private readonly choose = (country: string) => {
    this.show({ ...this.filter, country: this.filter.country === country ? '' : country })
  }

  private readonly refilter = (filter: RelayFilter) => {
    this.filter = filter
  }

  /** Lists those, and goes there. */
  private show(filter: RelayFilter): void {
    this.filter = filter
    const list = this.renderRoot.querySelector('relay-list')
    list?.scrollIntoView({ block: 'start' })
    list?.focusHeading()
  }

  private forget(): void {
    this.deed = undefined
  }

  private tell(command: RelaysCommand): void {
    want(this, { type: 'relays', command })
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

      h1 {
        font: 400 var(--text-display) / 1.06 var(--serif);
        letter-spacing: -0.015em;
      }

      .lead {
        max-width: 46rem;
        padding-top: var(--space-3);
        color: var(--ink-soft);
      }

      .waiting {
        padding: var(--space-5);
        color: var(--ink-soft);
        font-size: var(--text-s);
      }

      .map {
        padding: var(--space-5);
      }

      .ways {
        display: grid;
        gap: var(--space-1);
        padding-top: var(--space-4);
        font-size: var(--text-s);
      }

      .ways li {
        display: grid;
        grid-template-columns: 2.25rem minmax(0, 1fr);
        align-items: center;
        gap: var(--space-3);
      }

      .ways svg path {
        fill: none;
        stroke: var(--accent);
        stroke-width: 2.4;
        stroke-linecap: round;
      }

      .ways .standby svg path {
        stroke: color-mix(in srgb, var(--accent) 85%, var(--surface));
        stroke-width: 1.6;
        stroke-dasharray: 1 7;
      }

      .comparison {
        padding-top: var(--space-3);
        color: var(--ink-soft);
        font-size: var(--text-s);
      }

      button.link {
        display: inline;
        min-height: 24px;
        padding: 0;
        border: 0;
        border-radius: 2px;
        color: var(--accent);
        font: inherit;
        text-decoration: underline;
        text-underline-offset: 0.15em;
        white-space: normal;
      }

      .deed {
        position: sticky;
        bottom: var(--space-4);
        z-index: 2;
        justify-self: center;
        max-width: 100%;
      }

      .deed p {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: var(--space-2) var(--space-3);
        padding: var(--space-2) var(--space-3) var(--space-2) var(--space-5);
        border: 1px solid var(--line-strong);
        border-radius: var(--radius-l);
        background: var(--surface);
        box-shadow: 0 12px 30px -10px var(--shadow);
        font-size: var(--text-s);
      }

      @media (min-width: 1080px) {
        :host {
          grid-template-columns: minmax(0, 1fr) 24rem;
          gap: var(--space-5) var(--space-6);
        }

        .intro,
        relay-finder,
        relay-list,
        .waiting,
        .deed {
          grid-column: 1 / -1;
        }

        .map {
          display: grid;
          align-content: start;
        }
      }

      @media (max-width: 560px) {
        .map {
          padding: var(--space-4);
        }
      }
    `,
  ]
}

function leadOf(view: RelaysView | undefined): string {
  if (view === undefined || view.relays.length === 0) return 'None is known yet.'
  const { relays, more } = view
  const trusted = relays.filter(({ verdict }) => verdict.standing === 'trusted').length
  const exits = relays.filter(({ exit }) => exit !== 'none').length
  const known = `${formatCount(relays.length + more)} relays are known`
  const shown = more > 0 ? `, ${formatCount(relays.length)} of them shown` : ''
  return `${known}${shown}: ${plural(trusted, 'is', 'are')} trusted, ${plural(exits, 'can be an exit', 'can be exits')}. Your circuits pick from them by bandwidth, trust and place, never two of one network.`
}

/** The circuits of now in words, as the map draws them. */
function renderWays(relays: readonly RelayRow[]) {
  const ways = new Map<number, { primary: boolean; hops: RelayRow[] }>()
  for (const row of relays) {
    for (const { circuit, position, primary } of row.circuits) {
      const way = ways.get(circuit) ?? { primary, hops: [] }
      way.hops[position] = row
      ways.set(circuit, way)
    }
  }
  const sorted = [...ways].sort(([, a], [, b]) => Number(b.primary) - Number(a.primary))
  return html`<ul class="ways" aria-label="The circuits of now">
    ${sorted.map(
      ([circuit, { primary, hops }]) => html`<li class=${primary ? '' : 'standby'}>
        <svg width="36" height="12" viewBox="0 0 36 12" aria-hidden="true"><path d="M2 9Q18 -2 34 9" /></svg>
        <span
          >${primary ? 'Your circuit' : `Standby ${circuit}`}:
          ${hops.map((hop, i) => (hop ? `${i + 1} ${hopWords(hop)}` : '')).join(' · ')}</span
        >
      </li>`,
    )}
  </ul>`
}

function hopWords({ name, fingerprint, country }: RelayRow): string {
  const place = country === undefined ? '' : ` (${countryName(country)})`
  return `${name === '' ? fingerprint : name}${place}`
}

customElements.define('relays-page', RelaysPage)

declare global {
  interface HTMLElementTagNameMap {
    'relays-page': RelaysPage
  }
}
