import { describe, expect, it } from 'vitest'
import { metricsOf } from './metrics.ts'

describe("a relay's status as metrics (D-08, K-10, L-07)", () => {
  it('names each number by its place, and things of one kind by a label', () => {
    const text = metricsOf({
      state: 'joined',
      peers: 5,
      relayOnly: false,
      discovery: {
        relaysProven: 4,
        methods: {
          dht: { attempted: 8, last: { ms: 6, success: true } },
          tracker: { attempted: 1, last: undefined },
        },
        dht: { nodes: { ipv4: 6 }, lookups: { successRate: 0.98 }, cacheHitRate: Number.NaN },
      },
      links: {
        links: 2,
        kinds: { tcp: { wires: 2, bytesIn: 7 }, udp: { wires: 1, bytesIn: 5 } },
        neighbours: [
          { number: 4, status: 'open', kinds: ['tcp'], latencyMs: 3, inUse: true, wires: [{ bytesIn: 1 }] },
          { number: 7, status: 'open', kinds: [], latencyMs: undefined, inUse: false, wires: [] },
        ],
      },
      counters: { 'udp-received': 2560, 'odd"name': 1 },
    })
    expect(text.split('\n')).toEqual([
      '# TYPE culvert_peers gauge',
      'culvert_peers 5',
      '# TYPE culvert_relay_only gauge',
      'culvert_relay_only 0',
      '# TYPE culvert_discovery_relays_proven gauge',
      'culvert_discovery_relays_proven 4',
      '# TYPE culvert_discovery_methods_attempted gauge',
      'culvert_discovery_methods_attempted{method="dht"} 8',
      'culvert_discovery_methods_attempted{method="tracker"} 1',
      '# TYPE culvert_discovery_methods_last_ms gauge',
      'culvert_discovery_methods_last_ms{method="dht"} 6',
      '# TYPE culvert_discovery_methods_last_success gauge',
      'culvert_discovery_methods_last_success{method="dht"} 1',
      '# TYPE culvert_discovery_dht_nodes_ipv4 gauge',
      'culvert_discovery_dht_nodes_ipv4 6',
      '# TYPE culvert_discovery_dht_lookups_success_rate gauge',
      'culvert_discovery_dht_lookups_success_rate 0.98',
      '# TYPE culvert_links_links gauge',
      'culvert_links_links 2',
      '# TYPE culvert_links_kinds_wires gauge',
      'culvert_links_kinds_wires{kind="tcp"} 2',
      'culvert_links_kinds_wires{kind="udp"} 1',
      '# TYPE culvert_links_kinds_bytes_in gauge',
      'culvert_links_kinds_bytes_in{kind="tcp"} 7',
      'culvert_links_kinds_bytes_in{kind="udp"} 5',
      '# TYPE culvert_links_neighbours_latency_ms gauge',
      'culvert_links_neighbours_latency_ms{link="4"} 3',
      '# TYPE culvert_links_neighbours_in_use gauge',
      'culvert_links_neighbours_in_use{link="4"} 1',
      'culvert_links_neighbours_in_use{link="7"} 0',
      '# TYPE culvert_events_total counter',
      'culvert_events_total{event="udp-received"} 2560',
      'culvert_events_total{event="odd_name"} 1',
      '',
    ])
  })

  it('says nothing of a relay that has no status', () => {
    expect(metricsOf({})).toBe('')
  })
})
