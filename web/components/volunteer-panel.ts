import { css, html, LitElement, nothing } from 'lit'
import type { VolunteerLimits } from '../../shared/link/bridge-limits.ts'
import {
  type VolunteerChoice,
  volunteerChoices,
  volunteerLimits,
  volunteerLimitWords,
  volunteerWords,
} from '../app/bridge-words.ts'
import { want } from '../app/intents.ts'
import type { VolunteerView } from '../engine/bridge-protocol.ts'
import { base } from '../styles/base.ts'
import { controls } from '../styles/controls.ts'
import { bridgeCardStyles } from './bridge-card.styles.ts'

/** The switch by which this page passes others on, and what that means and has come to. */
export class VolunteerPanel extends LitElement {
  static override properties = { volunteer: { attribute: false } }

  declare volunteer: VolunteerView | undefined

  constructor() {
    super()
    this.volunteer = undefined
  }

  override render() {
    const view = this.volunteer
    this.toggleAttribute('hidden', view === undefined)
    if (view === undefined) return nothing
    return html`<section class="card" aria-labelledby="heading">
      <h2 id="heading">Help others in</h2>
      <label>
        <input
          type="checkbox"
          role="switch"
          aria-describedby="means"
          .checked=${view.on}
          @change=${(event: Event) => this.switch((event.target as HTMLInputElement).checked)}
        />
        <span>Pass on connections for people who cannot reach any relay</span>
      </label>
      ${view.on ? this.renderLimits(view) : nothing}
      <p id="means">
        ${volunteerLimitWords(view)} While this page is open, and only to this site’s relay. You see each other’s address;
        what goes through is sealed, and you cannot tell what it is. The relay, and whoever watches your connection, sees
        more traffic from you.
      </p>
      <p class="now">${volunteerWords(view)}</p>
    </section>`
  }

  private renderLimits(view: VolunteerView) {
    return html`<div class="limits" role="group" aria-label="At the most">
      ${volunteerChoices.map((choice) => this.renderChoice(choice, view))}
    </div>`
  }

  private renderChoice({ name, label, values, words }: VolunteerChoice, view: VolunteerView) {
    const limits = volunteerLimits(view)
    const now = limits[name]
    const all = values.includes(now) ? values : [...values, now].sort((a, b) => a - b)
    return html`<label class="limit">
      <span>${label}</span>
      <select
        @change=${(event: Event) => this.limit({ ...limits, [name]: Number((event.target as HTMLSelectElement).value) })}
      >
        ${all.map((value) => html`<option value=${value} ?selected=${value === now}>${words(value)}</option>`)}
      </select>
    </label>`
  }

  private limit(limits: VolunteerLimits): void {
    want(this, { type: 'bridge', command: { type: 'volunteer-limits', limits } })
  }

  private switch(on: boolean): void {
    want(this, { type: 'bridge', command: { type: 'volunteer', on } })
  }

  static override styles = [
    base,
    controls,
    bridgeCardStyles,
    css`
      section {
        gap: var(--space-2);
        padding-block: var(--space-4);
      }

      label {
        display: flex;
        align-items: center;
        gap: var(--space-3);
        min-height: 44px;
        font-weight: 500;
        cursor: pointer;
      }

      input {
        flex: none;
        width: 1.25rem;
        height: 1.25rem;
        margin: 0;
        accent-color: var(--accent);
      }

      .limits {
        display: flex;
        flex-wrap: wrap;
        gap: var(--space-2) var(--space-5);
      }

      .limit {
        gap: var(--space-2);
        font-weight: 400;
        cursor: default;
      }

      select {
        min-height: 36px;
        padding: 0 var(--space-2);
        border: 1px solid var(--line-strong);
        border-radius: var(--radius-s);
        background: var(--surface);
        color: var(--ink);
        font: inherit;
      }

      p {
        max-width: 72ch;
        color: var(--ink-soft);
      }

      .now {
        color: var(--ink);
        font-variant-numeric: tabular-nums;
      }

      .now:empty {
        display: none;
      }
    `,
  ]
}

customElements.define('volunteer-panel', VolunteerPanel)

declare global {
  interface HTMLElementTagNameMap {
    'volunteer-panel': VolunteerPanel
  }
}
