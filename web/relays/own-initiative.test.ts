import { describe, expect, it } from 'vitest'
import type { PrivateNetwork } from '../../shared/client/private-network.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { OwnInitiative } from './own-initiative.ts'

const MINUTE = 60_000

/** @param status as it is from the beginning; may be changed */
function watched(status: { primary?: object; asked?: number; hidden?: number }) {
  const clock = new VirtualClock()
  const runs: number[] = []
  const client = {
    status: () => ({
      primary: status.primary,
      comparison: { asked: status.asked ?? 3, hidden: status.hidden ?? 0, unconfirmed: 0, running: false },
    }),
  }
  new OwnInitiative({
    clock,
    client: client as unknown as Pick<PrivateNetwork, 'status'>,
    search: {
      run: async () => {
        runs.push(clock.now())
      },
    },
  }).start()
  return { clock, runs, status }
}

describe('lookups that the page begins by itself (D-02)', () => {
  it('are not made while the entry tells what others tell', () => {
    const { clock, runs } = watched({ primary: {} })
    clock.advance(5 * 60 * MINUTE)
    expect(runs).toEqual([])
  })

  it('are made when the entry keeps relays back, once an hour', () => {
    const { clock, runs, status } = watched({ primary: {}, hidden: 2 })
    clock.advance(MINUTE)
    expect(runs).toHaveLength(1)
    clock.advance(58 * MINUTE)
    expect(runs).toHaveLength(1)
    clock.advance(3 * MINUTE)
    expect(runs).toHaveLength(2)
    status.hidden = 0
    clock.advance(300 * MINUTE)
    expect(runs).toHaveLength(2)
  })

  it('are made when for minutes there was nobody to compare with', () => {
    const { clock, runs } = watched({ primary: {}, asked: 0 })
    clock.advance(5 * MINUTE)
    expect(runs).toHaveLength(0)
    clock.advance(MINUTE)
    expect(runs).toHaveLength(1)
  })

  it('wait for a circuit', () => {
    const { clock, runs, status } = watched({ hidden: 2, asked: 0 })
    clock.advance(30 * MINUTE)
    expect(runs).toEqual([])
    status.primary = {}
    clock.advance(MINUTE)
    expect(runs).toHaveLength(1)
  })
})
