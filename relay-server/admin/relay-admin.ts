import type { Counters } from '../../shared/world/counters.ts'
import type { Random } from '../../shared/world/random.ts'
import type { RelayConfig } from '../config.ts'
import type { Relay } from '../relay.ts'
import { AdminServer } from './admin-server.ts'
import { relayRows } from './relay-rows.ts'
import { loadOrCreateToken } from './token.ts'

export interface RelayAdminOptions {
  readonly config: Pick<RelayConfig, 'admin'>
  readonly random: Random
  readonly counters: Counters
  /** Started. */
  readonly relay: Pick<Relay, 'directory' | 'trust' | 'discovery' | 'status' | 'linksStatus'>
}

/** Starts the admin API of a relay, if it is switched on. @throws CulvertError `admin-bind`, `admin-token-...` */
export async function startAdmin(options: RelayAdminOptions): Promise<AdminServer | undefined> {
  const { config, random, counters, relay } = options
  const { enabled, host, port, tokenFile } = config.admin
  if (!enabled) return undefined
  const { directory } = relay
  const { book } = relay.trust
  const server = new AdminServer({
    host,
    port,
    token: await loadOrCreateToken(tokenFile, random),
    counters,
    status: () => relay.status(),
    discovery: () => ({
      status: relay.discovery?.status(),
      lastRuns: relay.discovery?.discovery.lastRuns ?? [],
    }),
    run: (method, done) => relay.discovery?.discovery.runNow(method, done) ?? false,
    relays: () => relayRows(directory, book),
    links: () => relay.linksStatus(),
    mark: (mid, mark) => {
      book.markByHand(mid, mark === 'block' ? 'blocked' : mark === 'trust' ? 'trusted' : undefined)
      if (mark === 'block') directory.drop(mid)
    },
  })
  await server.start()
  return server
}
