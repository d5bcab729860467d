import { html, LitElement, nothing } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { formatLatency } from '../app/formats.ts'
import type { CircuitView, Hops } from '../engine/protocol.ts'
import { base } from '../styles/base.ts'
import { hopStateWords, type Place, placesOf } from './circuit-path.ts'
import { ribbonStyles } from './circuit-ribbon.styles.ts'

/** The circuit as a culvert seen from the side: pipe within pipe, one fewer after each relay, the stream inside. */
export class CircuitRibbon extends LitElement {
  static override properties = {
    circuit: { attribute: false },
    hops: { type: Number },
  }

  declare circuit: CircuitView | undefined
  /** How many hops are planned while there is no circuit. */
  declare hops: Hops

  constructor() {
    super()
    this.circuit = undefined
    this.hops = 3
  }

  override render() {
    const places = placesOf(this.circuit, this.hops)
    return html`<ol aria-label="The way from this page to the swarm" class=${this.circuit?.state ?? 'planned'}>
      ${repeat(
        places,
        (_, index) => index,
        (place, index) => this.renderPlace(place, places[index - 1], places[index + 1]),
      )}
    </ol>`
  }

  private renderPlace(place: Place, before: Place | undefined, next: Place | undefined) {
    const layers = place.layersOnward ?? 0
    const ringLayers = before?.layersOnward ?? layers
    return html`<li class="${place.kind} ${place.state}">
      <div class="drawing" aria-hidden="true">
        ${
          next === undefined
            ? nothing
            : html`<div class="segment to-${next.state} layers-${layers}">
              ${Array.from({ length: layers }, (_, index) => html`<span class="layer layer-${index}"></span>`)}
              <span class="water"></span>
            </div>`
        }
        <span class="ring layers-${ringLayers}"></span>
      </div>
      <div class="words">
        <span class="title">${place.title}</span>
        <span class="name">${place.name === '' ? 'To be chosen' : place.name}</span>
        ${place.address === undefined ? nothing : html`<span class="address">${place.address}</span>`}
        ${place.kind === 'hop' ? this.renderState(place) : nothing}
      </div>
    </li>`
  }

  private renderState({ state, latencyMs }: Place) {
    return html`<span class="state">
      ${hopStateWords[state]}${
        state === 'proven' && latencyMs !== undefined
          ? html`<span class="latency">, ${formatLatency(latencyMs)}</span>`
          : nothing
      }
    </span>`
  }

  static override styles = [base, ribbonStyles]
}

customElements.define('circuit-ribbon', CircuitRibbon)

declare global {
  interface HTMLElementTagNameMap {
    'circuit-ribbon': CircuitRibbon
  }
}
