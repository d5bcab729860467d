import { css, html, LitElement, nothing } from 'lit'
import { filmOf, type Stage } from '../app/app-state.ts'
import { stageWords } from '../app/stages.ts'
import { subtitlesFor } from '../app/subtitles.ts'
import type { TorrentView } from '../engine/protocol.ts'
import { base } from '../styles/base.ts'
import './film-player.ts'
import './tunnel-scene.ts'

/** Where the film is seen; until it comes, a look into the tunnel that it comes through. */
export class FilmStage extends LitElement {
  static override properties = {
    stage: { attribute: false },
    torrent: { attribute: false },
    ready: { type: Boolean },
    attempt: { type: Number },
    stopped: { type: Boolean },
  }

  declare stage: Stage
  declare torrent: TorrentView | undefined
  /** The film's address is answered. */
  declare ready: boolean
  /** See AppState. */
  declare attempt: number
  /** A problem stands in the way: nothing moves, nothing is promised; the slot says what it is. */
  declare stopped: boolean

  constructor() {
    super()
    this.stage = 'starting'
    this.torrent = undefined
    this.ready = false
    this.attempt = 0
    this.stopped = false
  }

  pause(): void {
    this.renderRoot.querySelector('film-player')?.pause()
  }

  override render() {
    const film = filmOf(this.torrent)
    const playing = this.stage === 'playing'
    const words = stageWords[this.stage]
    return html`<tunnel-scene
        .light=${this.stopped ? 0.05 : words.light}
        ?alive=${!playing && !this.stopped && this.stage !== 'choosing'}
        ?hidden=${playing && film?.kind === 'video'}
      ></tunnel-scene>
      ${
        film === undefined || this.torrent === undefined || !this.ready
          ? nothing
          : html`<film-player .film=${film} .attempt=${this.attempt} .subtitles=${subtitlesFor(film, this.torrent.files)}></film-player>`
      }
      <slot></slot>
      ${
        playing || this.stopped
          ? nothing
          : html`<div class="words">
            <p class="title">${words.title}</p>
            <p>${words.about}</p>
          </div>`
      }`
  }

  static override styles = [
    base,
    css`
      :host {
        position: relative;
        display: grid;
        align-items: end;
        width: 100%;
        aspect-ratio: 16 / 9;
        max-height: min(76dvh, 60rem);
        overflow: clip;
        border-radius: var(--radius-l);
        background: var(--stage);
        color: var(--ink);
        color-scheme: dark;
        box-shadow:
          0 0 0 1px var(--line),
          0 30px 60px -30px rgb(0 0 0 / 55%);
      }

      ::slotted(*) {
        position: relative;
      }

      .words {
        position: absolute;
        inset: auto 0 0;
        padding: clamp(1rem, 4%, 2.25rem);
        background: linear-gradient(to top, rgb(3 12 16 / 88%), rgb(3 12 16 / 55%) 55%, transparent);
        pointer-events: none;
      }

      .words p {
        color: var(--ink-soft);
        font-size: var(--text-s);
      }

      .words .title {
        color: var(--ink);
        font: 400 clamp(1.25rem, 0.9rem + 1.6vw, 2rem) / 1.3 var(--serif);
      }

      @media (max-width: 760px) {
        :host {
          border-radius: var(--radius-m);
        }
      }
    `,
  ]
}

customElements.define('film-stage', FilmStage)

declare global {
  interface HTMLElementTagNameMap {
    'film-stage': FilmStage
  }
}
