import { css, html, LitElement, nothing } from 'lit'
import { want } from '../app/intents.ts'
import { magnetHints, readMagnet } from '../app/magnet-input.ts'
import { intentOfFile } from '../app/torrent-input.ts'
import { base } from '../styles/base.ts'
import { controls } from '../styles/controls.ts'
import { file } from './icons.ts'

/** A field for a magnet link, and a way to choose a .torrent file. */
export class SourceForm extends LitElement {
  static override properties = { hint: { state: true } }
  static override shadowRootOptions: ShadowRootInit = { mode: 'open', delegatesFocus: true }

  declare private hint: string | undefined

  constructor() {
    super()
    this.hint = undefined
  }

  override render() {
    const wrong = this.hint !== undefined
    return html`<form novalidate @submit=${this.onSubmit}>
        <label for="magnet">Magnet link</label>
        <div class="row">
          <input
            id="magnet"
            name="magnet"
            type="text"
            inputmode="url"
            placeholder="magnet:?xt=urn:btih:…"
            autocomplete="off"
            autocapitalize="off"
            spellcheck="false"
            aria-invalid=${wrong}
            aria-describedby="hint"
            @input=${() => {
              this.hint = undefined
            }}
          />
          <button type="submit" class="primary">Open</button>
        </div>
        <p id="hint" class="hint" role="alert">${this.hint ?? nothing}</p>
      </form>
      <div class="file">
        <span class="or">or</span>
        <label class="button">
          ${file} Choose a .torrent file
          <input class="for-readers" type="file" accept=".torrent,application/x-bittorrent" @change=${this.onFile} />
        </label>
      </div>`
  }

  private onSubmit(event: SubmitEvent): void {
    event.preventDefault()
    const field = this.renderRoot.querySelector<HTMLInputElement>('#magnet')
    const magnet = readMagnet(field?.value ?? '')
    if (magnet.ok) {
      want(this, { type: 'open', request: { kind: 'magnet', uri: magnet.uri, name: magnet.name } })
      return
    }
    this.hint = magnetHints[magnet.why]
    field?.focus()
  }

  private async onFile(event: Event): Promise<void> {
    const field = event.currentTarget
    if (!(field instanceof HTMLInputElement)) return
    const chosen = field.files?.[0]
    if (chosen === undefined) return
    const intent = await intentOfFile(chosen)
    // So that choosing the same file again is a change.
    field.value = ''
    want(this, intent)
  }

  static override styles = [
    base,
    controls,
    css`
      form > label {
        display: block;
        padding-bottom: var(--space-2);
        font-size: var(--text-s);
        font-weight: 600;
      }

      .row {
        display: flex;
        gap: var(--space-2);
      }

      input[type='text'] {
        flex: 1;
        min-width: 0;
        height: 48px;
        padding: 0 var(--space-4);
        border: 1px solid var(--line-strong);
        border-radius: 999px;
        background: var(--surface);
        color: var(--ink);
        font: 400 var(--text-m) / 1 var(--sans);
        text-overflow: ellipsis;
      }

      input[type='text']::placeholder {
        color: var(--ink-soft);
        opacity: 1;
      }

      input[type='text']:focus-visible {
        border-color: var(--accent);
        outline-offset: 1px;
      }

      input[aria-invalid='true'] {
        border-color: var(--warn);
      }

      .row button {
        min-height: 48px;
        padding: 0 var(--space-5);
      }

      .hint {
        padding-top: var(--space-2);
        color: var(--warn);
        font-size: var(--text-s);
      }

      .hint:empty {
        padding: 0;
      }

      .file {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: var(--space-2) var(--space-3);
        padding-top: var(--space-4);
      }

      .file .button {
        position: relative;
      }

      .file .button:focus-within:has(:focus-visible) {
        outline: 3px solid var(--accent);
        outline-offset: 3px;
      }

      .or {
        color: var(--ink-soft);
        font-size: var(--text-s);
      }
    `,
  ]
}

customElements.define('source-form', SourceForm)

declare global {
  interface HTMLElementTagNameMap {
    'source-form': SourceForm
  }
}
