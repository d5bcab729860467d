import { css } from 'lit'

/** Lists with a dot of the colour `--dot` before each item. */
export const dottedList = css`
  ul {
    display: grid;
    gap: var(--space-2);
  }

  li {
    position: relative;
    padding-inline-start: 1.1rem;
  }

  li::before {
    content: '';
    position: absolute;
    top: 0.62em;
    left: 0;
    width: 6px;
    height: 6px;
    border-radius: 50%;
    background: var(--dot);
  }
`
