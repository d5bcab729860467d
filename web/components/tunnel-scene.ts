import { css, html, LitElement, svg } from 'lit'
import { base } from '../styles/base.ts'

const width = 1600
const height = 900
/** Where the tunnel ends, and where the viewer stands. */
const end = { x: 800, y: 402 }
const mouth = { x: 800, y: 440, r: 1180 }
const rings = 13
const shrink = 0.75
/** Height of the water below a ring's centre, as a share of the radius. */
const waterline = 0.5

interface Ring {
  readonly x: number
  readonly y: number
  readonly r: number
}

const drawn: readonly Ring[] = Array.from({ length: rings }, (_, index) => {
  const scale = shrink ** index
  return {
    x: end.x + (mouth.x - end.x) * scale,
    y: end.y + (mouth.y - end.y) * scale,
    r: mouth.r * scale,
  }
})

/** A look into a culvert: arch behind arch, water on the floor, light at the end. Decoration; says nothing to readers. */
export class TunnelScene extends LitElement {
  static override properties = {
    light: { type: Number },
    alive: { type: Boolean, reflect: true },
  }

  /** How bright the end is, 0 to 1. */
  declare light: number
  /** Rings and water move. */
  declare alive: boolean

  constructor() {
    super()
    this.light = 0.6
    this.alive = false
  }

  override render() {
    return html`<svg
      viewBox="0 0 ${width} ${height}"
      preserveAspectRatio="xMidYMid slice"
      aria-hidden="true"
      focusable="false"
    >
      <defs>
        <radialGradient id="glow">
          <stop offset="0" class="glow-heart" />
          <stop offset="0.3" class="glow-halo" />
          <stop offset="1" class="glow-edge" />
        </radialGradient>
        <radialGradient
          id="water"
          gradientUnits="userSpaceOnUse"
          cx=${end.x}
          cy=${end.y}
          r="760"
          gradientTransform="translate(${end.x} ${end.y}) scale(0.5 1) translate(${-end.x} ${-end.y})"
        >
          <stop offset="0" class="water-far" />
          <stop offset="0.45" class="water-middle" />
          <stop offset="1" class="water-near" />
        </radialGradient>
      </defs>
      ${drawn.map((ring, index) => this.renderRing(ring, index))}
      <circle class="end" cx=${end.x} cy=${end.y} r="640" fill="url(#glow)" />
      ${this.renderWater()}
    </svg>`
  }

  override updated() {
    this.style.setProperty('--light', String(Math.min(1, Math.max(0, this.light))))
  }

  private renderRing({ x, y, r }: Ring, index: number) {
    return svg`<g class="ring ring-${index}">
      <circle class="wall" cx=${x} cy=${y} r=${r} />
      <circle class="rim" cx=${x} cy=${y} r=${r} stroke-width=${Math.max(1.2, r / 150)} />
    </g>`
  }

  /** The floor: from the far end's waterline to the viewer's, with ripples where each ring meets it. */
  private renderWater() {
    const chord = ({ x, y, r }: Ring) => {
      const half = r * Math.sqrt(1 - waterline ** 2)
      return { left: x - half, right: x + half, y: y + r * waterline }
    }
    const chords = drawn.map(chord)
    const near = chords[0]
    const far = chords.at(-1)
    if (near === undefined || far === undefined) return undefined
    const points = `${far.left},${far.y} ${far.right},${far.y} ${near.right},${near.y} ${near.left},${near.y}`
    return svg`<polygon class="floor" points=${points} />
      <polygon class="water" points=${points} fill="url(#water)" />
      ${chords.map(({ left, right, y }, index) => svg`<path class="ripple ripple-${index}" d=${ripple(left, right, y)} stroke-width=${Math.max(0.8, (right - left) / 420)} />`)}`
  }

  static override styles = [
    base,
    css`
      :host {
        position: absolute;
        inset: 0;
        overflow: hidden;
        background: var(--stage);
        border-radius: inherit;
      }

      svg {
        width: 100%;
        height: 100%;
      }

      .wall {
        fill: #0c2831;
      }

      .rim {
        fill: none;
        stroke: #2d6470;
        opacity: 0.5;
      }

      .ring-0 .wall { fill: #061318; }
      .ring-1 .wall { fill: #07171d; }
      .ring-2 .wall { fill: #081b21; }
      .ring-3 .wall { fill: #091f26; }
      .ring-4 .wall { fill: #0a242b; }
      .ring-5 .wall { fill: #0b2931; }
      .ring-6 .wall { fill: #0c2f37; }
      .ring-7 .wall { fill: #0e363e; }
      .ring-8 .wall { fill: #103e46; }
      .ring-9 .wall { fill: #13484f; }
      .ring-10 .wall { fill: #175459; }
      .ring-11 .wall { fill: #1d6265; }
      .ring-12 .wall { fill: #267374; }

      .end {
        opacity: calc(0.15 + 0.85 * var(--light, 0.6));
        transition: opacity 1.6s ease;
      }

      .glow-heart {
        stop-color: #e2fff6;
        stop-opacity: 0.95;
      }

      .glow-halo {
        stop-color: #5ed3c4;
        stop-opacity: 0.24;
      }

      .glow-edge {
        stop-color: #2b8d8a;
        stop-opacity: 0;
      }

      .floor {
        fill: #0a2a31;
        opacity: 0.62;
      }

      .water {
        opacity: calc(0.12 + 0.88 * var(--light, 0.6));
        transition: opacity 1.6s ease;
      }

      .water-far {
        stop-color: #b9f7ea;
        stop-opacity: 0.95;
      }

      .water-middle {
        stop-color: #4fbdb2;
        stop-opacity: 0.5;
      }

      .water-near {
        stop-color: #1a5a61;
        stop-opacity: 0.05;
      }

      .ripple {
        fill: none;
        stroke: #9fe6dc;
        opacity: 0.16;
        stroke-linecap: round;
      }

      :host([alive]) .rim {
        animation: breathe 3.9s ease-in-out infinite;
      }

      :host([alive]) .ripple {
        animation: drift 3.9s ease-in-out infinite;
      }

      @keyframes breathe {
        0%, 60%, 100% { opacity: 0.4; }
        25% { opacity: 1; stroke: #5ed3c4; }
      }

      @keyframes drift {
        0%, 100% { opacity: 0.1; }
        40% { opacity: 0.4; }
      }
    `,
    ...Array.from({ length: rings }, (_, index) => delay(index)),
  ]
}

/** The light comes towards the viewer: the farthest ring first. */
function delay(index: number) {
  const ms = (rings - 1 - index) * 260 - 4000
  return css`
    .ring-${index} .rim,
    .ripple-${index} {
      animation-delay: ${ms}ms !important;
    }
  `
}

/** A broken line across the water: two strokes that leave the middle to the light. */
function ripple(left: number, right: number, y: number): string {
  const at = (share: number) => Math.round(left + (right - left) * share)
  const dip = (right - left) / 160
  return `M${at(0.12)} ${y}q${(right - left) * 0.1} ${dip} ${(right - left) * 0.2} 0M${at(0.46)} ${y + dip}q${(right - left) * 0.14} ${-dip * 2} ${(right - left) * 0.28} 0`
}

customElements.define('tunnel-scene', TunnelScene)

declare global {
  interface HTMLElementTagNameMap {
    'tunnel-scene': TunnelScene
  }
}
