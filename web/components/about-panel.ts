import { css, html, LitElement, nothing } from 'lit'
import { offersDirect } from '../app/hand-over.ts'
import { want } from '../app/intents.ts'
import { base } from '../styles/base.ts'
import { controls } from '../styles/controls.ts'
import { dottedList } from '../styles/dotted-list.ts'
import { close } from './icons.ts'

/** How it works, and honestly what it protects from and what not. A modal dialog: Escape closes it, focus stays inside. */
export class AboutPanel extends LitElement {
  show(): void {
    this.renderRoot.querySelector('dialog')?.showModal()
  }

  override render() {
    return html`<dialog aria-labelledby="heading" @click=${this.onClick}>
      <div class="sheet">
        <header>
          <h2 id="heading" tabindex="-1" autofocus>How Culvert works</h2>
          <button class="icon quiet" aria-label="Close" @click=${this.hide}>${close}</button>
        </header>
        <p class="lead">
          A culvert is a tunnel that carries a stream. This page builds one out of relays, and the torrent flows to you
          through it. The keys are made in this page and stay here.
        </p>

        <h3>Who knows what</h3>
        <div class="scroll" tabindex="0" role="group" aria-label="Who knows what, with three hops">
          <table>
            <thead>
              <tr><th scope="col">With three hops</th><th scope="col">Your address</th><th scope="col">What you fetch</th></tr>
            </thead>
            <tbody>
              <tr><th scope="row">Entry relay</th><td>knows</td><td class="no">does not</td></tr>
              <tr><th scope="row">Middle relay</th><td class="no">does not</td><td class="no">does not</td></tr>
              <tr><th scope="row">Exit relay</th><td class="no">does not</td><td>can see</td></tr>
              <tr><th scope="row">Peers and trackers</th><td class="no">see the exit’s</td><td>know</td></tr>
            </tbody>
          </table>
        </div>
        <p>
          With two hops the entry and the exit know of each other. With one, a single relay knows both who you are and
          what you fetch.
        </p>

        <h3>What it protects from</h3>
        <ul>
          <li>Peers in the swarm and trackers do not learn your address. They meet the exit.</li>
          <li>Your network and the entry relay see that you use Culvert, and how much, not what you fetch.</li>
          <li>No relay alone can connect you with a torrent when you use two hops or more.</li>
          <li>What you watch lies on this device encrypted, with a key that is gone when the tab is. What you save does not.</li>
        </ul>

        <h3>What it does not protect from</h3>
        <ul>
          <li>Someone who runs both your entry and your exit, or watches both ends of the circuit, can link them by timing and volume.</li>
          <li>The exit can read what is not encrypted by itself, such as requests to trackers.</li>
          <li>Whoever serves this page can change it. Open it at a relay that you trust, or at one of your own.</li>
          <li>
            Behind an HTTP or SOCKS proxy: WebRTC goes around it, is tried without asking, and shows relays your real
            address. So does Culvert’s question to a relay for the address that you have outside (STUN).
          </li>
          <li>What you download may itself be harmful, or betray you when opened elsewhere.</li>
          <li>A lab, where every relay runs on one machine, gives no anonymity at all.</li>
        </ul>

        ${
          offersDirect(location.hostname)
            ? html`<h3>Without protection</h3>
        <p>
          Where no circuit can be had, you may watch directly instead: your address and what you watch are then seen by
          the whole swarm. <button class="link" @click=${() => want(this, { type: 'go-direct' })}>Read what that means</button>
          first; nothing is sent before you agree.
        </p>`
            : nothing
        }

        <h3>Where relays are</h3>
        <p>
          Countries and networks of relays come from a table that is part of this site: nobody is asked about an address.
          Network numbers: RouteViews, RIPE NCC and
          <a href="https://db-ip.com" rel="noreferrer">IP Geolocation by DB-IP</a> (CC BY 4.0); countries: NRO statistics
          (CC BY 4.0); map: Natural Earth.
        </p>

        <h3>Your part</h3>
        <p>Watch and share only what you have the right to. Culvert carries it; the responsibility stays with you.</p>
      </div>
    </dialog>`
  }

  private readonly hide = () => {
    this.renderRoot.querySelector('dialog')?.close()
  }

  /** A click on the backdrop is one on the dialog itself, around the sheet. */
  private readonly onClick = (event: MouseEvent) => {
    if (event.target === event.currentTarget) this.hide()
  }

  static override styles = [
    base,
    controls,
    dottedList,
    css`
      dialog {
        width: min(42rem, calc(100vw - 2rem));
        max-height: min(52rem, calc(100dvh - 2rem));
        padding: 0;
        overflow: auto;
        border: 1px solid var(--line);
        border-radius: var(--radius-l);
        background: var(--surface);
        color: var(--ink);
        box-shadow: 0 40px 80px -20px var(--shadow);
      }

      dialog::backdrop {
        background: rgb(3 12 16 / 62%);
        backdrop-filter: blur(4px);
      }

      dialog[open] {
        animation: rise 220ms ease-out;
      }

      @keyframes rise {
        from {
          opacity: 0;
          translate: 0 10px;
        }
      }

      .sheet {
        padding: clamp(1.25rem, 4vw, 2.25rem);
      }

      header {
        display: flex;
        align-items: flex-start;
        justify-content: space-between;
        gap: var(--space-3);
      }

      header button {
        margin: -6px -10px 0 0;
      }

      h2 {
        font: 400 clamp(1.625rem, 1.2rem + 1.6vw, 2.125rem) / 1.2 var(--serif);
      }

      h3 {
        padding: var(--space-5) 0 var(--space-2);
        font-size: var(--text-m);
      }

      p,
      li {
        max-width: 62ch;
        color: var(--ink-soft);
        font-size: var(--text-s);
      }

      .lead {
        padding-top: var(--space-3);
        color: var(--ink);
        font-size: var(--text-m);
      }

      ul {
        --dot: var(--accent);
      }

      button.link {
        display: inline;
        min-height: 0;
        padding: 0;
        border: 0;
        border-radius: 2px;
        color: var(--accent);
        font: inherit;
        text-decoration: underline;
        text-underline-offset: 0.15em;
        white-space: normal;
      }

      a {
        color: var(--accent);
      }

      .scroll {
        overflow-x: auto;
        margin-bottom: var(--space-3);
        border: 1px solid var(--line);
        border-radius: var(--radius-s);
      }

      table {
        width: 100%;
        border-collapse: collapse;
        font-size: var(--text-s);
      }

      th,
      td {
        padding: var(--space-2) var(--space-3);
        text-align: start;
        font-weight: 400;
      }

      tr + tr,
      tbody tr {
        border-top: 1px solid var(--line);
      }

      thead th {
        color: var(--ink-soft);
        font-size: var(--text-xs);
      }

      tbody th {
        font-weight: 600;
      }

      .no {
        color: var(--accent);
      }
    `,
  ]
}

customElements.define('about-panel', AboutPanel)

declare global {
  interface HTMLElementTagNameMap {
    'about-panel': AboutPanel
  }
}
