import { css } from 'lit'

/* The drawing's long axis is the row's direction; wide containers lay it across, narrow ones let it run down. */
export const ribbonStyles = css`
  :host {
    container-type: inline-size;
    --wall: 9px;
    --bore: 18px;
  }

  .layers-0 { --layers: 0; }
  .layers-1 { --layers: 1; }
  .layers-2 { --layers: 2; }
  .layers-3 { --layers: 3; }
  .layer-0 { --depth: 0; }
  .layer-1 { --depth: 1; }
  .layer-2 { --depth: 2; }

  .segment,
  .ring {
    --across: calc(var(--bore) + 2 * var(--wall) * var(--layers));
  }

  ol {
    display: grid;
    grid-auto-flow: column;
    grid-auto-columns: minmax(0, 1fr);
  }

  li {
    display: flex;
    flex-direction: column;
    align-items: center;
    min-width: 0;
    text-align: center;
  }

  .drawing {
    position: relative;
    display: grid;
    place-items: center;
    align-self: stretch;
    height: 100px;
  }

  .segment {
    position: absolute;
    top: 50%;
    left: 50%;
    width: 100%;
    height: var(--across);
    translate: 0 -50%;
  }

  .layer {
    position: absolute;
    inset: calc(var(--depth) * var(--wall)) 0;
    border-block: 1.5px solid color-mix(in srgb, var(--accent) 55%, var(--surface));
    background: color-mix(in srgb, var(--accent) 9%, transparent);
    transition:
      border-color 500ms,
      background-color 500ms;
  }

  .water {
    position: absolute;
    inset: calc(50% - 3px) 0;
    overflow: hidden;
    border-radius: 3px;
    background: color-mix(in srgb, var(--accent) 75%, var(--surface));
  }

  .water::after {
    content: '';
    position: absolute;
    inset: 0;
    background: linear-gradient(90deg, transparent, color-mix(in srgb, var(--ink) 55%, var(--accent)), transparent);
    background-size: 40% 100%;
    background-repeat: no-repeat;
    background-position: -70% 0;
    opacity: 0.55;
  }

  .to-waiting .layer,
  .to-extending .layer {
    border-block: 1.5px dashed var(--line-strong);
    background: transparent;
    opacity: 0.55;
  }

  .to-waiting .water {
    background: transparent;
  }

  .to-waiting .water::after,
  .to-failed .water::after {
    content: none;
  }

  .to-failed .layer {
    border-color: var(--warn);
    border-block-style: dashed;
    background: transparent;
  }

  .to-failed .water {
    background: transparent;
  }

  .to-extending .water {
    background: color-mix(in srgb, var(--accent) 22%, transparent);
  }

  .to-extending .water::after {
    background-image: linear-gradient(90deg, transparent, var(--accent), transparent);
    opacity: 1;
    animation: flow 1.3s linear infinite;
  }

  .building .to-proven .water::after {
    animation: flow 2.4s linear infinite;
  }

  .ready .water::after {
    animation: flow 7s linear infinite;
  }

  .ring {
    --along: 22px;
    position: relative;
    width: var(--along);
    height: calc(var(--across) + 12px);
    border: 2.5px solid var(--accent);
    border-radius: 50%;
    background: var(--surface);
    box-shadow: inset 0 0 0 4px color-mix(in srgb, var(--accent) 16%, var(--surface));
    transition: border-color 500ms;
  }

  .waiting > .drawing > .ring {
    border: 2px dashed var(--line-strong);
    box-shadow: none;
  }

  .failed > .drawing > .ring {
    border-color: var(--warn);
    box-shadow: none;
  }

  .extending > .drawing > .ring,
  .unproven > .drawing > .ring {
    animation: ring 1.6s ease-in-out infinite;
  }

  .you .ring {
    --along: 30px;
  }

  .swarm .ring {
    width: 44px;
    height: 44px;
    border-style: dotted;
    border-width: 4px;
    box-shadow: none;
  }

  .words {
    display: grid;
    justify-items: center;
    gap: 1px;
    max-width: 100%;
    padding: var(--space-2) 4px 0;
    font-size: var(--text-xs);
    line-height: 1.45;
  }

  .title {
    color: var(--ink-soft);
  }

  .name {
    max-width: 100%;
    overflow: hidden;
    font-size: var(--text-s);
    font-weight: 600;
    text-overflow: ellipsis;
    white-space: nowrap;
  }

  .waiting .name {
    color: var(--ink-soft);
    font-weight: 400;
  }

  .you .address {
    color: var(--ink-soft);
  }

  .address {
    font-variant-numeric: tabular-nums;
    overflow-wrap: anywhere;
  }

  .state {
    color: var(--accent);
  }

  .waiting .state {
    color: var(--ink-soft);
  }

  .failed .state {
    color: var(--warn);
  }

  .latency {
    color: var(--ink-soft);
    font-variant-numeric: tabular-nums;
  }

  @keyframes flow {
    from {
      background-position: -70% 0;
    }
    to {
      background-position: 170% 0;
    }
  }

  @keyframes ring {
    50% {
      box-shadow: 0 0 0 7px color-mix(in srgb, var(--accent) 18%, transparent);
    }
  }

  @container (max-width: 599px) {
    ol {
      grid-auto-flow: row;
      grid-auto-rows: 1fr;
      height: 100%;
    }

    li {
      flex-direction: row;
      align-items: stretch;
      gap: var(--space-4);
      min-height: 88px;
      text-align: start;
    }

    /* The last place has no way onward to draw. */
    ol:has(> li:nth-child(3):last-child) {
      grid-template-rows: 1fr 1fr 56px;
    }

    ol:has(> li:nth-child(4):last-child) {
      grid-template-rows: 1fr 1fr 1fr 56px;
    }

    ol:has(> li:nth-child(5):last-child) {
      grid-template-rows: 1fr 1fr 1fr 1fr 56px;
    }

    li:last-child {
      min-height: 0;
    }

    .drawing {
      flex: none;
      place-items: start center;
      width: 84px;
      height: auto;
      padding-top: 10px;
    }

    .segment {
      top: 22px;
      left: 50%;
      width: var(--across);
      height: 100%;
      translate: -50% 0;
    }

    .layer {
      inset: 0 calc(var(--depth) * var(--wall));
      border-block: 0;
      border-inline: 1.5px solid color-mix(in srgb, var(--accent) 55%, var(--surface));
    }

    .to-waiting .layer,
    .to-extending .layer {
      border-block: 0;
      border-inline: 1.5px dashed var(--line-strong);
    }

    .to-failed .layer {
      border-inline: 1.5px dashed var(--warn);
    }

    .water {
      inset: 0 calc(50% - 3px);
    }

    .water::after {
      background-image: linear-gradient(transparent, color-mix(in srgb, var(--ink) 55%, var(--accent)), transparent);
      background-size: 100% 40%;
      background-position: 0 -70%;
    }

    .to-extending .water::after {
      background-image: linear-gradient(transparent, var(--accent), transparent);
    }

    .to-extending .water::after,
    .building .to-proven .water::after,
    .ready .water::after {
      animation-name: fall;
    }

    .ring {
      width: calc(var(--across) + 12px);
      height: var(--along);
    }

    .swarm .ring {
      width: 40px;
      height: 40px;
    }

    .words {
      justify-items: start;
      align-content: start;
      padding: 6px 0 var(--space-3);
    }
  }

  @keyframes fall {
    from {
      background-position: 0 -70%;
    }
    to {
      background-position: 0 170%;
    }
  }
`
