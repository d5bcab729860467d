import { css, html, LitElement, nothing, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { breakable, formatBytes, formatCount, plural } from '../app/formats.ts'
import { want } from '../app/intents.ts'
import type { FileView } from '../engine/protocol.ts'
import { base } from '../styles/base.ts'
import { controls } from '../styles/controls.ts'
import { film, file as other, picture, save, sound, words } from './icons.ts'

const icons: Readonly<Record<FileView['kind'], TemplateResult>> = {
  video: film,
  audio: sound,
  image: picture,
  subtitles: words,
  other,
}

/** What is happening with the file that was chosen. */
const NOW: Record<FileView['kind'], string> = {
  video: 'Watching',
  audio: 'Listening',
  image: 'Chosen',
  subtitles: 'Chosen',
  other: 'Chosen',
}

/** The files of the torrent: watch one, save any. */
export class FileList extends LitElement {
  static override properties = {
    files: { attribute: false },
    count: { attribute: false },
    selected: { attribute: false },
    ready: { type: Boolean },
  }
  static override shadowRootOptions: ShadowRootInit = { mode: 'open', delegatesFocus: true }

  declare files: readonly FileView[]
  /** How many there are, of which not all may be listed. */
  declare count: number
  declare selected: number | undefined
  /** The files' addresses are answered. Until then nothing is offered to save: the gateway would be asked for it. */
  declare ready: boolean

  constructor() {
    super()
    this.files = []
    this.count = 0
    this.selected = undefined
    this.ready = false
  }

  override render() {
    const unlisted = this.count - this.files.length
    return html`<section class="card" aria-labelledby="heading">
      <h2 id="heading">Files <span class="count">${formatCount(this.count)}</span></h2>
      <ul>
        ${repeat(
          this.files,
          ({ index }) => index,
          (file) => this.renderFile(file),
        )}
      </ul>
      ${unlisted > 0 ? html`<p class="unlisted">${plural(unlisted, 'more file is', 'more files are')} not listed.</p>` : nothing}
    </section>`
  }

  /**
   * The link to save has no `download` attribute: browsers then ask the network, past the service worker that alone can
   * answer. `?save` makes its answer an attachment, which the browser saves and does not go to.
   */
  private renderFile(file: FileView) {
    const { folder, name } = split(file.name)
    const playable = file.kind === 'video' || file.kind === 'audio'
    const watched = file.index === this.selected
    return html`<li class=${watched ? 'watched' : ''}>
      <span class="kind">${icons[file.kind]}</span>
      <span class="name">
        <span class="base" title=${file.name}>${breakable(name)}</span>
        <span class="facts">${formatBytes(file.bytes)}${folder === '' ? nothing : html`, in ${folder}`}</span>
      </span>
      <span class="actions">
        ${
          playable && !watched
            ? html`<button
              class="small quiet"
              aria-label="${file.kind === 'video' ? 'Watch' : 'Listen to'} ${name}"
              @click=${() => want(this, { type: 'select-file', index: file.index })}
            >
              ${file.kind === 'video' ? 'Watch' : 'Listen'}
            </button>`
            : watched
              ? html`<span class="now">${NOW[file.kind]}</span>`
              : nothing
        }
        ${
          this.ready
            ? html`<a class="button icon quiet" href="${file.url}?save" aria-label="Save ${name}" title="Save">${save}</a>`
            : nothing
        }
      </span>
    </li>`
  }

  static override styles = [
    base,
    controls,
    css`
      section {
        padding: var(--space-4) var(--space-2) var(--space-2);
      }

      h2 {
        padding: 0 var(--space-4) var(--space-2);
        font-size: var(--text-m);
      }

      .count {
        padding-inline-start: var(--space-1);
        color: var(--ink-soft);
        font-weight: 400;
      }

      ul {
        max-height: 20rem;
        overflow-y: auto;
        overscroll-behavior: contain;
      }

      li {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr) auto;
        align-items: center;
        gap: var(--space-3);
        min-height: 56px;
        padding: var(--space-1) var(--space-1) var(--space-1) var(--space-4);
        border-radius: var(--radius-s);
      }

      .unlisted {
        padding: var(--space-2) var(--space-4);
        color: var(--ink-soft);
        font-size: var(--text-xs);
      }

      li.watched {
        background: var(--surface-deep);
      }

      .kind {
        color: var(--ink-soft);
      }

      .watched .kind,
      .now {
        color: var(--accent);
      }

      .name {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        line-height: 1.35;
      }

      .base {
        display: -webkit-box;
        overflow: hidden;
        font-size: var(--text-s);
        font-weight: 500;
        overflow-wrap: anywhere;
        -webkit-box-orient: vertical;
        -webkit-line-clamp: 3;
        line-clamp: 3;
      }

      .facts {
        overflow: hidden;
        color: var(--ink-soft);
        font-size: var(--text-xs);
        text-overflow: ellipsis;
        white-space: nowrap;
      }

      .actions {
        display: flex;
        align-items: center;
        gap: var(--space-1);
      }

      .actions .small {
        color: var(--accent);
      }

      .actions .icon {
        width: 36px;
        min-height: 36px;
      }

      .now {
        font-size: var(--text-xs);
        font-weight: 600;
      }
    `,
  ]
}

/** Torrents name files by path; the last part is what people call the file. */
function split(path: string): { folder: string; name: string } {
  const at = path.lastIndexOf('/')
  return { folder: path.slice(0, Math.max(0, at)), name: path.slice(at + 1) }
}

customElements.define('file-list', FileList)

declare global {
  interface HTMLElementTagNameMap {
    'file-list': FileList
  }
}
