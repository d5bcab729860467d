import { css } from 'lit'

/** Buttons and cards. */
export const controls = css`
  button,
  .button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: var(--space-2);
    min-height: 44px;
    padding: 0 var(--space-4);
    border: 1px solid var(--line-strong);
    border-radius: 999px;
    background: transparent;
    color: var(--ink);
    font: 500 var(--text-s) / 1 var(--sans);
    text-decoration: none;
    white-space: nowrap;
    cursor: pointer;
    transition:
      background-color 140ms,
      border-color 140ms,
      color 140ms;
  }

  button:hover,
  .button:hover {
    border-color: var(--accent);
    color: var(--accent);
    background: color-mix(in srgb, var(--accent) 8%, transparent);
  }

  button.primary,
  .button.primary {
    border-color: transparent;
    background: var(--accent);
    color: var(--on-accent);
    font-weight: 600;
  }

  button.primary:hover,
  .button.primary:hover {
    background: var(--accent-strong);
  }

  button.quiet,
  .button.quiet {
    border-color: transparent;
    color: var(--ink-soft);
  }

  button.quiet:hover,
  .button.quiet:hover {
    color: var(--ink);
    background: var(--surface-deep);
  }

  button.icon,
  .button.icon {
    width: 44px;
    padding: 0;
  }

  button.small,
  .button.small {
    min-height: 34px;
    padding: 0 var(--space-3);
    font-size: var(--text-xs);
  }

  button[disabled] {
    opacity: 0.55;
    cursor: default;
    pointer-events: none;
  }

  .card {
    border: 1px solid var(--line);
    border-radius: var(--radius-m);
    background: var(--surface);
  }
`
