import { css, html, LitElement, nothing } from 'lit'
import { formatBytes, formatClock } from '../app/formats.ts'
import { want } from '../app/intents.ts'
import type { SampleView } from '../engine/protocol.ts'
import { base } from '../styles/base.ts'
import { play } from './icons.ts'
import './tunnel-scene.ts'

/** The film that a site offers: its poster is one big play button. */
export class SampleCard extends LitElement {
  static override properties = {
    sample: { attribute: false },
    posterBroken: { state: true },
  }

  declare sample: SampleView | undefined
  declare private posterBroken: boolean

  constructor() {
    super()
    this.sample = undefined
    this.posterBroken = false
  }

  override render() {
    const { sample } = this
    const length = sample === undefined ? '' : formatClock(sample.seconds)
    return html`<button
      ?disabled=${sample === undefined}
      aria-label=${sample === undefined ? 'The sample film is not known yet' : `Play the sample film, ${sample.title}, ${length}`}
      @click=${() => want(this, { type: 'open', request: { kind: 'sample' } })}
    >
      <tunnel-scene .light=${0.8}></tunnel-scene>
      ${
        this.posterBroken
          ? nothing
          : html`<img
            src="/sample/poster.jpg"
            alt=""
            width="1280"
            height="720"
            @error=${() => {
              this.posterBroken = true
            }}
          />`
      }
      <span class="veil"></span>
      <span class="play">${play}</span>
      <span class="words">
        <span class="title">${sample?.title ?? 'A short film'}</span>
        <span class="about">${sample?.description ?? 'Waiting for the first relay to answer.'}</span>
        ${
          sample === undefined
            ? nothing
            : html`<span class="facts"><span>Sample film</span><span>${length}</span><span>${formatBytes(sample.bytes)}</span></span>`
        }
      </span>
    </button>`
  }

  static override styles = [
    base,
    css`
      button {
        position: relative;
        display: block;
        width: 100%;
        aspect-ratio: 16 / 9;
        padding: 0;
        overflow: hidden;
        border: 0;
        border-radius: var(--radius-l);
        background: var(--stage);
        color: var(--ink);
        color-scheme: dark;
        font: inherit;
        text-align: start;
        cursor: pointer;
        box-shadow:
          0 0 0 1px var(--line),
          0 30px 60px -30px rgb(0 0 0 / 55%);
      }

      button[disabled] {
        cursor: default;
      }

      img {
        position: absolute;
        inset: 0;
        width: 100%;
        height: 100%;
        object-fit: cover;
        transition: transform 900ms cubic-bezier(0.2, 0.7, 0.2, 1);
      }

      button:hover img,
      button:hover tunnel-scene {
        transform: scale(1.025);
      }

      tunnel-scene {
        transition: transform 900ms cubic-bezier(0.2, 0.7, 0.2, 1);
      }

      .veil {
        position: absolute;
        inset: 0;
        background: linear-gradient(to top, rgb(3 12 16 / 92%) 4%, rgb(3 12 16 / 62%) 26%, transparent 58%);
      }

      .play {
        position: absolute;
        top: 44.6%;
        left: 50%;
        display: grid;
        place-items: center;
        width: clamp(64px, 11%, 92px);
        aspect-ratio: 1;
        border-radius: 50%;
        background: var(--accent);
        color: var(--on-accent);
        translate: -50% -50%;
        box-shadow:
          0 0 0 10px rgb(94 211 196 / 16%),
          0 12px 40px rgb(0 0 0 / 40%);
        transition:
          scale 200ms ease,
          box-shadow 200ms ease;
      }

      .play svg {
        width: 42%;
        height: 42%;
      }

      button:hover .play {
        scale: 1.06;
        box-shadow:
          0 0 0 16px rgb(94 211 196 / 20%),
          0 12px 40px rgb(0 0 0 / 40%);
      }

      button[disabled] .play {
        opacity: 0.35;
      }

      .words {
        position: absolute;
        inset: auto 0 0;
        display: grid;
        gap: var(--space-1);
        padding: clamp(1rem, 3.4%, 1.75rem);
      }

      .title {
        font: 400 clamp(1.375rem, 1rem + 1.5vw, 2rem) / 1.15 var(--serif);
      }

      .about {
        max-width: 34rem;
        color: var(--ink-soft);
        font-size: var(--text-s);
        line-height: 1.45;
      }

      .facts {
        display: flex;
        flex-wrap: wrap;
        gap: var(--space-1) var(--space-2);
        padding-top: var(--space-1);
        color: var(--ink-soft);
        font-size: var(--text-xs);
      }

      .facts span + span::before {
        content: '·';
        margin-inline-end: var(--space-2);
      }

      @media (max-width: 560px) {
        button {
          aspect-ratio: 4 / 4.1;
        }

        .play {
          top: 34%;
          width: 76px;
        }
      }
    `,
  ]
}

customElements.define('sample-card', SampleCard)

declare global {
  interface HTMLElementTagNameMap {
    'sample-card': SampleCard
  }
}
