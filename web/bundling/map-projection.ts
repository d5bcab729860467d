import type { GeoPoint } from '../../shared/geo/geo.ts'

/**
 * The Natural Earth projection in its polynomial form (Savric, Jenny, Patterson, Petrovic, Hurni 2011): the whole earth without
 * the stretched poles of a plain grid. Of the unit sphere: x east, y north.
 */
export function naturalEarth({ latitude, longitude }: GeoPoint): readonly [x: number, y: number] {
  const phi = (latitude * Math.PI) / 180
  const phi2 = phi * phi
  const phi4 = phi2 * phi2
  const width = 0.8707 - 0.131979 * phi2 + phi4 * (-0.013791 + phi4 * phi2 * (0.003971 - 0.001529 * phi2))
  const height = 1.007226 + phi2 * (0.015085 + phi4 * (-0.044475 + 0.028874 * phi2 - 0.005916 * phi4))
  return [((longitude * Math.PI) / 180) * width, phi * height]
}

type Point = readonly [x: number, y: number]

/** The points of a line without those nearer than `tolerance` to the line between their neighbours (Douglas and Peucker 1973). */
export function simplified(line: readonly Point[], tolerance: number): readonly Point[] {
  const keep = new Set([0, line.length - 1])
  const spans: [number, number][] = [[0, line.length - 1]]
  for (let span = spans.pop(); span !== undefined; span = spans.pop()) {
    const [from, to] = span
    let [far, distance] = [from, tolerance]
    for (let i = from + 1; i < to; i++) {
      const off = distanceTo(line[i] as Point, line[from] as Point, line[to] as Point)
      if (off > distance) [far, distance] = [i, off]
    }
    if (far === from) continue
    keep.add(far)
    spans.push([from, far], [far, to])
  }
  return line.filter((_, i) => keep.has(i))
}

/** From a point to the part of a line between two others. */
function distanceTo([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const [dx, dy] = [bx - ax, by - ay]
  const length2 = dx * dx + dy * dy
  const along = length2 === 0 ? 0 : Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / length2))
  return Math.hypot(x - ax - along * dx, y - ay - along * dy)
}
