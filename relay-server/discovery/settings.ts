import { type Address, addressOf, type IpAddress } from '../../shared/bytes/address.ts'
import type { ByMethod, SourceIntervals } from '../../shared/discovery/constants.ts'
import type { RelayConfig } from '../config.ts'
import { isLoopback } from '../endpoints.ts'
import { DHT_ROUTERS } from './constants.ts'

/** A copy of plain data with fractions to three places, as people read them. */
export function rounded<T>(value: T): T {
  const text = JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'number' ? Math.round(each * 1000) / 1000 : each,
  )
  return JSON.parse(text) as T
}

/** Routers that a relay may ask: its operator's own, and the well-known ones unless it lives on this machine alone. */
export function routersOf(config: RelayConfig): readonly string[] {
  const { routers, defaultRouters } = config.discovery.dht
  return defaultRouters && !isLocal(config) ? [...routers, ...DHT_ROUTERS] : routers
}

/** Whether a relay is never to send beyond this machine by itself. */
function isLocal(config: RelayConfig): boolean {
  const host: Address = addressOf(config.udp.host, 0)
  return config.lab || isLoopback(host)
}

/**
 * The UDP port that trackers are told. They name whoever asks: a relay that nobody can reach tells port 9 (discard), where nobody
 * looks for a relay.
 * @param addresses where others reach us; undefined until known
 */
export function announcedPort(addresses: readonly IpAddress[] | undefined, boundPort: number): number {
  if (addresses === undefined) return boundPort
  return addresses[0]?.port ?? UNREACHABLE_PORT
}

const UNREACHABLE_PORT = 9

/** When each source runs again. */
export function intervalsOf(config: RelayConfig): ByMethod<SourceIntervals> {
  const { leastSeconds, mostSeconds } = config.discovery
  const leastMs = 1000 * leastSeconds
  const mostMs = 1000 * Math.max(leastSeconds, mostSeconds)
  const eagerMs = Math.min(8 * leastMs, mostMs)
  const exchangeMs = 1000 * config.exchangeSeconds
  // Quickly at first, so that a small network knows itself within a second or two.
  const rounds = { firstMs: 250, leastMs: exchangeMs / 4, eagerMs: exchangeMs, mostMs: exchangeMs }
  const outside = { firstMs: 1_000, leastMs, eagerMs, mostMs }
  return { dht: outside, tracker: outside, exchange: rounds, bootstrap: rounds }
}
