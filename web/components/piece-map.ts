import { css, html, LitElement } from 'lit'
import { formatCount } from '../app/formats.ts'
import { onThemeChange } from '../app/theme.ts'
import { base } from '../styles/base.ts'
import { countPieces, layPieces } from './piece-grid.ts'

/** Which pieces are here: one small square for each, or for a few together; drawn on a canvas, said in words. */
export class PieceMap extends LitElement {
  static override properties = { pieces: { attribute: false } }

  declare pieces: Uint8Array
  private readonly resized = new ResizeObserver(() => this.draw())
  private forgetTheme: (() => void) | undefined

  constructor() {
    super()
    this.pieces = new Uint8Array()
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.resized.observe(this)
    this.forgetTheme = onThemeChange(() => this.draw())
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.resized.disconnect()
    this.forgetTheme?.()
  }

  override render() {
    const { here, fetching } = countPieces(this.pieces)
    const total = formatCount(this.pieces.length)
    return html`<canvas
        role="img"
        aria-label="Map of the pieces: ${formatCount(here)} of ${total} are here, ${formatCount(fetching)} on their way"
      ></canvas>
      <p aria-hidden="true">
        <span><span class="key here"></span>${formatCount(here)} of ${total} pieces</span>
        <span><span class="key fetching"></span>${formatCount(fetching)} on the way</span>
      </p>`
  }

  override updated() {
    this.draw()
  }

  private draw(): void {
    const canvas = this.renderRoot.querySelector('canvas')
    const context = canvas?.getContext('2d')
    if (canvas === null || context === null || context === undefined || canvas.clientWidth === 0) return
    const ratio = window.devicePixelRatio || 1
    const { clientWidth: width, clientHeight: height } = canvas
    canvas.width = Math.round(width * ratio)
    canvas.height = Math.round(height * ratio)
    context.scale(ratio, ratio)
    const style = getComputedStyle(canvas)
    const [here, missing, fetching] = [style.color, style.outlineColor, style.borderTopColor]
    const { columns, cell, gap, cells } = layPieces(this.pieces, width, height)
    const pitch = cell + gap
    const radius = cell >= 7 ? 3 : cell >= 5 ? 1.5 : 0
    cells.forEach((piece, index) => {
      const x = (index % columns) * pitch
      const y = Math.floor(index / columns) * pitch
      const square = (fill: string, alpha: number) => {
        context.globalAlpha = alpha
        context.fillStyle = fill
        context.beginPath()
        context.roundRect(x, y, cell, cell, radius)
        context.fill()
      }
      square(missing, 1)
      if (piece.here > 0) square(here, 0.25 + 0.75 * piece.here)
      else if (piece.fetching) square(fetching, 1)
    })
  }

  static override styles = [
    base,
    css`
      /* The canvas reads its three colours from here: color, outline-color and border-top-color. */
      canvas {
        display: block;
        width: 100%;
        height: var(--piece-map-height, 92px);
        border: 0 solid color-mix(in srgb, var(--accent) 45%, var(--surface));
        color: var(--accent);
        outline: 0 solid var(--surface-deep);
      }

      p {
        display: flex;
        flex-wrap: wrap;
        gap: var(--space-1) var(--space-4);
        padding-top: var(--space-2);
        color: var(--ink-soft);
        font-size: var(--text-xs);
        font-variant-numeric: tabular-nums;
      }

      p > span {
        display: inline-flex;
        align-items: center;
        gap: 6px;
      }

      .key {
        width: 10px;
        height: 10px;
        border-radius: 3px;
        background: var(--accent);
      }

      .key.fetching {
        background: color-mix(in srgb, var(--accent) 45%, var(--surface));
      }
    `,
  ]
}

customElements.define('piece-map', PieceMap)

declare global {
  interface HTMLElementTagNameMap {
    'piece-map': PieceMap
  }
}
