import { countries, land, viewBox } from 'virtual:world-map'
import { css, html, LitElement, nothing, svg } from 'lit'
import { countryName } from '../app/countries.ts'
import { plural } from '../app/formats.ts'
import type { RelayRow } from '../engine/relays-protocol.ts'
import { base } from '../styles/base.ts'
import { type Dot, type Line, mapPlaces, type Point } from './relay-map-places.ts'

const [, , width = 1_000, height = 500] = viewBox.split(' ').map(Number)
const ground = { countries, width, height }

/** Where the relays are, and the way that the circuits of now take among them. Drawn from the page's own outline of the world. */
export class RelayMap extends LitElement {
  static override properties = {
    relays: { attribute: false },
    avoided: { attribute: false },
    chosen: { attribute: false },
    choose: { attribute: false },
    scale: { state: true },
  }

  declare relays: readonly RelayRow[]
  /** Codes of countries that no circuit passes. */
  declare avoided: readonly string[]
  /** The country that the list shows, if one. */
  declare chosen: string
  /** Called with a country's code; the list has the same choice for those who use no mouse. */
  declare choose: ((country: string) => void) | undefined
  /** Units of the drawing for one CSS pixel. */
  declare private scale: number
  private readonly resized = new ResizeObserver(([entry]) => {
    const across = entry?.contentRect.width ?? 0
    if (across > 0) this.scale = Math.round((width / across) * 20) / 20
  })

  constructor() {
    super()
    this.relays = []
    this.avoided = []
    this.chosen = ''
    this.choose = undefined
    this.scale = 1
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.resized.observe(this)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.resized.disconnect()
  }

  override render() {
    const { dots, lines } = mapPlaces(this.relays, ground, { scale: this.scale, avoided: this.avoided })
    return html`<svg viewBox=${viewBox} role="img" aria-label=${inWords(this.relays)}>
        <path class="land" d=${land} />
        ${lines.map((line) => this.renderLine(line))} ${dots.map((dot) => this.renderDot(dot))}
        ${lines.filter(({ primary }) => primary).map((line) => this.renderStops(line))}
      </svg>
      ${this.renderHomeless(dots)}`
  }

  private renderLine({ path, primary }: Line) {
    return svg`<path class=${primary ? 'way' : 'way standby'} d=${path} stroke-width=${(primary ? 2.4 : 1.6) * this.scale} />`
  }

  private renderDot({ country, at: [x, y], count, radius, shunned }: Dot) {
    const name = country === '?' ? 'Country not known' : countryName(country)
    const marks = `dot ${shunned ? 'shunned' : ''} ${country === this.chosen ? 'chosen' : ''}`
    return svg`<g class=${marks} @click=${() => this.choose?.(country)}>
      <circle class="reach" cx=${x} cy=${y} r=${Math.max(radius, 12 * this.scale)} />
      <circle class="body" cx=${x} cy=${y} r=${radius} stroke-width=${1.5 * this.scale} />
      <title>${name}: ${plural(count, 'relay')}</title>
    </g>`
  }

  /** The hops of the circuit in use, numbered as below the map. */
  private renderStops({ stops }: Line) {
    return stops.map((stop, i) => {
      const [x, y] = this.badgeAt(stop, stops.slice(0, i))
      return svg`<g class="stop">
        <circle cx=${x} cy=${y} r=${8.5 * this.scale} stroke-width=${1.5 * this.scale} />
        <text x=${x} y=${y + 3.9 * this.scale} font-size=${11 * this.scale}>${i + 1}</text>
      </g>`
    })
  }

  /** Over its relay; beside the ones before it that stand in one place with it. */
  private badgeAt([x, y]: Point, before: readonly Point[]): Point {
    const near = before.filter(([bx, by]) => Math.hypot(bx - x, by - y) < 20 * this.scale).length
    return [x + near * 19 * this.scale, y - 17 * this.scale]
  }

  private renderHomeless(dots: readonly Dot[]) {
    const count = dots.reduce((sum, dot) => (dot.country === '?' ? sum + dot.count : sum), 0)
    return count === 0
      ? nothing
      : html`<p class="homeless">${plural(count, 'relay')} whose country is not known, in the row at the foot</p>`
  }

  static override styles = [
    base,
    css`
      :host {
        position: relative;
      }

      svg {
        width: 100%;
        height: auto;
        overflow: visible;
      }

      .land {
        fill: color-mix(in srgb, var(--ink-soft) 19%, var(--surface));
      }

      .way {
        fill: none;
        stroke: var(--accent);
        stroke-linecap: round;
        stroke-linejoin: round;
      }

      .standby {
        stroke: color-mix(in srgb, var(--accent) 85%, var(--surface));
        stroke-dasharray: 1 7;
      }

      .dot {
        cursor: pointer;
      }

      .reach {
        fill: transparent;
      }

      .body {
        fill: color-mix(in srgb, var(--accent) 85%, var(--surface));
        stroke: var(--surface);
        transition: fill 140ms;
      }

      .dot:hover .body,
      .chosen .body {
        fill: var(--ink);
      }

      .shunned .body {
        fill: var(--surface);
        stroke: var(--warn);
        stroke-dasharray: 3 2;
      }

      .stop circle {
        fill: var(--accent);
        stroke: var(--surface);
      }

      .stop text {
        fill: var(--on-accent);
        font-family: var(--sans);
        font-weight: 700;
        text-anchor: middle;
      }

      .stop {
        pointer-events: none;
      }

      .homeless {
        padding-top: var(--space-1);
        color: var(--ink-soft);
        font-size: var(--text-xs);
        text-align: center;
      }
    `,
  ]
}

/** `Map: 64 relays in 18 countries; most in Germany (7), …`. */
function inWords(relays: readonly RelayRow[]): string {
  const counts = new Map<string, number>()
  for (const { country } of relays) if (country) counts.set(country, (counts.get(country) ?? 0) + 1)
  const most = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 5)
  const where = most.map(([code, count]) => `${countryName(code)} (${count})`).join(', ')
  const all = `Map of the world with ${plural(relays.length, 'relay')}`
  return counts.size === 0
    ? `${all}, of no known country`
    : `${all} in ${plural(counts.size, 'country', 'countries')}; most in ${where}`
}

customElements.define('relay-map', RelayMap)

declare global {
  interface HTMLElementTagNameMap {
    'relay-map': RelayMap
  }
}
