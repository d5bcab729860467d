/** What the build uses of topojson-client, which has no types of its own. */
declare module 'topojson-client' {
  export type Ring = readonly (readonly [longitude: number, latitude: number])[]
  export interface Feature {
    readonly id?: string
    readonly properties: { readonly name: string }
    readonly geometry:
      | { readonly type: 'Polygon'; readonly coordinates: readonly Ring[] }
      | { readonly type: 'MultiPolygon'; readonly coordinates: readonly (readonly Ring[])[] }
  }
  export interface Topology {
    readonly objects: Readonly<Record<string, unknown>>
  }
  export function feature(topology: Topology, object: unknown): { readonly features: readonly Feature[] }
}
