import { css, html, LitElement, nothing, type PropertyValues } from 'lit'
import { CulvertError } from '../../shared/bytes/error.ts'
import { mark } from '../components/icons.ts'
import { base } from '../styles/base.ts'
import { controls } from '../styles/controls.ts'
import { announcementOf, documentTitle } from './announcements.ts'
import { type Action, type AppState, commandsFor, initialState, reduce } from './app-state.ts'
import type { EnginePort } from './engine-port.ts'
import { DIRECT_PAGE, handOver } from './hand-over.ts'
import type { Intent, IntentEvent } from './intents.ts'
import { hrefOf, placeOf } from './places.ts'
import { preferHops, preferredHops } from './preferences.ts'
import '../components/about-panel.ts'
import '../components/drop-veil.ts'
import '../components/theme-toggle.ts'
import '../pages/relays-page.ts'
import '../pages/start-page.ts'
import '../pages/watch-page.ts'

/** The shell: header, the page of the moment, footer. Holds the state, acts on what visitors want, speaks to the engine. */
export class CulvertApp extends LitElement {
  static override properties = { state: { state: true } }

  declare private state: AppState
  private engine: EnginePort | undefined

  constructor() {
    super()
    this.state = initialState(preferredHops())
    this.addEventListener('culvert-intent', this.onIntent)
  }

  override connectedCallback(): void {
    super.connectedCallback()
    window.addEventListener('hashchange', this.onPlace)
    this.onPlace()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    window.removeEventListener('hashchange', this.onPlace)
  }

  /** Starts the engine and shows what it reports. To be called once. */
  async connect(engine: EnginePort): Promise<void> {
    this.engine = engine
    engine.onView((view) => this.act({ type: 'view', view }))
    engine.onSaveRefused(() => this.act({ type: 'report', code: 'save-refused' }))
    engine.onRelays((relays) => this.act({ type: 'known-relays', relays }))
    try {
      const started = engine.start(this.state.hops)
      if (this.state.place === 'relays') this.watchRelays()
      await started
      this.act({ type: 'media-ready' })
    } catch (error) {
      const engine = error instanceof CulvertError && error.code === 'engine-not-loaded'
      this.act({ type: 'broken', code: engine ? 'engine-failed' : 'media-unavailable' })
    }
  }

  override render() {
    const { state } = this
    const away = state.place !== 'film'
    return html`<header>
        <span class="brand">${mark}<span>Culvert</span></span>
        ${
          state.view?.lab === true
            ? html`<p class="lab" role="note">Everything here runs on one machine: a demonstration, no anonymity.</p>`
            : nothing
        }
        <nav aria-label="Page">
          ${
            away
              ? html`<a class="button quiet" href=${hrefOf('film')}>
                  ${state.request === undefined ? 'Watch' : 'Back to the film'}
                </a>`
              : html`<a class="button quiet" href=${hrefOf('relays')}>Relays</a>`
          }
          <button class="quiet" @click=${this.showAbout}>How it works</button>
          <theme-toggle></theme-toggle>
        </nav>
      </header>
      <main class=${away ? state.place : state.request === undefined ? 'start' : 'watch'}>
        ${
          state.request === undefined
            ? html`<start-page ?hidden=${away} .state=${state}></start-page>`
            : html`<watch-page ?hidden=${away} .state=${state}></watch-page>`
        }
        ${state.place === 'relays' ? html`<relays-page .state=${state}></relays-page>` : nothing}
      </main>
      <footer>
        <p>Watch and share only what you have the right to.</p>
        <p>Culvert is free software. Nothing here loads from elsewhere.</p>
      </footer>
      <p class="for-readers" role="status">${announcementOf(state)}</p>
      <about-panel></about-panel>
      <drop-veil></drop-veil>`
  }

  override updated(changed: PropertyValues) {
    document.title = documentTitle(this.state)
    const before = changed.get('state') as AppState | undefined
    if (before === undefined) return
    const elsewhere = before.place !== this.state.place
    if (elsewhere) this.watchRelays()
    if (elsewhere || (before.request === undefined) !== (this.state.request === undefined)) void this.arrive()
  }

  /** The page has changed under the visitor: reading and keys go on at its top. */
  private async arrive(): Promise<void> {
    const page =
      this.renderRoot.querySelector<HTMLElementTagNameMap['start-page' | 'watch-page' | 'relays-page']>(
        'main > :not([hidden])',
      )
    await page?.updateComplete
    page?.focusHeading()
    window.scrollTo({ top: 0 })
  }

  private readonly onPlace = () => {
    const place = placeOf(location.hash)
    if (place === this.state.place) return
    if (place !== 'film') this.renderRoot.querySelector('watch-page')?.pause()
    this.act({ type: 'go', place })
  }

  /** What is known of relays is a long list: it is told only while it is looked at. */
  private watchRelays(): void {
    this.engine?.send({ type: this.state.place === 'relays' ? 'relays-open' : 'relays-close' })
  }

  private readonly onIntent = ({ intent }: IntentEvent) => {
    // A link can be pasted, or a file dropped, on any page.
    if (intent.type === 'open' && this.state.place !== 'film') location.hash = hrefOf('film')
    if (intent.type === 'set-hops') preferHops(intent.hops)
    if (intent.type === 'remedy' && intent.action === 'reload') location.reload()
    if (intent.type === 'remedy' && intent.action === 'choose-file') {
      this.renderRoot.querySelector('watch-page')?.focusFiles()
    }
    if (intent.type === 'go-direct') {
      handOver(this.state.request, sessionStorage)
      location.assign(DIRECT_PAGE)
    }
    this.tellEngine(intent)
    this.act(intent)
  }

  private tellEngine(intent: Intent): void {
    for (const command of commandsFor(this.state, intent)) this.engine?.send(command)
  }

  private act(action: Action): void {
    this.state = reduce(this.state, action)
  }

  private readonly showAbout = () => {
    this.renderRoot.querySelector('about-panel')?.show()
  }

  static override styles = [
    base,
    controls,
    css`
      :host {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        grid-template-rows: auto 1fr auto;
        min-height: 100dvh;
      }

      .lab {
        padding: var(--space-1) var(--space-4);
        border: 1px solid var(--line);
        border-radius: 999px;
        color: var(--ink-soft);
        font-size: var(--text-xs);
        line-height: 1.4;
        text-align: center;
        text-wrap: balance;
      }

      @media (max-width: 859px) {
        .lab {
          order: 3;
          flex-basis: 100%;
          padding: 0;
          border: 0;
        }
      }

      header,
      main,
      footer {
        width: 100%;
        max-width: calc(var(--width) + 2 * var(--gutter));
        margin-inline: auto;
        padding-inline: var(--gutter);
      }

      header {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: space-between;
        gap: var(--space-3) var(--space-4);
        padding-block: var(--space-4);
      }

      .brand {
        display: inline-flex;
        align-items: center;
        gap: var(--space-3);
        font: 400 1.375rem / 1 var(--serif);
      }

      .brand svg {
        color: var(--accent);
      }

      nav {
        display: flex;
        align-items: center;
        gap: var(--space-1);
        margin-inline-end: -10px;
      }

      @media (max-width: 479px) {
        nav {
          flex-basis: 100%;
          justify-content: space-between;
          margin-inline: calc(-1 * var(--space-4)) -10px;
        }
      }

      main.start {
        padding-block: clamp(1.25rem, 3.4vh, 3rem) var(--space-7);
      }

      main.relays {
        padding-block: clamp(0.75rem, 2vh, 2rem) var(--space-7);
      }

      main.watch {
        padding-block: var(--space-2) var(--space-7);
      }

      footer {
        display: flex;
        flex-wrap: wrap;
        justify-content: space-between;
        gap: var(--space-1) var(--space-5);
        padding-block: var(--space-4) var(--space-5);
        color: var(--ink-soft);
        font-size: var(--text-xs);
      }
    `,
  ]
}

customElements.define('culvert-app', CulvertApp)

declare global {
  interface HTMLElementTagNameMap {
    'culvert-app': CulvertApp
  }
}
