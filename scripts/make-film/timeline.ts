/** The film's clock: every picture, sound and subtitle takes its times (seconds) from here. */
export const film = {
  widthPx: 1280,
  heightPx: 720,
  framesPerSecond: 24,
  lengthS: 80,
  sampleRateHz: 48_000,
} as const

/** When something happens, in seconds from the first frame. */
export const cue = {
  dropLets: 2.2,
  dropLands: 3.6,
  dropLandsAgain: 4.75,
  titleIn: 4.6,
  titleOut: 11.4,
  brookIn: 13,
  culvertMouth: 27.6,
  tunnelIn: 27.4,
  wraps: [31, 33.4, 35.8],
  lanterns: [42.5, 50.5, 58.5],
  daylight: 64.2,
  seaIn: 64,
  closingIn: 69.5,
  closingOut: 77,
  blackFrom: 77.4,
} as const

/** Colours of the three layers, outermost first: linear light, 0 to 1. */
export const layerColours = [
  [1, 0.33, 0.27],
  [1, 0.66, 0.22],
  [0.16, 0.86, 0.78],
] as const

/** The same facts as GLSL constants, put in front of every shader. */
export function timelineAsGlsl(): string {
  const float = (n: number) => n.toFixed(4)
  const lines = Object.entries(cue).flatMap(([name, at]) =>
    typeof at === 'number'
      ? [`const float T_${name} = ${float(at)};`]
      : [`const float T_${name}[${at.length}] = float[](${at.map(float).join(', ')});`],
  )
  const colours = layerColours.map((c) => `vec3(${c.map(float).join(', ')})`).join(', ')
  return [...lines, `const vec3 LAYER[3] = vec3[](${colours});`, ''].join('\n')
}
