import { css } from 'lit'

/** The card in which a visitor asks for help with a way in, or gives it. */
export const bridgeCardStyles = css`
  section {
    display: grid;
    gap: var(--space-3);
    padding: var(--space-5);
    font-size: var(--text-s);
  }

  h2 {
    font-size: var(--text-m);
    font-weight: 600;
  }

  @media (max-width: 560px) {
    section {
      padding: var(--space-4);
    }
  }
`
