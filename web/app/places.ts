/** The pages that an address names. */
export type Place = 'film' | 'relays'

/** What stands after `#` for each; the first page has none. */
const fragments: Readonly<Record<Place, string>> = { film: '', relays: 'relays' }

/** Where `location.hash` leads; what names no page leads to the first. */
export function placeOf(hash: string): Place {
  return hash === `#${fragments.relays}` ? 'relays' : 'film'
}

export function hrefOf(place: Place): string {
  return `#${fragments[place]}`
}
