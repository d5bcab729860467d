import { countries } from 'virtual:world-map'
import { css, html, LitElement, nothing } from 'lit'
import { countriesByName, countryName } from '../app/countries.ts'
import { want } from '../app/intents.ts'
import type { Avoidance } from '../engine/relays-protocol.ts'
import { base } from '../styles/base.ts'
import { controls } from '../styles/controls.ts'
import { fields } from '../styles/fields.ts'
import { close } from './icons.ts'

const everyCountry = countriesByName(Object.keys(countries))

/** Which countries no circuit may pass, and whether near relays come first: what each costs stands beside it. */
export class RelayChoices extends LitElement {
  static override properties = {
    avoid: { attribute: false },
    near: { type: Boolean },
    geo: { attribute: false },
  }

  declare avoid: Avoidance
  declare near: boolean
  /** Whether countries can be told from addresses here. */
  declare geo: 'loading' | 'here' | 'absent'

  constructor() {
    super()
    this.avoid = { countries: [], strict: false }
    this.near = false
    this.geo = 'loading'
  }

  override render() {
    const { avoid } = this
    return html`<section class="card" aria-labelledby="heading">
      <h2 id="heading">Where circuits go</h2>
      ${
        this.geo === 'absent'
          ? html`<p class="note">
              The table of countries did not come from this site. What relays say of themselves is all that is known.
            </p>`
          : nothing
      }
      <label class="field"
        >Countries to avoid
        <select @change=${this.onAdd}>
          <option value="">Add a country</option>
          ${everyCountry
            .filter(({ code }) => !avoid.countries.includes(code))
            .map(({ code, name }) => html`<option value=${code}>${name}</option>`)}
        </select>
      </label>
      ${
        avoid.countries.length === 0
          ? nothing
          : html`<ul aria-label="Countries that no circuit passes">
              ${avoid.countries.map(
                (code) => html`<li>
                  <button class="small" @click=${() => this.allow(code)} aria-label="Avoid ${countryName(code)} no longer">
                    ${countryName(code)} ${close}
                  </button>
                </li>`,
              )}
            </ul>`
      }
      <label class="switch">
        <input
          type="checkbox"
          .checked=${avoid.strict}
          @change=${(event: Event) => this.set({ ...avoid, strict: isChecked(event) })}
        />
        <span
          >With them, relays whose country is not known
          <span class="note">Fewer relays are left to choose from.</span></span
        >
      </label>
      <label class="switch">
        <input
          type="checkbox"
          role="switch"
          .checked=${this.near}
          @change=${(event: Event) =>
            want(this, { type: 'relays', command: { type: 'near-first', on: isChecked(event) } })}
        />
        <span
          >Near relays first
          <span class="note"
            >Some 25 ms less there and back. The price, in simulations: entry and exit are in one country for 27 circuits
            of 100, not for 17, and whoever rents relays near your entry sees half as much again.</span
          ></span
        >
      </label>
    </section>`
  }

  private readonly onAdd = (event: Event) => {
    const select = event.target as HTMLSelectElement
    const code = select.value
    select.value = ''
    if (code !== '') this.set({ ...this.avoid, countries: [...this.avoid.countries, code] })
  }

  /** The button goes with its country: keys go on at the choice. */
  private allow(code: string): void {
    this.set({ ...this.avoid, countries: this.avoid.countries.filter((each) => each !== code) })
    this.renderRoot.querySelector('select')?.focus()
  }

  private set(avoid: Avoidance): void {
    want(this, { type: 'relays', command: { type: 'avoid-countries', avoid } })
  }

  static override styles = [
    base,
    controls,
    fields,
    css`
      section {
        display: grid;
        align-content: start;
        gap: var(--space-4);
        height: 100%;
        padding: var(--space-5);
      }

      h2 {
        font-size: var(--text-l);
      }

      ul {
        display: flex;
        flex-wrap: wrap;
        gap: var(--space-2);
      }

      .note {
        display: block;
        color: var(--ink-soft);
        font-size: var(--text-xs);
        line-height: 1.45;
      }

      @media (max-width: 560px) {
        section {
          padding: var(--space-4);
        }
      }
    `,
  ]
}

const isChecked = ({ target }: Event) => (target as HTMLInputElement).checked

customElements.define('relay-choices', RelayChoices)

declare global {
  interface HTMLElementTagNameMap {
    'relay-choices': RelayChoices
  }
}
