import { html, LitElement, nothing } from 'lit'
import { filmOf } from '../app/app-state.ts'
import { breakable } from '../app/formats.ts'
import type { IntentEvent, OpenRequest } from '../app/intents.ts'
import { subtitlesFor } from '../app/subtitles.ts'
import { mark } from '../components/icons.ts'
import { base } from '../styles/base.ts'
import { controls } from '../styles/controls.ts'
import { Consent } from './consent.ts'
import { directStyles } from './direct-app.styles.ts'
import type { ConsentEvent } from './direct-events.ts'
import { type DirectEngine, type DirectProblem, type DirectView, directProblems } from './direct-view.ts'
import '../components/file-list.ts'
import '../components/progress-panel.ts'
import '../components/source-form.ts'
import '../components/theme-toggle.ts'
import './direct-gate.ts'
import './direct-player.ts'
import './direct-warning.ts'

export type LoadEngine = (signal: AbortSignal, onView: (view: DirectView) => void) => Promise<DirectEngine>

/** How long connections get to say goodbye before the page that holds them is left. */
const FAREWELL_MS = 1_500

const NOTHING: DirectView = { torrent: undefined, problem: undefined, mediaReady: false }

/** The page of direct mode: the gate until there is consent, then the film under the warning. */
export class DirectApp extends LitElement {
  static override properties = {
    on: { state: true },
    view: { state: true },
    noticed: { state: true },
    request: { state: true },
    full: { state: true },
  }

  declare private on: boolean
  declare private view: DirectView
  /** A problem that only the page notices. */
  declare private noticed: DirectProblem | undefined
  declare private request: OpenRequest | undefined
  declare private full: boolean
  private readonly consent = new Consent()
  private load: LoadEngine | undefined
  private engine: Promise<DirectEngine> | undefined

  constructor() {
    super()
    this.on = false
    this.view = NOTHING
    this.noticed = undefined
    this.request = undefined
    this.full = false
    this.addEventListener('direct-consent', this.onConsent)
    this.addEventListener('direct-stop', () => void this.stop())
    this.addEventListener('culvert-intent', this.onIntent)
  }

  override connectedCallback(): void {
    super.connectedCallback()
    document.addEventListener('fullscreenchange', this.onFullscreen)
    // A page that is left may be kept, and come back: it comes back to the gate.
    window.addEventListener('pagehide', this.onLeft)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    document.removeEventListener('fullscreenchange', this.onFullscreen)
    window.removeEventListener('pagehide', this.onLeft)
  }

  /**
   * To be called once.
   * @param request what the private page handed over
   * @param load loads and starts the engine; called after consent alone
   */
  begin(request: OpenRequest | undefined, load: LoadEngine): void {
    this.request = request
    this.load = load
  }

  override render() {
    return html`${this.on ? html`<direct-warning></direct-warning>` : nothing}
      <header>
        <a class="brand" href="/">${mark}<span>Culvert</span></a>
        <theme-toggle></theme-toggle>
      </header>
      <main>${this.on ? this.renderDirect() : html`<direct-gate .name=${this.nameHandedOver()}></direct-gate>`}</main>
      <footer><p>Watch and share only what you have the right to.</p></footer>`
  }

  override updated() {
    // For the tab, and so for the history, which is no place for the name of what is watched.
    document.title = this.on ? '⚠ Unprotected · Culvert' : 'Without protection? · Culvert'
    const icon = this.on ? new URL('./unprotected.svg', import.meta.url).pathname : '/favicon.svg'
    const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]')
    if (link && link.getAttribute('href') !== icon) link.href = icon
  }

  private renderDirect() {
    const { torrent, mediaReady } = this.view
    const film = filmOf(torrent)
    return html`${this.renderStage(film !== undefined && mediaReady)}
      <p class="problem" role="alert">${this.renderProblem()}</p>
      ${
        torrent === undefined || torrent.bytes === 0
          ? nothing
          : html`<progress-panel .torrent=${torrent}></progress-panel>`
      }
      ${
        torrent === undefined || torrent.files.length === 0
          ? nothing
          : html`<file-list
              .files=${torrent.files}
              .count=${torrent.fileCount}
              .selected=${torrent.selected}
              .ready=${mediaReady}
            ></file-list>`
      }
      <section class="card own" aria-labelledby="own">
        <h2 id="own">${torrent === undefined ? 'What do you want to watch?' : 'Open another'}</h2>
        <p>It is fetched directly, from your own address.</p>
        <source-form></source-form>
      </section>`
  }

  private renderStage(plays: boolean) {
    const { torrent } = this.view
    const film = filmOf(torrent)
    if (torrent === undefined) return nothing
    const waiting =
      torrent.files.length === 0 ? 'Looking for peers that a browser can reach' : 'Choose a file below'
    return html`<div class="stage">
        ${
          plays && film !== undefined
            ? html`<direct-player .film=${film} .subtitles=${subtitlesFor(film, torrent.files)}></direct-player>`
            : html`<p>${waiting}</p>`
        }
      </div>
      <div class="headline">
        <h1>${breakable(torrent.name === '' ? (this.nameHandedOver() ?? 'From a magnet link') : torrent.name)}</h1>
        ${
          this.requestFullscreen === undefined
            ? nothing
            : html`<button @click=${this.toggleFull}>${this.full ? 'Leave full screen' : 'Full screen'}</button>`
        }
      </div>`
  }

  private renderProblem() {
    const code = this.noticed ?? this.view.problem
    if (code === undefined) return nothing
    const { title, advice } = directProblems[code]
    return html`<strong>${title}.</strong> ${advice}`
  }

  private nameHandedOver(): string | undefined {
    const { request } = this
    if (request === undefined || request.kind === 'sample') return undefined
    return request.name ?? 'a magnet link without a name'
  }

  private readonly onConsent = ({ understood }: ConsentEvent) => {
    const { load } = this
    if (load === undefined || this.consent.given) return
    const signal = this.consent.give(understood)
    this.on = true
    const onView = (view: DirectView) => {
      if (!signal.aborted) this.view = view
    }
    this.engine = load(signal, onView)
    this.engine.catch(() => {
      if (!signal.aborted) this.noticed = 'engine-failed'
    })
    if (this.request !== undefined) this.open(this.request)
  }

  private readonly onIntent = ({ intent }: IntentEvent) => {
    if (!this.on) return
    if (intent.type === 'open') this.open(intent.request)
    if (intent.type === 'select-file') this.tell((engine) => engine.select(intent.index))
    if (intent.type === 'report' && Object.hasOwn(directProblems, intent.code)) {
      this.noticed = intent.code as DirectProblem
    }
    if (intent.type === 'select-file' || intent.type === 'playing') this.noticed = undefined
  }

  private open(request: OpenRequest): void {
    if (request.kind === 'sample') return
    this.request = request
    this.noticed = undefined
    this.tell((engine) =>
      engine.open(
        request.kind === 'magnet'
          ? { kind: 'magnet', uri: request.uri }
          : { kind: 'file', bytes: request.file },
      ),
    )
  }

  private tell(what: (engine: DirectEngine) => unknown): void {
    this.engine?.then(what).catch(() => {
      this.noticed = 'engine-failed'
    })
  }

  /** Closes every connection, and leaves the page for the protected one: a page that is gone can hold none open. */
  private async stop(): Promise<void> {
    const { engine } = this
    const closed = engine?.then((running) => running.close()).catch(() => 'it never ran')
    const patience = new Promise((resolve) => setTimeout(resolve, FAREWELL_MS))
    await Promise.race([closed, patience])
    this.end()
    location.replace('/')
  }

  private end(): void {
    this.consent.withdraw()
    this.engine = undefined
    this.view = NOTHING
    this.noticed = undefined
    this.request = undefined
    this.on = false
  }

  private readonly onLeft = () => this.end()

  /** The whole page goes full screen, and the warning with it. */
  private readonly toggleFull = () => {
    const done = this.full ? document.exitFullscreen() : this.requestFullscreen()
    done.catch(() => 'the browser refuses: the page stays as it is')
  }

  private readonly onFullscreen = () => {
    this.full = document.fullscreenElement === this && this.shadowRoot?.fullscreenElement === null
    // The film alone would cover the warning.
    if (this.shadowRoot?.fullscreenElement) document.exitFullscreen().catch(() => 'it has left by itself')
  }

  static override styles = [base, controls, directStyles]
}

customElements.define('direct-app', DirectApp)

declare global {
  interface HTMLElementTagNameMap {
    'direct-app': DirectApp
  }
}
