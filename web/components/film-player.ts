import { css, html, LitElement, nothing, type PropertyValues } from 'lit'
import { keyed } from 'lit/directives/keyed.js'
import { want } from '../app/intents.ts'
import type { SubtitleTrack } from '../app/subtitles.ts'
import type { FileView } from '../engine/protocol.ts'
import { base } from '../styles/base.ts'

/** How often a film that stopped arriving is asked for again before the visitor is told, and how long apart. */
const maxReloads = 3
const reloadDelayMs = 1500
const soundSeconds = 5
/** A hiccup shorter than this is not worth a word. */
const waitingDelayMs = 500

/** The browser's own player around one file of the torrent. Says when the first picture is there, and when none will be. */
export class FilmPlayer extends LitElement {
  static override properties = {
    film: { attribute: false },
    subtitles: { attribute: false },
    attempt: { type: Number },
    begun: { state: true },
    waiting: { state: true },
  }

  declare film: FileView
  declare subtitles: readonly SubtitleTrack[]
  /** Each increase asks for the film anew, from where it broke off. */
  declare attempt: number
  declare private begun: boolean
  declare private waiting: boolean
  private reloads = 0
  private brokeAtSeconds = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private shownUrl = ''

  constructor() {
    super()
    this.subtitles = []
    this.attempt = 0
    this.begun = false
    this.waiting = false
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    clearTimeout(this.timer)
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('attempt') && this.hasUpdated) this.retry()
    if (this.film.url === this.shownUrl) return
    this.shownUrl = this.film.url
    this.begun = false
    this.waiting = false
    this.reloads = 0
    clearTimeout(this.timer)
  }

  pause(): void {
    this.renderRoot.querySelector('video')?.pause()
  }

  private retry(): void {
    const video = this.renderRoot.querySelector('video')
    this.reloads = 0
    if (video?.error) this.goOnFrom(video, video.currentTime)
  }

  override render() {
    return html`${keyed(
      this.film.url,
      html`<video
        class=${this.begun ? 'begun' : ''}
        controls
        autoplay
        playsinline
        preload="auto"
        aria-label=${this.film.name}
        src=${this.film.url}
        @loadeddata=${this.onBegun}
        @playing=${this.onMoving}
        @canplay=${this.onMoving}
        @timeupdate=${this.onTime}
        @waiting=${this.onWaiting}
        @error=${this.onError}
      >
        ${this.subtitles.map(
          ({ url, label, language }) =>
            html`<track kind="subtitles" src=${url} label=${label} srclang=${language === '' ? 'und' : language} />`,
        )}
      </video>`,
    )}
    ${this.waiting ? html`<p class="waiting">Waiting for the next pieces</p>` : nothing}`
  }

  private readonly onBegun = () => {
    this.begun = true
    want(this, { type: 'playing', url: this.film.url })
  }

  private readonly onMoving = () => {
    clearTimeout(this.timer)
    this.waiting = false
  }

  /** A while of undisturbed film wipes the slate; that a broken film loads again at the same spot does not. */
  private readonly onTime = (event: Event) => {
    const video = event.currentTarget
    if (!(video instanceof HTMLVideoElement)) return
    if (Math.abs(video.currentTime - this.brokeAtSeconds) > soundSeconds) this.reloads = 0
  }

  private readonly onWaiting = () => {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => {
      this.waiting = this.begun
    }, waitingDelayMs)
  }

  private readonly onError = (event: Event) => {
    const video = event.currentTarget
    if (!(video instanceof HTMLVideoElement)) return
    if (!this.begun && isUnplayable(video.error)) {
      want(this, { type: 'report', code: 'not-playable' })
      return
    }
    if (this.reloads >= maxReloads) {
      want(this, { type: 'report', code: 'playback-broke' })
      return
    }
    this.reloads += 1
    this.brokeAtSeconds = video.currentTime
    this.waiting = true
    this.goOnFrom(video, video.currentTime)
  }

  /** Asks for the film again, and goes on where it broke off: the circuit behind it may have been replaced meanwhile. */
  private goOnFrom(video: HTMLVideoElement, seconds: number): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => {
      video.addEventListener(
        'loadedmetadata',
        () => {
          video.currentTime = seconds
        },
        { once: true },
      )
      video.load()
    }, reloadDelayMs)
  }

  static override styles = [
    base,
    css`
      :host {
        position: absolute;
        inset: 0;
      }

      video {
        width: 100%;
        height: 100%;
        border-radius: inherit;
        object-fit: contain;
        opacity: 0;
        visibility: hidden;
        transition: opacity 600ms;
      }

      video.begun {
        opacity: 1;
        visibility: visible;
      }

      video:focus-visible {
        outline-offset: -3px;
      }

      .waiting {
        position: absolute;
        top: var(--space-4);
        left: 50%;
        padding: var(--space-1) var(--space-4);
        border-radius: 999px;
        background: rgb(5 15 19 / 78%);
        color: var(--ink);
        font-size: var(--text-xs);
        translate: -50% 0;
        pointer-events: none;
      }
    `,
  ]
}

/** Browsers say `not supported` also of an address that answers with an error; then the message begins with its status. */
function isUnplayable(error: MediaError | null): boolean {
  if (error?.code === MediaError.MEDIA_ERR_DECODE) return true
  return error?.code === MediaError.MEDIA_ERR_SRC_NOT_SUPPORTED && !/^[45]\d\d\b/.test(error.message)
}

customElements.define('film-player', FilmPlayer)

declare global {
  interface HTMLElementTagNameMap {
    'film-player': FilmPlayer
  }
}
