/** Bounds of a geo file: whoever hands in more is refused before memory is taken for it. */
export const GEO_FILE = {
  maxBytes: 16 * 2 ** 20,
  maxCountries: 255,
  maxSystems: 2 ** 18,
  /** Of one layer: a stretch of addresses with one value. */
  maxRuns: 2 ** 20,
} as const

/** Great-circle distances: mean radius of the earth. */
export const EARTH_RADIUS_KM = 6_371
