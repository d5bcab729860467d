import { css } from 'lit'

/* Each relay is a line of columns where there is room, and a small block of lines where there is not. */
export const relayListStyles = css`
  :host {
    container-type: inline-size;
  }

  section {
    padding: var(--space-5) var(--space-2) var(--space-3);
  }

  h2 {
    padding: 0 var(--space-4) var(--space-4);
    font-size: var(--text-l);
  }

  .count {
    padding-inline-start: var(--space-1);
    color: var(--ink-soft);
    font-weight: 400;
    font-variant-numeric: tabular-nums;
  }

  .filter {
    display: grid;
    grid-template-columns: 1fr 1fr;
    gap: var(--space-3);
    padding: 0 var(--space-4) var(--space-4);
  }

  .search {
    grid-column: 1 / -1;
  }

  .none {
    padding: var(--space-4);
    color: var(--ink-soft);
    font-size: var(--text-s);
  }

  li {
    border-top: 1px solid var(--line);
  }

  li.open {
    border-radius: var(--radius-s);
    background: color-mix(in srgb, var(--surface-deep) 45%, var(--surface));
  }

  h3 {
    font: inherit;
  }

  button.row {
    display: grid;
    grid-template-columns: minmax(0, 1fr) auto 16px;
    grid-template-areas:
      'who standing arrow'
      'checks reputation arrow'
      'use speed arrow';
    align-items: center;
    justify-content: stretch;
    gap: var(--space-1) var(--space-3);
    width: 100%;
    min-height: 60px;
    padding: var(--space-3) var(--space-4);
    border: 0;
    border-radius: var(--radius-s);
    font-weight: 400;
    line-height: 1.35;
    text-align: start;
    white-space: normal;
  }

  button.row:hover {
    background: color-mix(in srgb, var(--accent) 6%, transparent);
    color: var(--ink);
  }

  button.row:focus-visible {
    outline-offset: -3px;
  }

  .who {
    grid-area: who;
    display: grid;
    min-width: 0;
  }

  .name {
    overflow: hidden;
    font-size: var(--text-m);
    font-weight: 600;
    text-overflow: ellipsis;
    white-space: nowrap;
  }

  .place,
  .speed,
  .use,
  .checks > span,
  .reputation > span {
    color: var(--ink-soft);
    font-size: var(--text-xs);
    font-variant-numeric: tabular-nums;
  }

  .standing {
    grid-area: standing;
    justify-self: end;
    padding: 3px 10px;
    border: 1px solid var(--line-strong);
    border-radius: 999px;
    font-size: var(--text-xs);
    white-space: nowrap;
  }

  .trusted {
    border-color: var(--accent);
    color: var(--accent);
  }

  .suspect {
    border-color: var(--warn);
    border-style: dashed;
    color: var(--warn);
  }

  .blocked {
    border-color: var(--warn);
    background: var(--warn-surface);
    color: var(--warn);
  }

  .checks,
  .reputation {
    display: flex;
    align-items: center;
    gap: var(--space-2);
  }

  .checks {
    grid-area: checks;
  }

  .reputation {
    grid-area: reputation;
    justify-self: end;
  }

  .speed {
    grid-area: speed;
    justify-self: end;
    white-space: nowrap;
  }

  .use {
    grid-area: use;
  }

  .arrow {
    grid-area: arrow;
    justify-self: end;
    width: 8px;
    height: 8px;
    margin-inline-end: 2px;
    border: solid var(--ink-soft);
    border-width: 0 2px 2px 0;
    rotate: 45deg;
    translate: 0 -2px;
    transition: rotate 140ms;
  }

  [aria-expanded='true'] .arrow {
    rotate: 225deg;
    translate: 0 2px;
  }

  .more {
    display: flex;
    margin: var(--space-4) auto var(--space-2);
  }

  @container (min-width: 620px) {
    .filter {
      grid-template-columns: 2fr repeat(3, minmax(0, 1fr));
    }

    .search {
      grid-column: auto;
    }
  }

  @container (min-width: 900px) {
    button.row {
      grid-template-columns: minmax(0, 1fr) 8.5rem 9rem 7.5rem 7.5rem 10.5rem 16px;
      grid-template-areas: 'who standing checks reputation speed use arrow';
      column-gap: var(--space-4);
    }

    .standing,
    .reputation {
      justify-self: start;
    }
  }
`
