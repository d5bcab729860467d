import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { RelaysFeed } from './relays-feed.ts'
import type { RelaysCommand, RelaysView } from './relays-protocol.ts'

const VIEW = { relays: [] } as unknown as RelaysView
const sent: RelaysView[] = []
const done: RelaysCommand[] = []
let desk: { view(): RelaysView; receive(command: RelaysCommand): void } | undefined

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  sent.length = 0
  done.length = 0
  desk = { view: () => VIEW, receive: (command) => done.push(command) }
})
afterEach(() => {
  vi.useRealTimers()
})

const newFeed = () =>
  new RelaysFeed(
    () => desk,
    (view) => sent.push(view),
  )

describe('what the relays page is told (D-08)', () => {
  it('is sent once a second while it is open, and never else', () => {
    const feed = newFeed()
    vi.advanceTimersByTime(5_000)
    expect(sent).toHaveLength(0)
    feed.receive({ type: 'relays-open' })
    expect(sent).toHaveLength(1)
    vi.advanceTimersByTime(3_500)
    expect(sent).toHaveLength(4)
    feed.receive({ type: 'relays-close' })
    vi.advanceTimersByTime(10_000)
    expect(sent).toHaveLength(4)
  })

  it('shows at once what the visitor did, and then keeps its pace', () => {
    const feed = newFeed()
    feed.receive({ type: 'relays-open' })
    vi.advanceTimersByTime(300)
    feed.receive({ type: 'find-relays', method: 'dht' })
    expect(done).toEqual([{ type: 'find-relays', method: 'dht' }])
    expect(sent).toHaveLength(2)
    vi.advanceTimersByTime(999)
    expect(sent).toHaveLength(2)
  })

  it('waits for a network that has not started', () => {
    const whole = desk
    desk = undefined
    const feed = newFeed()
    feed.receive({ type: 'relays-open' })
    feed.receive({ type: 'near-first', on: true })
    expect(sent).toHaveLength(0)
    desk = whole
    vi.advanceTimersByTime(1_000)
    expect(sent).toHaveLength(1)
    expect(done).toHaveLength(0)
  })
})
