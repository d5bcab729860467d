import { css, html, LitElement } from 'lit'
import { want } from '../app/intents.ts'
import { intentOfFile, intentOfText } from '../app/torrent-input.ts'
import { base } from '../styles/base.ts'

/** Takes what is dropped or pasted anywhere on the page; seen only while something is dragged over it. */
export class DropVeil extends LitElement {
  static override properties = { shown: { type: Boolean, reflect: true } }

  declare private shown: boolean
  private readonly ending = new Set<() => void>()

  constructor() {
    super()
    this.shown = false
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.listen('dragenter', this.onDrag)
    this.listen('dragover', this.onDrag)
    this.listen('dragleave', (event) => {
      // Leaving for outside the window; elements within it send this too.
      if (event.relatedTarget === null) this.shown = false
    })
    this.listen('drop', (event) => void this.onDrop(event))
    this.listen('paste', (event) => void this.onPaste(event))
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    for (const end of this.ending) end()
    this.ending.clear()
  }

  override render() {
    return html`<p aria-hidden="true"><span>Let go to open it</span></p>`
  }

  private listen<K extends keyof WindowEventMap>(
    type: K,
    listener: (event: WindowEventMap[K]) => void,
  ): void {
    window.addEventListener(type, listener)
    this.ending.add(() => window.removeEventListener(type, listener))
  }

  private readonly onDrag = (event: DragEvent) => {
    const types = event.dataTransfer?.types ?? []
    if (!types.includes('Files') && !types.includes('text/plain') && !types.includes('text/uri-list')) return
    if (isEditable(event)) return
    event.preventDefault()
    this.shown = true
  }

  private async onDrop(event: DragEvent): Promise<void> {
    this.shown = false
    if (isEditable(event)) return
    event.preventDefault()
    await this.take(event.dataTransfer)
  }

  private async onPaste(event: ClipboardEvent): Promise<void> {
    if (!isEditable(event)) await this.take(event.clipboardData)
  }

  private async take(data: DataTransfer | null): Promise<void> {
    const file = data?.files[0]
    // Read before any wait: the data is gone when the event is over.
    const text = data?.getData('text/plain') ?? ''
    const intent = file === undefined ? intentOfText(text) : await intentOfFile(file)
    if (intent !== undefined) want(this, intent)
  }

  static override styles = [
    base,
    css`
      :host {
        position: fixed;
        inset: 0;
        z-index: 10;
        display: none;
        padding: var(--space-4);
        background: color-mix(in srgb, var(--paper) 78%, transparent);
        backdrop-filter: blur(6px);
        pointer-events: none;
      }

      :host([shown]) {
        display: block;
      }

      p {
        display: grid;
        place-items: center;
        height: 100%;
        border: 2px dashed var(--accent);
        border-radius: var(--radius-l);
        font: 400 var(--text-xl) / 1.2 var(--serif);
      }
    `,
  ]
}

/** A field takes its own text. Inside shadow roots only the composed path tells. */
function isEditable(event: Event): boolean {
  const target = event.composedPath()[0]
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement
}

customElements.define('drop-veil', DropVeil)

declare global {
  interface HTMLElementTagNameMap {
    'drop-veil': DropVeil
  }
}
