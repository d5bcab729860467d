import {
  FLAG_EXIT_BITTORRENT,
  FLAG_EXIT_HTTP,
  FLAG_EXIT_IPV8,
  FLAG_EXIT_STREAM,
  FLAG_RELAY,
  FLAG_SPEED_TEST,
} from '../shared/ipv8/constants.ts'
import type { RelayConfig } from './config.ts'

type ExitKinds = Pick<RelayConfig['exit'], 'enabled' | 'bittorrent' | 'ipv8' | 'tcp' | 'http'>

/** Whether an exit asks trackers by HTTP for circuits: one for TCP does, unless it is told otherwise. */
export function asksTrackers({ tcp, http }: Pick<ExitKinds, 'tcp' | 'http'>): boolean {
  return http ?? tcp
}

/** What stock peers of the tunnel community are told that this relay does. */
export function flagsOf(exit: ExitKinds): number {
  const exitFlags =
    (exit.bittorrent ? FLAG_EXIT_BITTORRENT : 0) |
    (exit.ipv8 ? FLAG_EXIT_IPV8 : 0) |
    (asksTrackers(exit) ? FLAG_EXIT_HTTP : 0)
  return FLAG_RELAY | FLAG_SPEED_TEST | (exit.enabled ? exitFlags : 0)
}

/** What pages are told besides: whether streams end here in TCP. */
export function descriptorFlagsOf(exit: ExitKinds): number {
  return exit.enabled && exit.tcp ? flagsOf(exit) | FLAG_EXIT_STREAM : flagsOf(exit)
}
