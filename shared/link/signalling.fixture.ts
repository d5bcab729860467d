import fc from 'fast-check'
import { expect } from 'vitest'
import { SESSIONS_PER_LINK } from './signalling-limits.ts'
import { SIGNAL_KINDS, type SignalKind } from './signalling-messages.ts'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })

/** Every packet of signalling that there may be. */
export const signals = fc
  .record({
    session: bytes(16),
    kind: fc.constantFrom(...(Object.keys(SIGNAL_KINDS) as SignalKind[])),
    from: bytes(20),
    to: bytes(20),
    message: fc.nat(23),
    part: fc.nat(6),
    parts: fc.integer({ min: 1, max: 7 }),
    piece: fc.uint8Array({ maxLength: 1_200 }),
  })
  .map((signal) => ({ ...signal, part: signal.part % signal.parts }))

/** What has room for sessions that ways call. */
export interface SessionRoom {
  readonly room: number
  call(way: object): void
  used(): number
  /** Of all calls until now. */
  taken(): number
}

/** Ways that call as often as they may fill it, and get no more of it; there is still room for one that calls for the first time. */
export function expectRoomForNewcomers({ room, call, used, taken }: SessionRoom): void {
  const greedy = Array.from({ length: Math.ceil(room / SESSIONS_PER_LINK) + 1 }, () => ({}))
  for (let i = 0; i < SESSIONS_PER_LINK; i++) for (const way of greedy) call(way)
  expect(used()).toBe(room)
  const before = taken()
  for (const way of greedy) call(way)
  expect(taken()).toBe(before)
  call({})
  expect([taken(), used()]).toEqual([before + 1, room])
}
