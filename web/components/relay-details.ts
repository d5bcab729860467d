import { css, html, LitElement, nothing } from 'lit'
import { CHECK_NAMES } from '../../shared/trust/verdict.ts'
import { countryName } from '../app/countries.ts'
import { formatRate, formatShare, formatWait, plural } from '../app/formats.ts'
import {
  checkResultWords,
  checkWords,
  circuitWords,
  classWords,
  exitWords,
  reasonWords,
  standingMeaning,
  standingWords,
} from '../app/relay-words.ts'
import type { RelayMark, RelayRow } from '../engine/relays-protocol.ts'
import { base } from '../styles/base.ts'
import { controls } from '../styles/controls.ts'
import { dottedList } from '../styles/dotted-list.ts'
import { pipStyles } from './relay-pips.styles.ts'
import { onePip } from './relay-pips.ts'

/** All that is known of one relay, why it stands as it does, and what the visitor may do about it. */
export class RelayDetails extends LitElement {
  static override properties = {
    row: { attribute: false },
    mark: { attribute: false },
    avoid: { attribute: false },
  }

  declare row: RelayRow | undefined
  /** Called when the visitor sets a mark, or takes it away. */
  declare mark: ((row: RelayRow, mark: RelayMark | undefined) => void) | undefined
  /** Called with the country that no circuit is to pass any more. */
  declare avoid: ((country: string) => void) | undefined

  constructor() {
    super()
    this.row = undefined
    this.mark = undefined
    this.avoid = undefined
  }

  override render() {
    const { row } = this
    if (row === undefined) return nothing
    return html`<div class="columns">
        <section aria-label="Checks">${this.renderChecks(row)}</section>
        <section aria-label="Why">${this.renderReasons(row)}</section>
        <section aria-label="Facts">${this.renderFacts(row)}</section>
      </div>
      <div class="actions">
        ${this.renderMarks(row)}
        ${
          row.country === undefined
            ? nothing
            : html`<button class="small" @click=${() => this.avoid?.(row.country ?? '')}>
                Avoid all of ${countryName(row.country)}
              </button>`
        }
      </div>`
  }

  private renderChecks({ verdict }: RelayRow) {
    const checked =
      verdict.ageSeconds === undefined
        ? 'Not checked yet.'
        : `Checked ${formatWait(verdict.ageSeconds)} ago ${
            verdict.voices > 0
              ? `by ${plural(verdict.voices, 'relay')} of different networks`
              : 'by this page'
          }.`
    return html`<h4>Five checks, ${formatShare(verdict.score, 1)}</h4>
      <ul class="checks">
        ${CHECK_NAMES.map((name) => {
          const { title, meaning } = checkWords[name]
          return html`<li>
            ${onePip(verdict.checks[name])}
            <span
              ><strong>${title}: ${checkResultWords(verdict.checks[name])}.</strong>
              <span class="soft">${meaning}</span></span
            >
          </li>`
        })}
      </ul>
      <p class="soft">
        ${checked} ${verdict.class === 'unchecked' ? nothing : `The score is ${classWords[verdict.class]}.`}
      </p>`
  }

  private renderReasons({ verdict, unconfirmed, hiddenByEntry }: RelayRow) {
    return html`<h4>${standingWords[verdict.standing]}</h4>
      <p>${standingMeaning[verdict.standing]}</p>
      <ul class="reasons">
        ${verdict.reasons.map((code) => html`<li class=${reasonWords[code].side}>${reasonWords[code].text}</li>`)}
        ${hiddenByEntry ? html`<li class="neutral">Your entry did not tell of it; others did.</li>` : nothing}
        ${
          unconfirmed
            ? html`<li class="neutral">Too few tell of it: it is used for no entry and no exit.</li>`
            : nothing
        }
      </ul>`
  }

  private renderFacts(row: RelayRow) {
    const { verdict } = row
    return html`<h4>Facts</h4>
      <dl>
        ${fact('In use', circuitWords(row) || 'not now')}
        ${fact('Reputation', formatShare(verdict.reputation, 1))}
        ${fact('Lets out', exitWords[row.exit])}
        ${fact('Country', placeWords(row))}
        ${fact('Network', row.as === undefined ? 'not known' : `AS${row.as}`)}
        ${fact('Promises', row.promised === undefined ? 'nothing' : formatRate(row.promised))}
        ${fact('Measured', row.measured === undefined ? 'not yet' : formatRate(row.measured))}
        ${fact('Told of by', plural(row.confirmedBy, 'network'))}
        ${fact('Address', row.host ?? 'No public address')}
        ${row.family === '' ? nothing : fact('Family', row.family)}
        ${row.contact === '' ? nothing : fact('Contact', row.contact)}
        ${fact('Id', `${row.fingerprint}…`)}
      </dl>`
  }

  private renderMarks(row: RelayRow) {
    const set = (mark: RelayMark | undefined) => () => this.mark?.(row, mark)
    if (row.mark !== undefined) {
      return html`<button class="small" @click=${set(undefined)}>
        ${row.mark === 'blocked' ? 'Unblock' : 'Trust no longer'}
      </button>`
    }
    return html`<button class="small" @click=${set('blocked')}>Block</button>
      <button class="small" @click=${set('trusted')}>Trust</button>`
  }

  static override styles = [
    base,
    controls,
    dottedList,
    pipStyles,
    css`
      :host {
        padding: var(--space-2) var(--space-4) var(--space-4);
        font-size: var(--text-s);
        container-type: inline-size;
      }

      .columns {
        display: grid;
        gap: var(--space-5) var(--space-6);
      }

      h4 {
        margin: 0;
        padding-bottom: var(--space-2);
        font-size: var(--text-s);
      }

      .soft,
      dt {
        color: var(--ink-soft);
      }

      .checks {
        padding-bottom: var(--space-2);
      }

      .checks li {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        gap: var(--space-2);
        padding: 0;
      }

      .checks li::before {
        content: none;
      }

      .checks svg {
        margin-top: 0.3em;
      }

      strong {
        font-weight: 600;
      }

      .reasons {
        --dot: var(--line-strong);
        padding-top: var(--space-3);
      }

      .for {
        --dot: var(--accent);
      }

      .against {
        --dot: var(--warn);
      }

      dl {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        gap: var(--space-1) var(--space-4);
      }

      dd {
        overflow-wrap: anywhere;
        font-variant-numeric: tabular-nums;
      }

      .actions {
        display: flex;
        flex-wrap: wrap;
        gap: var(--space-2);
        padding-top: var(--space-4);
      }

      @container (min-width: 560px) {
        .columns {
          grid-template-columns: 1fr 1fr;
        }
      }

      @container (min-width: 900px) {
        .columns {
          grid-template-columns: 5fr 4fr 4fr;
        }
      }
    `,
  ]
}

const fact = (term: string, value: string) => html`<dt>${term}</dt><dd>${value}</dd>`

function placeWords({ country, countryClaimed }: RelayRow): string {
  if (country === undefined) return 'not known'
  return countryClaimed ? `${countryName(country)}, as it says itself` : countryName(country)
}

customElements.define('relay-details', RelayDetails)

declare global {
  interface HTMLElementTagNameMap {
    'relay-details': RelayDetails
  }
}
