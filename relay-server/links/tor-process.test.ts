import { describe, expect, it } from 'vitest'
import { freePorts } from './tor-process.fixture.ts'

describe('ports for a Tor network of this machine (L-02)', () => {
  it('are given once each, though nobody listens there yet', async () => {
    const ports = [...(await freePorts(500)), ...(await freePorts(500))]
    expect(new Set(ports).size).toBe(1_000)
    expect(Math.min(...ports)).toBeGreaterThanOrEqual(10_000)
    expect(Math.max(...ports)).toBeLessThan(30_000)
  })
})
