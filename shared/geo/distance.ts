import { EARTH_RADIUS_KM } from './constants.ts'
import type { GeoPoint } from './geo.ts'

/** Kilometres over the ground between two points: the great circle, by the haversine formula. */
export function distanceKm(a: GeoPoint, b: GeoPoint): number {
  const rad = Math.PI / 180
  const half = (from: number, to: number) => Math.sin(((to - from) * rad) / 2) ** 2
  const along = Math.cos(a.latitude * rad) * Math.cos(b.latitude * rad)
  const haversine = half(a.latitude, b.latitude) + along * half(a.longitude, b.longitude)
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(haversine)))
}
