import {
  FLAG_EXIT_BITTORRENT,
  FLAG_EXIT_HTTP,
  FLAG_EXIT_IPV8,
  FLAG_EXIT_STREAM,
  FLAG_RELAY,
  FLAG_SPEED_TEST,
} from '../shared/ipv8/constants.ts'
import type { RelayConfig } from './config.ts'

type ExitKinds = Pick<RelayConfig['exit'], 'enabled' | 'bittorrent' | 'ipv8' | 'tcp'>

/** What stock peers of the tunnel community are told that this relay does. */
export function flagsOf({ enabled, bittorrent, ipv8, tcp }: ExitKinds): number {
  const exitFlags =
    (bittorrent ? FLAG_EXIT_BITTORRENT : 0) | (ipv8 ? FLAG_EXIT_IPV8 : 0) | (tcp ? FLAG_EXIT_HTTP : 0)
  return FLAG_RELAY | FLAG_SPEED_TEST | (enabled ? exitFlags : 0)
}

/** What pages are told besides: whether streams end here in TCP. */
export function descriptorFlagsOf(exit: ExitKinds): number {
  return exit.enabled && exit.tcp ? flagsOf(exit) | FLAG_EXIT_STREAM : flagsOf(exit)
}
