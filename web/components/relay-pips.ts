import { html, svg } from 'lit'
import { CHECK_NAMES, type Checks } from '../../shared/trust/verdict.ts'

/** The five checks as five small marks: full for passed, crossed for failed, a dot for not done yet. For eyes alone. */
export function pips(checks: Checks) {
  return html`<svg class="pips" width="76" height="14" viewBox="0 0 76 14" aria-hidden="true">
    ${CHECK_NAMES.map((name, i) => pip(checks[name], 7 + i * 15.5))}
  </svg>`
}

export function onePip(passed: boolean | undefined) {
  return html`<svg class="pips" width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">${pip(passed, 7)}</svg>`
}

function pip(passed: boolean | undefined, x: number) {
  if (passed === undefined) return svg`<circle class="open" cx=${x} cy="7" r="2.2" />`
  if (passed) return svg`<circle class="passed" cx=${x} cy="7" r="5.5" />`
  return svg`<g class="failed">
    <circle cx=${x} cy="7" r="5" />
    <path d="M${x - 2} 5l4 4m0-4-4 4" />
  </g>`
}

/** A share as a short bar. */
export function bar(share: number) {
  const width = Math.round(64 * Math.min(1, Math.max(0, share)))
  return html`<svg class="bar" width="64" height="6" viewBox="0 0 64 6" aria-hidden="true">
    <rect class="ground" width="64" height="6" rx="3" />
    <rect class="done" width=${width} height="6" rx="3" />
  </svg>`
}
