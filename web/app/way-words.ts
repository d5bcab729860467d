import type { CircuitView, WayInView } from '../engine/protocol.ts'
import { formatLatency, formatWait, plural } from './formats.ts'

/** `over WebSocket to alder`, `over WebRTC to birch, introduced by alder`. */
export function wayWords({ kind, onion, name, introducedBy }: WayInView): string {
  const to = name === '' ? 'a relay' : name
  if (kind === 'bridge') return `through another visitor’s page to ${to}`
  if (kind === 'webrtc') {
    return `over WebRTC to ${to}${introducedBy === '' ? '' : `, introduced by ${introducedBy}`}`
  }
  return onion ? `over Tor to ${to}` : `over WebSocket to ${to}`
}

/** How the page is connected now, in one line; empty while it is not and nothing is to be told of that. */
export function connectionWords(ways: readonly WayInView[]): string {
  const [first] = ways
  if (first === undefined) return ''
  const open = ways.find(({ state }) => state === 'open')
  if (open) return `Connected ${wayWords(open)}`
  const name = first.name === '' ? 'the relay' : first.name
  return first.state === 'lost' ? `Lost ${name}, trying all ways to it again` : `Reconnecting to ${name}`
}

/** `Through 3 relays, 42 ms there and back`. Of a single relay nothing is said of what it knows: it knows both ends. */
export function throughWords({ hops, latencyMs }: Pick<CircuitView, 'hops' | 'latencyMs'>): string {
  const way = `Through ${plural(hops.length, 'relay')}`
  if (latencyMs !== undefined) return `${way}, ${formatLatency(latencyMs)} there and back`
  return hops.length === 1 ? way : `${way}, each knowing only its neighbours`
}

/** What of a way there is to say beside where it leads: `12 ms, for 5 min`. */
export function wayHealthWords({ state, latencyMs, ageSeconds }: WayInView): string {
  if (state === 'reconnecting') return 'reconnecting'
  if (state === 'lost') return 'lost, trying again'
  // To the minute: a line that changes every second is one that nobody can read.
  const age = ageSeconds < 60 ? 'new' : `for ${formatWait(60 * Math.floor(ageSeconds / 60))}`
  return latencyMs === undefined ? age : `${formatLatency(latencyMs)}, ${age}`
}
