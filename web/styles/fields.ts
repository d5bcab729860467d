import { css } from 'lit'

/** Text fields, choices and switches with their labels. */
export const fields = css`
  .field {
    display: grid;
    gap: var(--space-1);
    min-width: 0;
    color: var(--ink-soft);
    font-size: var(--text-xs);
  }

  .field input,
  .field select {
    width: 100%;
    min-width: 0;
    height: 44px;
    padding: 0 var(--space-4);
    border: 1px solid var(--line-strong);
    border-radius: 999px;
    background-color: var(--surface);
    color: var(--ink);
    font: 400 var(--text-s) / 1 var(--sans);
    text-overflow: ellipsis;
  }

  .field select {
    appearance: none;
    padding-inline-end: var(--space-6);
    background-image:
      linear-gradient(45deg, transparent 50%, var(--ink-soft) 50%),
      linear-gradient(-45deg, transparent 50%, var(--ink-soft) 50%);
    background-position:
      calc(100% - 20px) 50%,
      calc(100% - 15px) 50%;
    background-size: 5px 5px;
    background-repeat: no-repeat;
    cursor: pointer;
  }

  .field option {
    background: var(--surface);
    color: var(--ink);
  }

  .field :is(input, select):focus-visible {
    border-color: var(--accent);
    outline-offset: 1px;
  }

  .switch {
    display: flex;
    align-items: flex-start;
    gap: var(--space-3);
    min-height: 32px;
    font-size: var(--text-s);
    cursor: pointer;
  }

  .switch input {
    flex: none;
    width: 1.25rem;
    height: 1.25rem;
    margin: 0.1rem 0 0;
    accent-color: var(--accent);
  }
`
