/** The map of the world, drawn when the page is built (web/bundling/world-map.ts). */
declare module 'virtual:world-map' {
  /** Of an SVG element that shows the map. */
  export const viewBox: string
  /** All land as one path. */
  export const land: string
  /** Where a dot for each country stands, by ISO 3166-1 alpha-2 code. */
  export const countries: Readonly<Record<string, readonly [x: number, y: number]>>
}
