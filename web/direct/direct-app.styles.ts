import { css } from 'lit'

export const directStyles = css`
  :host {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    align-content: start;
    min-height: 100dvh;
    background: var(--paper);
  }

  header,
  main,
  footer {
    width: 100%;
    max-width: calc(70rem + 2 * var(--gutter));
    margin-inline: auto;
    padding-inline: var(--gutter);
  }

  header {
    display: flex;
    align-items: center;
    justify-content: space-between;
    padding-block: var(--space-4);
  }

  .brand {
    display: inline-flex;
    align-items: center;
    gap: var(--space-3);
    color: inherit;
    font: 400 1.375rem / 1 var(--serif);
    text-decoration: none;
  }

  .brand svg {
    color: var(--accent);
  }

  main {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: var(--space-5);
    padding-block: var(--space-2) var(--space-7);
  }

  footer {
    padding-block: var(--space-4) var(--space-5);
    color: var(--ink-soft);
    font-size: var(--text-xs);
  }

  .stage {
    position: relative;
    display: grid;
    place-items: center;
    aspect-ratio: 16 / 9;
    max-height: min(72dvh, 56rem);
    overflow: clip;
    border-radius: var(--radius-m);
    background: var(--stage);
    color: var(--ink);
    color-scheme: dark;
  }

  .stage > p {
    padding: var(--space-4);
    color: var(--ink-soft);
    text-align: center;
  }

  .headline {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: space-between;
    gap: var(--space-3) var(--space-5);
  }

  h1 {
    min-width: 0;
    font: 400 clamp(1.375rem, 1.1rem + 1.2vw, 1.875rem) / 1.2 var(--serif);
    overflow-wrap: anywhere;
  }

  .problem {
    padding: var(--space-3) var(--space-4);
    border: 1px solid color-mix(in srgb, var(--warn) 35%, var(--warn-surface));
    border-radius: var(--radius-m);
    background: var(--warn-surface);
    font-size: var(--text-s);
  }

  .problem:not(:has(strong)) {
    display: none;
  }

  .own {
    padding: clamp(1.25rem, 2.6vw, 2rem);
  }

  h2 {
    padding-bottom: var(--space-1);
    font: 400 var(--text-xl) / 1.2 var(--serif);
  }

  .own > p {
    padding-bottom: var(--space-5);
    color: var(--ink-soft);
    font-size: var(--text-s);
  }

  :host(:fullscreen) {
    grid-template-rows: auto minmax(0, 1fr);
    height: 100dvh;
    overflow: hidden;
  }

  :host(:fullscreen) :is(header, footer, progress-panel, file-list, .own) {
    display: none;
  }

  :host(:fullscreen) main {
    grid-template-rows: minmax(0, 1fr) auto;
    gap: var(--space-2);
    max-width: none;
    padding: 0;
  }

  :host(:fullscreen) .stage {
    max-height: none;
    aspect-ratio: auto;
    border-radius: 0;
  }

  :host(:fullscreen) .headline {
    padding: 0 var(--gutter) var(--space-2);
  }
`
