import { css } from 'lit'

export const pipStyles = css`
  .pips .passed {
    fill: var(--accent);
  }

  .pips .failed {
    fill: none;
    stroke: var(--warn);
    stroke-width: 1.6;
    stroke-linecap: round;
  }

  .pips .open {
    fill: var(--line-strong);
  }

  .bar .ground {
    fill: var(--surface-deep);
  }

  .bar .done {
    fill: var(--accent);
  }
`
