import { css, html, LitElement, nothing } from 'lit'
import { breakable } from '../app/formats.ts'
import { base } from '../styles/base.ts'
import { controls } from '../styles/controls.ts'
import { dottedList } from '../styles/dotted-list.ts'
import { ConsentEvent } from './direct-events.ts'

/** What direct mode gives away, and to whom; a yes takes a tick and a press (requirement C-09). */
export class DirectGate extends LitElement {
  static override properties = {
    name: { attribute: false },
    understood: { state: true },
  }

  /** What would be opened, by the name that its link gives; undefined if nothing was handed over. */
  declare name: string | undefined
  declare private understood: boolean

  constructor() {
    super()
    this.name = undefined
    this.understood = false
  }

  override render() {
    return html`<section class="card" aria-labelledby="heading">
      <h1 id="heading">Watch without protection?</h1>
      <p class="lead">
        Here nothing goes through the tunnel. This browser would connect straight to strangers, from your own address, and
        what they have seen cannot be taken back.
      </p>
      ${
        this.name === undefined
          ? nothing
          : html`<p class="opens">You were about to open: <strong>${breakable(this.name)}</strong></p>`
      }

      <h2>Who sees your IP address and what you watch</h2>
      <ul>
        <li><strong>Every peer of the swarm</strong>, and anyone who joins it to write down who takes part.</li>
        <li>
          <strong>The trackers</strong> that the torrent names, and two public ones that this page adds because most
          torrents name none that a browser can reach.
        </li>
        <li>
          <strong>Your internet provider</strong>, or whoever runs the network you are in: with whom you exchange data, and
          often what.
        </li>
        <li>
          <strong>Servers along the way</strong>: web seeds that the torrent names see the same; servers that help
          browsers find each other (STUN) see your address alone.
        </li>
      </ul>

      <h2>What you get for it</h2>
      <p>
        Ordinary WebTorrent: only peers that speak WebRTC, and web seeds. Many torrents have neither, and then nothing
        plays. You also give: what has arrived is passed on to other peers while it is open.
      </p>

      <h2>How long</h2>
      <p>
        Until you stop it, reload, or leave this page. It is remembered nowhere: every new tab and every reload asks again.
      </p>

      <form @submit=${this.onSubmit}>
        <label>
          <input type="checkbox" name="understood" .checked=${this.understood} @change=${this.onTick} />
          <span>I understand that others will see my IP address and what I watch.</span>
        </label>
        <div class="actions">
          <a class="button primary" href="/">Go back, protected</a>
          <button type="submit" ?disabled=${!this.understood}>Yes, watch unprotected in this session</button>
        </div>
      </form>
    </section>`
  }

  private onTick(event: Event): void {
    this.understood = event.currentTarget instanceof HTMLInputElement && event.currentTarget.checked
  }

  private onSubmit(event: SubmitEvent): void {
    event.preventDefault()
    if (this.understood) this.dispatchEvent(new ConsentEvent(this.understood))
  }

  static override styles = [
    base,
    controls,
    dottedList,
    css`
      section {
        max-width: 44rem;
        margin-inline: auto;
        padding: clamp(1.25rem, 4vw, 2.5rem);
      }

      h1 {
        font: 400 clamp(1.75rem, 1.3rem + 2vw, 2.5rem) / 1.15 var(--serif);
      }

      h2 {
        padding: var(--space-5) 0 var(--space-2);
        font-size: var(--text-m);
      }

      p,
      li {
        color: var(--ink-soft);
        font-size: var(--text-s);
      }

      strong {
        color: var(--ink);
        font-weight: 600;
      }

      .lead {
        padding-top: var(--space-3);
        color: var(--ink);
        font-size: var(--text-m);
      }

      .opens {
        margin-top: var(--space-4);
        padding: var(--space-3) var(--space-4);
        border-radius: var(--radius-s);
        background: var(--surface-deep);
        overflow-wrap: anywhere;
      }

      ul {
        --dot: var(--warn);
      }

      form {
        margin-top: var(--space-5);
        padding: var(--space-4);
        border: 1px solid color-mix(in srgb, var(--warn) 35%, var(--warn-surface));
        border-radius: var(--radius-m);
        background: var(--warn-surface);
      }

      label {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        align-items: start;
        gap: var(--space-3);
        padding-block: var(--space-1);
        font-size: var(--text-s);
        font-weight: 500;
        cursor: pointer;
      }

      input {
        width: 22px;
        height: 22px;
        margin: 0;
        accent-color: var(--warn);
      }

      .actions {
        display: flex;
        flex-wrap: wrap;
        gap: var(--space-3);
        padding-top: var(--space-4);
      }

      @media (max-width: 560px) {
        .actions > * {
          width: 100%;
        }

        button {
          min-height: 48px;
          white-space: normal;
          line-height: 1.25;
        }
      }
    `,
  ]
}

customElements.define('direct-gate', DirectGate)

declare global {
  interface HTMLElementTagNameMap {
    'direct-gate': DirectGate
  }
}
