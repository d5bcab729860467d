// What is drawn on top of the scenes with a 2D pen: scraps of a torn coat that fly up to a lantern, and motes in the air.

const chance = (n) => {
  const x = Math.sin(n * 127.1 + 11.7) * 43758.5453
  return x - Math.floor(x)
}
const between = (from, to, t) => Math.min(Math.max((t - from) / (to - from), 0), 1)
const css = ([r, g, b], alpha) => `rgba(${r * 255}, ${g * 255}, ${b * 255}, ${alpha})`

function spark(pen, x, y, size, colour, alpha) {
  const shade = pen.createRadialGradient(x, y, 0, x, y, size)
  shade.addColorStop(0, css(colour, alpha))
  shade.addColorStop(0.3, css(colour, alpha * 0.35))
  shade.addColorStop(1, css(colour, 0))
  pen.fillStyle = shade
  pen.fillRect(x - size, y - size, size * 2, size * 2)
}

/** Scraps of the coat leave the light (middle of the picture) and rise out of sight past the lantern. */
function scraps(pen, time, cue, colours, { widthPx, heightPx }) {
  for (const [k, at] of cue.lanterns.entries()) {
    const age = time - at
    if (age < -0.2 || age > 3.2) continue
    for (let i = 0; i < 70; i++) {
      const seed = k * 100 + i
      const life = between(0.05 + chance(seed) * 0.8, 1.5 + chance(seed + 0.3) * 1.5, age)
      if (life <= 0 || life >= 1) continue
      const angle = chance(seed + 0.5) * Math.PI * 2
      const out = (70 + 130 * chance(seed + 0.7)) * (1 - (1 - life) ** 2)
      const curl = Math.sin(life * 5 + seed) * 26
      const x = widthPx / 2 + Math.cos(angle) * out * (1 - life * 0.55) + curl
      const y = heightPx * 0.545 + Math.sin(angle) * out * (1 - life) - life * life * 420
      spark(pen, x, y, 5 + 11 * chance(seed + 0.9), colours[k], 0.85 * Math.sin(life * Math.PI))
    }
  }
}

/** Motes of damp that drift towards the eye in the tunnel. */
function motes(pen, time, cue, { widthPx, heightPx }) {
  const seen =
    between(cue.tunnelIn + 2, cue.tunnelIn + 4, time) * (1 - between(cue.daylight - 2, cue.daylight, time))
  if (seen <= 0) return
  for (let i = 0; i < 36; i++) {
    const run = (time * (0.05 + 0.05 * chance(i)) + chance(i + 0.2)) % 1
    const near = 1 / (1.06 - run)
    const angle = chance(i + 0.4) * Math.PI * 2 + Math.sin(time * 0.3 + i) * 0.2
    const x = widthPx / 2 + Math.cos(angle) * 60 * near * (0.4 + chance(i + 0.6))
    const y = heightPx / 2 + Math.sin(angle) * 40 * near * (0.4 + chance(i + 0.8))
    spark(pen, x, y, 1.2 + near * 0.55, [0.75, 0.8, 0.7], 0.16 * seen * Math.sin(run * Math.PI))
  }
}

/** Fireflies over the brook. */
function fireflies(pen, time, cue, { widthPx, heightPx }) {
  const seen =
    between(cue.brookIn + 1, cue.brookIn + 3, time) *
    (1 - between(cue.culvertMouth - 2, cue.culvertMouth - 0.5, time))
  if (seen <= 0) return
  for (let i = 0; i < 22; i++) {
    const side = chance(i) < 0.5 ? -1 : 1
    const run = (time * 0.055 * (0.6 + chance(i + 0.1)) + chance(i + 0.3)) % 1
    const near = 1 / (1.12 - run)
    const x =
      widthPx / 2 + side * (60 + 90 * chance(i + 0.5)) * near + Math.sin(time * 0.9 + i * 2) * 12 * near
    const y = heightPx * 0.6 + (chance(i + 0.7) - 0.45) * 70 * near + Math.sin(time * 1.3 + i) * 6 * near
    const blink = Math.max(0, Math.sin(time * (0.9 + chance(i + 0.9)) + i * 3)) ** 2
    spark(pen, x, y, 3 + near * 1.5, [0.85, 0.95, 0.4], 0.7 * seen * blink * Math.sin(run * Math.PI))
  }
}

export function decorations({ cue, layerColours, size }) {
  return (pen, time) => {
    fireflies(pen, time, cue, size)
    motes(pen, time, cue, size)
    scraps(pen, time, cue, layerColours, size)
  }
}
