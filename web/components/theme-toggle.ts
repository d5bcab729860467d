import { html, LitElement } from 'lit'
import { chooseTheme, currentTheme, onThemeChange, type Theme } from '../app/theme.ts'
import { base } from '../styles/base.ts'
import { controls } from '../styles/controls.ts'
import { moon, sun } from './icons.ts'

/** Turns the light on or off. */
export class ThemeToggle extends LitElement {
  static override properties = { theme: { state: true } }

  declare private theme: Theme
  private forget: (() => void) | undefined

  constructor() {
    super()
    this.theme = currentTheme()
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.forget = onThemeChange((theme) => {
      this.theme = theme
    })
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.forget?.()
  }

  override render() {
    const other: Theme = this.theme === 'dark' ? 'light' : 'dark'
    const label = `Switch to the ${other} theme`
    return html`<button class="icon quiet" aria-label=${label} title=${label} @click=${() => chooseTheme(other)}>
      ${this.theme === 'dark' ? sun : moon}
    </button>`
  }

  static override styles = [base, controls]
}

customElements.define('theme-toggle', ThemeToggle)

declare global {
  interface HTMLElementTagNameMap {
    'theme-toggle': ThemeToggle
  }
}
