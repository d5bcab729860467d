import { expect, it, vi } from 'vitest'
import { addressOf, type IpAddress } from '../../shared/bytes/address.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import { announceUdp } from './udp-tracker.ts'

it('a UDP tracker to which nothing can be sent is unreachable, and not asked again (D-03)', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const random = new SeededRandom(1)
    const announced = announceUdp(
      {
        url: new URL('udp://127.0.66.1:0'),
        announce: {
          infoHash: random.bytes(20),
          peerId: random.bytes(20),
          port: 7_001,
          event: 'started',
          looking: true,
          key: 9,
          wanted: 50,
        },
        trackerId: undefined,
      },
      {
        random,
        // Which no socket sends to.
        resolve: async (host) => [addressOf(host, 0) as IpAddress],
        from: () => undefined,
        signal: new AbortController().signal,
      },
    )
    await expect(announced).rejects.toMatchObject({ code: 'tracker-unreachable' })
    expect(vi.getTimerCount()).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})
