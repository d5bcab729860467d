import { describe, expect, it } from 'vitest'
import type { WalkStatus } from '../shared/ipv8/walker.ts'
import { WalkReport } from './walk-report.ts'

describe('what the log says of the walk (N-06, N-10, N-13)', () => {
  const lines: string[] = []
  const write = (line: string) => lines.push(line)
  const report = new WalkReport({ error: write, info: write, debug: write })
  const note = (view: Partial<WalkStatus>): string[] => {
    report.note({ state: 'joined', peers: 1, nat: 'unknown', bootstrapKnown: 13, ...view })
    return lines.splice(0)
  }

  it('is a line for each change of state, and none for what stays', () => {
    expect(note({ state: 'starting', peers: 0 })).toEqual([])
    expect(note({ state: 'degraded', peers: 0 })).toEqual(['no bootstrap node answers: retrying every 30 s'])
    expect(note({ state: 'degraded', peers: 0 })).toEqual([])
    expect(note({ peers: 23 })).toEqual(['joined: 23 peers'])
    expect(note({ peers: 22 })).toEqual([])
    expect(note({ state: 'degraded', peers: 0, bootstrapKnown: 0 })).toEqual([
      'there is no bootstrap node to ask: retrying every 30 s',
    ])
    expect(note({ peers: 1 })).toEqual(['joined: 1 peer'])
  })

  it('warns of a symmetric NAT, and takes it back', () => {
    expect(note({ nat: 'cone' })).toEqual([])
    expect(note({ nat: 'likely-symmetric' })).toEqual([
      expect.stringContaining('this network looks like a symmetric NAT'),
    ])
    expect(note({ nat: 'likely-symmetric' })).toEqual([])
    expect(note({ nat: 'cone' })).toEqual(['peers reach this relay again'])
  })
})
