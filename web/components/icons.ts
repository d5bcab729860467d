import { html } from 'lit'

/* Line icons, 24 x 24 units, in the colour of the text around; hidden from screen readers, which get words. */

/** The mark: the mouth of a culvert, arch within arch, and the water that comes out of it. */
export const mark = html`<svg width="34" height="34" viewBox="0 0 34 34" fill="none" aria-hidden="true">
  <path d="M3 25V17a14 14 0 0 1 28 0v8" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" opacity=".38" />
  <path d="M8 25v-8a9 9 0 0 1 18 0v8" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" opacity=".7" />
  <path d="M13 25v-8a4 4 0 0 1 8 0v8" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" />
  <path d="M2.5 30c2.4-1.9 4.8-1.9 7.2 0s4.9 1.9 7.3 0 4.9-1.9 7.3 0 4.8 1.9 7.2 0" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" />
</svg>`

export const play = html`<svg width="24" height="24" viewBox="0 0 24 24" aria-hidden="true">
  <path d="M8.2 5.3c0-1 1.1-1.6 2-1.1l10 6.2c.9.5.9 1.7 0 2.2l-10 6.2c-.9.5-2-.1-2-1.1z" fill="currentColor" />
</svg>`

export const sun = html`<svg width="20" height="20" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" aria-hidden="true">
  <circle cx="12" cy="12" r="4.2" />
  <path d="M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4" />
</svg>`

export const moon = html`<svg width="20" height="20" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linejoin="round" aria-hidden="true">
  <path d="M20 14.2A8.2 8.2 0 0 1 9.8 4a8.2 8.2 0 1 0 10.2 10.2z" />
</svg>`

export const again = html`<svg width="17" height="17" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
  <path d="M20 5v5h-5M4 19v-5h5" />
  <path d="M19.2 10A7.6 7.6 0 0 0 5.6 7.6L4.4 9M4.8 14a7.6 7.6 0 0 0 13.6 2.4l1.2-1.4" />
</svg>`

export const save = html`<svg width="17" height="17" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
  <path d="M12 4v11M7.5 11 12 15.5 16.5 11M5 20h14" />
</svg>`

export const file = html`<svg width="18" height="18" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linejoin="round" aria-hidden="true">
  <path d="M6 3.5h7.5L18.5 8.5v12h-12.5zM13.5 3.5v5h5" />
</svg>`

export const film = html`<svg width="18" height="18" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linejoin="round" aria-hidden="true">
  <rect x="3.5" y="5" width="17" height="14" rx="2.5" />
  <path d="m10.2 9.2 4.6 2.8-4.6 2.8z" fill="currentColor" />
</svg>`

export const sound = html`<svg width="18" height="18" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
  <path d="M9 17.5V6l10-2v11.5" />
  <circle cx="6.5" cy="17.5" r="2.5" /><circle cx="16.5" cy="15.5" r="2.5" />
</svg>`

export const picture = html`<svg width="18" height="18" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linejoin="round" aria-hidden="true">
  <rect x="3.5" y="5" width="17" height="14" rx="2.5" /><path d="m4 16.5 5-5 4.5 4.5 2.5-2.5 4.5 4" /><circle cx="15.5" cy="9" r="1.4" fill="currentColor" />
</svg>`

export const words = html`<svg width="18" height="18" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
  <rect x="3.5" y="5" width="17" height="14" rx="2.5" /><path d="M7 11.5h4M13.5 11.5H17M7 15h7M16.5 15h.5" />
</svg>`

export const close = html`<svg width="18" height="18" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" aria-hidden="true">
  <path d="m6 6 12 12M18 6 6 18" />
</svg>`

export const caution = html`<svg width="24" height="24" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.9" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
  <circle cx="12" cy="12" r="9" /><path d="M12 7.5v5.2M12 16.2v.2" />
</svg>`
