import { css, html, LitElement } from 'lit'
import { formatBytes, formatRate, formatShare, formatWait, plural, share } from '../app/formats.ts'
import type { TorrentView } from '../engine/protocol.ts'
import { base } from '../styles/base.ts'
import { controls } from '../styles/controls.ts'
import './piece-map.ts'

/** How much is here, how fast the rest comes, and from how many. */
export class ProgressPanel extends LitElement {
  static override properties = { torrent: { attribute: false } }

  declare torrent: TorrentView

  override render() {
    const { torrent } = this
    const done = share(torrent.bytesHere, torrent.bytes)
    const percent = formatShare(torrent.bytesHere, torrent.bytes)
    return html`<section class="card" aria-labelledby="heading">
      <h2 id="heading" class="for-readers">Progress</h2>
      <div class="numbers"><div class="top">
        <span class="percent">${percent}</span>
        <span class="wait">${waitOf(torrent)}</span>
      </div>
      <div
        class="bar"
        role="progressbar"
        aria-label="Downloaded"
        aria-valuemin="0"
        aria-valuemax="100"
        aria-valuenow=${Math.round(done * 100)}
      >
        <span></span>
      </div>
      <dl>
        <div><dt>Speed</dt><dd>${formatRate(torrent.bytesPerSecondDown)}</dd></div>
        <div><dt>Sources</dt><dd>${plural(torrent.peers, 'peer')}</dd></div>
        <div><dt>Size</dt><dd>${formatBytes(torrent.bytes)}</dd></div>
      </dl>
      </div><piece-map .pieces=${torrent.pieces}></piece-map>
    </section>`
  }

  override updated() {
    // Through the CSSOM: the page's policy refuses style attributes.
    this.style.setProperty('--done', `${share(this.torrent.bytesHere, this.torrent.bytes) * 100}%`)
  }

  static override styles = [
    base,
    controls,
    css`
      :host {
        container-type: inline-size;
      }

      section {
        padding: var(--space-5);
      }

      .top {
        display: flex;
        align-items: baseline;
        justify-content: space-between;
        gap: var(--space-3);
      }

      .percent {
        font: 400 2.5rem / 1 var(--serif);
        font-variant-numeric: tabular-nums lining-nums;
      }

      .wait {
        color: var(--ink-soft);
        font-size: var(--text-s);
        font-variant-numeric: tabular-nums;
      }

      .bar {
        height: 6px;
        margin: var(--space-3) 0 var(--space-4);
        overflow: hidden;
        border-radius: 3px;
        background: var(--surface-deep);
      }

      .bar span {
        display: block;
        width: var(--done, 0);
        height: 100%;
        border-radius: 3px;
        background: var(--accent);
        transition: width 400ms ease-out;
      }

      dl {
        display: grid;
        grid-template-columns: 1.25fr 1fr 1fr;
        gap: var(--space-2);
        padding-bottom: var(--space-4);
      }

      dt {
        color: var(--ink-soft);
        font-size: var(--text-xs);
      }

      dd {
        font-size: var(--text-s);
        font-weight: 600;
        font-variant-numeric: tabular-nums;
        white-space: nowrap;
      }

      @container (min-width: 720px) {
        section {
          display: grid;
          grid-template-columns: minmax(0, 3fr) minmax(0, 4fr);
          gap: var(--space-6);
        }

        dl {
          padding-bottom: 0;
        }
      }

      @media (max-width: 560px) {
        section {
          padding: var(--space-4);
        }
      }
    `,
  ]
}

function waitOf({ state, etaSeconds, bytesHere, bytes }: TorrentView): string {
  if (state === 'done' || (bytes > 0 && bytesHere >= bytes)) return 'All of it is here'
  return etaSeconds === undefined ? 'Time left unknown' : `${formatWait(etaSeconds)} left`
}

customElements.define('progress-panel', ProgressPanel)

declare global {
  interface HTMLElementTagNameMap {
    'progress-panel': ProgressPanel
  }
}
