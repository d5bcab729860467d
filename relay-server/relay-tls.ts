import type { Clock } from '../shared/world/clock.ts'
import type { RelayConfig } from './config.ts'
import { Certificates } from './links/certificates.ts'
import type { Log } from './log.ts'

/**
 * The certificate for all TLS servers of a relay: TCP links, and the gateway if it is to.
 * @returns undefined if none of them is on
 * @throws CertificateError; what the file system throws if it cannot be kept
 */
export async function loadCertificates(options: {
  readonly config: RelayConfig
  readonly clock: Clock
  readonly log: Log
}): Promise<Certificates | undefined> {
  const { config, clock, log } = options
  const { gateway, links, state } = config
  if (!links.tcp.enabled && !(gateway.enabled && gateway.tls)) return undefined
  return Certificates.load({ state, ...links.tls, clock, log })
}
