import type { Family, KademliaStatus } from './api.ts'
import { type Meter, share } from './meter.ts'
import type { Server } from './server.ts'
import { type Side, sideOf } from './side.ts'

/** The numbers of K-10. */
export function statusOf(
  sides: readonly Side[],
  meter: Meter,
  server: Server,
  running: number,
): KademliaStatus {
  const table = (family: Family) => sideOf(sides, family)?.table
  return {
    nodeId: sides[0]?.id ?? new Uint8Array(),
    ownAddresses: sides.flatMap(({ ownAddress }) => ownAddress ?? []),
    nodes: { ipv4: table('ipv4')?.size ?? 0, ipv6: table('ipv6')?.size ?? 0 },
    buckets: { ipv4: table('ipv4')?.bucketCount ?? 0, ipv6: table('ipv6')?.bucketCount ?? 0 },
    networkSize: Math.round(Math.max(0, ...sides.map(({ size }) => size.estimate))),
    lookups: {
      running,
      completed: meter.lookups,
      successRate: share(meter.successes, meter.lookups),
      meanMs: share(meter.lookupSumMs, meter.lookups),
    },
    meanLatencyMs: share(meter.latencySumMs, meter.latencies),
    availability: share(meter.answered, meter.answered + meter.unanswered),
    queriesPerSecond: { in: meter.in.perSecond(), out: meter.out.perSecond() },
    cacheHitRate: share(meter.cacheHits, meter.cacheHits + meter.cacheMisses),
    errorRate: share(meter.failed, meter.sent),
    stored: {
      infoHashes: server.peers.infoHashes,
      peers: server.peers.size,
      items: server.items.size,
      itemBytes: server.items.bytes,
    },
  }
}
