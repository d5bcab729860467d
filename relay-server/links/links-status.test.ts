import { describe, expect, it } from 'vitest'
import type { BandwidthStatus } from '../../shared/link/bandwidth.ts'
import type { KeeperStatus, LinkHealth, WireHealth } from '../../shared/link/health.ts'
import { linksStatusOf } from './links-status.ts'

const TRAFFIC = { messagesIn: 1, messagesOut: 2, bytesIn: 300, bytesOut: 400 }

const BANDWIDTH: BandwidthStatus = {
  rateBytesPerSecond: undefined,
  burstBytes: undefined,
  monthlyBytes: undefined,
  monthBytesIn: 300,
  monthBytesOut: 400,
  sleeping: false,
}

const wire = (latencyMs: number | undefined): WireHealth => ({
  ...TRAFFIC,
  kind: 'tcp',
  status: 'open',
  binding: 1,
  initiated: true,
  latencyMs,
  lastSeenMs: 0.4523419999999,
  ageMs: 12_345.678999999538,
})

function keeperStatus(...wires: WireHealth[]): KeeperStatus {
  const neighbour: LinkHealth = {
    ...TRAFFIC,
    status: 'open',
    kinds: ['tcp'],
    latencyMs: wires[0]?.latencyMs,
    lastSeenMs: 0.4523419999999,
    authenticated: true,
    inUse: false,
    wires,
    number: 1,
    priority: 2,
  }
  const counts = { links: 1, connecting: 0, minLinks: 3, maxLinks: 10, pages: 0, maxPages: 100 }
  return { ...counts, sleeping: false, neighbours: [neighbour] }
}

describe('how a relay’s links stand (L-07, N-13)', () => {
  it('is told in thousandths of a millisecond at most, the means too', () => {
    const status = linksStatusOf(keeperStatus(wire(0.1234567891234567), wire(1 / 3)), BANDWIDTH)
    expect(status.neighbours[0]).toMatchObject({ latencyMs: 0.123, lastSeenMs: 0.452 })
    expect(status.neighbours[0]?.wires[1]).toMatchObject({ latencyMs: 0.333, ageMs: 12_345.679 })
    expect(status.kinds.tcp?.latencyMs).toBe(0.228)
    expect(JSON.stringify(status)).not.toMatch(/\.\d{4}/)
  })

  it('sums up the connections of each kind, and has no mean where nothing was measured', () => {
    const { kinds, bandwidth } = linksStatusOf(keeperStatus(wire(undefined), wire(undefined)), BANDWIDTH)
    expect(kinds).toEqual({
      tcp: { wires: 2, messagesIn: 2, messagesOut: 4, bytesIn: 600, bytesOut: 800 },
    })
    expect(bandwidth).toEqual({ monthBytesIn: 300, monthBytesOut: 400, sleeping: false })
  })
})
