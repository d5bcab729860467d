import { css, html, LitElement, nothing, type PropertyValues } from 'lit'
import { mark } from '../components/icons.ts'
import { base } from '../styles/base.ts'
import { controls } from '../styles/controls.ts'
import { announcementOf, documentTitle } from './announcements.ts'
import { type Action, type AppState, commandsFor, initialState, reduce } from './app-state.ts'
import type { EnginePort } from './engine-port.ts'
import { DIRECT_PAGE, handOver } from './hand-over.ts'
import type { Intent, IntentEvent } from './intents.ts'
import { preferHops, preferredHops } from './preferences.ts'
import '../components/about-panel.ts'
import '../components/drop-veil.ts'
import '../components/theme-toggle.ts'
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

  /** Starts the engine and shows what it reports. To be called once. */
  async connect(engine: EnginePort): Promise<void> {
    this.engine = engine
    engine.onView((view) => this.act({ type: 'view', view }))
    try {
      await engine.start(this.state.hops)
      this.act({ type: 'media-ready' })
    } catch {
      this.act({ type: 'report', code: 'engine-failed' })
    }
  }

  override render() {
    const { state } = this
    return html`<header>
        <span class="brand">${mark}<span>Culvert</span></span>
        ${
          state.view?.lab === true
            ? html`<p class="lab" role="note">Everything here runs on one machine: a demonstration, no anonymity.</p>`
            : nothing
        }
        <nav aria-label="Page">
          <button class="quiet" @click=${this.showAbout}>How it works</button>
          <theme-toggle></theme-toggle>
        </nav>
      </header>
      <main class=${state.request === undefined ? 'start' : 'watch'}>
        ${
          state.request === undefined
            ? html`<start-page .state=${state}></start-page>`
            : html`<watch-page .state=${state}></watch-page>`
        }
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
    if (before !== undefined && (before.request === undefined) !== (this.state.request === undefined)) {
      void this.arrive()
    }
  }

  /** The page has changed under the visitor: reading and keys go on at its top. */
  private async arrive(): Promise<void> {
    const page =
      this.renderRoot.querySelector<HTMLElementTagNameMap['start-page' | 'watch-page']>(
        'start-page, watch-page',
      )
    await page?.updateComplete
    page?.focusHeading()
    window.scrollTo({ top: 0 })
  }

  private readonly onIntent = ({ intent }: IntentEvent) => {
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

      main.start {
        padding-block: clamp(1.25rem, 3.4vh, 3rem) var(--space-7);
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
