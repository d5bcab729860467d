import { html, LitElement, nothing } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { countriesByName, countryName } from '../app/countries.ts'
import { formatCount, formatRate, formatShare } from '../app/formats.ts'
import {
  allRelays,
  bandwidthOf,
  listed,
  type RelayFilter,
  type RelayKind,
  type RelayOrder,
} from '../app/relay-list-order.ts'
import { circuitWords, standingWords } from '../app/relay-words.ts'
import type { RelayMark, RelayRow } from '../engine/relays-protocol.ts'
import { base } from '../styles/base.ts'
import { controls } from '../styles/controls.ts'
import { fields } from '../styles/fields.ts'
import './relay-details.ts'
import { relayListStyles } from './relay-list.styles.ts'
import { pipStyles } from './relay-pips.styles.ts'
import { bar, pips } from './relay-pips.ts'

/** So many are put into the page at a time: thousands of rows would make it slow, and nobody reads them. */
const PAGE = 40

const kinds: readonly { readonly kind: RelayKind; readonly label: string }[] = [
  { kind: 'all', label: 'All relays' },
  { kind: 'circuits', label: 'In your circuits' },
  { kind: 'exits', label: 'Exits' },
  { kind: 'trusted', label: 'Trusted' },
  { kind: 'unproven', label: 'Not proven yet' },
  { kind: 'suspect', label: 'Doubtful' },
  { kind: 'blocked', label: 'Blocked' },
  { kind: 'hidden', label: 'Not told of by your entry' },
  { kind: 'unconfirmed', label: 'Known from one source alone' },
]

const orders: readonly { readonly order: RelayOrder; readonly label: string }[] = [
  { order: 'use', label: 'In use first' },
  { order: 'score', label: 'Score' },
  { order: 'reputation', label: 'Reputation' },
  { order: 'bandwidth', label: 'Bandwidth' },
  { order: 'country', label: 'Country' },
  { order: 'name', label: 'Name' },
]

/** Every relay in a line that opens to what is known of it. */
export class RelayList extends LitElement {
  static override properties = {
    relays: { attribute: false },
    filter: { attribute: false },
    mark: { attribute: false },
    avoid: { attribute: false },
    refilter: { attribute: false },
    opened: { state: true },
    shown: { state: true },
  }

  declare relays: readonly RelayRow[]
  declare filter: RelayFilter
  declare mark: ((row: RelayRow, mark: RelayMark | undefined) => void) | undefined
  declare avoid: ((country: string) => void) | undefined
  /** Called when the visitor chooses what is listed. */
  declare refilter: ((filter: RelayFilter) => void) | undefined
  declare private opened: number | undefined
  declare private shown: number

  constructor() {
    super()
    this.relays = []
    this.filter = allRelays
    this.mark = undefined
    this.avoid = undefined
    this.refilter = undefined
    this.opened = undefined
    this.shown = PAGE
  }

  focusHeading(): void {
    this.renderRoot.querySelector('h2')?.focus({ preventScroll: true })
  }

  override render() {
    const rows = listed(this.relays, this.filter)
    return html`<section class="card" aria-labelledby="heading">
      <h2 id="heading" tabindex="-1">
        Relays <span class="count">${countWords(rows.length, this.relays.length)}</span>
      </h2>
      ${this.renderFilter()}
      ${rows.length === 0 ? html`<p class="none">No relay is like that.</p>` : nothing}
      <ul>
        ${repeat(
          rows.slice(0, this.shown),
          ({ id }) => id,
          (row) => this.renderRow(row),
        )}
      </ul>
      ${
        rows.length > this.shown
          ? html`<button class="more" @click=${this.showMore}>
              Show ${formatCount(Math.min(PAGE, rows.length - this.shown))} more of
              ${formatCount(rows.length - this.shown)}
            </button>`
          : nothing
      }
    </section>`
  }

  private renderFilter() {
    const { filter } = this
    const codes = [...new Set(this.relays.flatMap(({ country }) => country ?? []))]
    const homeless = this.relays.some(({ country }) => country === undefined)
    return html`<form class="filter" @submit=${(event: Event) => event.preventDefault()}>
      <label class="field search"
        >Search
        <input
          type="search"
          placeholder="Name, address, network"
          autocomplete="off"
          .value=${filter.text}
          @input=${(event: Event) => this.change({ text: chosenIn(event) })}
        />
      </label>
      <label class="field"
        >Show
        <select @change=${(event: Event) => this.change({ kind: chosenIn(event) as RelayKind })}>
          ${kinds.map(
            ({ kind, label }) =>
              html`<option value=${kind} .selected=${kind === filter.kind}>${label}</option>`,
          )}
        </select>
      </label>
      <label class="field"
        >Country
        <select @change=${(event: Event) => this.change({ country: chosenIn(event) })}>
          <option value="" .selected=${filter.country === ''}>All countries</option>
          ${countriesByName(codes).map(
            ({ code, name }) =>
              html`<option value=${code} .selected=${code === filter.country}>${name}</option>`,
          )}
          ${homeless ? html`<option value="?" .selected=${filter.country === '?'}>Not known</option>` : nothing}
        </select>
      </label>
      <label class="field"
        >Order
        <select @change=${(event: Event) => this.change({ order: chosenIn(event) as RelayOrder })}>
          ${orders.map(
            ({ order, label }) =>
              html`<option value=${order} .selected=${order === filter.order}>${label}</option>`,
          )}
        </select>
      </label>
    </form>`
  }

  private renderRow(row: RelayRow) {
    const { id, name, verdict } = row
    const open = id === this.opened
    const passed = Object.values(verdict.checks).filter(Boolean).length
    const speed = bandwidthOf(row)
    return html`<li class=${open ? 'open' : ''} data-relay=${id}>
      <h3>
        <button class="row" aria-expanded=${open} aria-controls="details-${id}" @click=${() => this.toggle(id)}>
          <span class="who">
            <span class="name">${name === '' ? row.fingerprint : name}</span>
            <span class="place">${placeOf(row)}</span>
          </span>
          <span class="standing ${verdict.standing}">${standingWords[verdict.standing]}</span>
          <span class="checks">${pips(verdict.checks)}<span>${passed} of 5<span class="for-readers"> checks</span></span></span>
          <span class="reputation"
            >${bar(verdict.reputation)}<span
              ><span class="for-readers">reputation </span>${formatShare(verdict.reputation, 1)}</span
            ></span
          >
          <span class="speed">${speed === 0 ? '' : `${row.measured === undefined ? 'up to ' : ''}${formatRate(speed)}`}</span>
          <span class="use">${circuitWords(row) || (row.exit === 'none' ? '' : 'can be an exit')}</span>
          <span class="arrow" aria-hidden="true"></span>
        </button>
      </h3>
      <div id="details-${id}" ?hidden=${!open}>
        ${
          open
            ? html`<relay-details .row=${row} .mark=${this.mark} .avoid=${this.avoid}></relay-details>`
            : nothing
        }
      </div>
    </li>`
  }

  private toggle(id: number): void {
    this.opened = this.opened === id ? undefined : id
  }

  private change(change: Partial<RelayFilter>): void {
    this.shown = PAGE
    this.refilter?.({ ...this.filter, ...change })
  }

  /** Keys go on at the first of those that have appeared. */
  private readonly showMore = async () => {
    const first = this.shown
    this.shown += PAGE
    await this.updateComplete
    this.renderRoot.querySelectorAll<HTMLElement>('button.row')[first]?.focus()
  }

  static override styles = [base, controls, fields, pipStyles, relayListStyles]
}

function countWords(listed: number, known: number): string {
  return listed === known ? formatCount(known) : `${formatCount(listed)} of ${formatCount(known)}`
}

function placeOf({ country, as, host }: RelayRow): string {
  const place = country === undefined ? (host ?? 'No public address') : countryName(country)
  return as === undefined ? place : `${place}, AS${as}`
}

function chosenIn({ target }: Event): string {
  return (target as HTMLInputElement | HTMLSelectElement).value
}

customElements.define('relay-list', RelayList)

declare global {
  interface HTMLElementTagNameMap {
    'relay-list': RelayList
  }
}
