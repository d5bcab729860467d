import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ByteStreamEvents } from '../../shared/stream/byte-stream.ts'
import { type FakeStream, FakeTunnel } from './fake-tunnel.fixture.ts'
import { RacingStream } from './race.ts'

let tunnel: FakeTunnel
let log: string[]
let race: RacingStream

const address = { kind: 'ipv4', host: '198.51.100.7', port: 1 } as const
const way = (events: ByteStreamEvents) => tunnel.connect(address, events)
const at = (index: number): FakeStream => tunnel.streams[index]!

beforeEach(() => {
  vi.useFakeTimers()
  tunnel = new FakeTunnel()
  log = []
  race = new RacingStream(way, way, 1_500, {
    opened: () => void log.push('opened'),
    data: (chunk) => void log.push(`data ${Buffer.from(chunk)}`),
    drained: () => void log.push('drained'),
    ended: () => void log.push('ended'),
    closed: (reason) => void log.push(`closed ${reason}`),
  })
})

afterEach(() => {
  vi.useRealTimers()
})

describe('TCP and uTP to one peer, whichever opens (W-04)', () => {
  it('takes the first way alone where it opens in time', () => {
    race.write(Buffer.from('handshake'))
    at(0).events.opened()
    vi.advanceTimersByTime(10_000)
    race.write(Buffer.from(' more'))
    at(0).say('hi')
    at(0).events.drained()
    at(0).events.ended()
    at(0).events.closed(undefined)
    expect(tunnel.streams).toHaveLength(1)
    expect(at(0).text).toBe('handshake more')
    expect(log).toEqual(['opened', 'data hi', 'drained', 'ended', 'closed undefined'])
  })

  it('tries the second after its head start, with what was written before', () => {
    race.write(Buffer.from('handshake'))
    vi.advanceTimersByTime(1_499)
    expect(tunnel.streams).toHaveLength(1)
    vi.advanceTimersByTime(1)
    race.write(Buffer.from(' early'))
    at(1).events.opened()
    race.write(Buffer.from(' late'))
    at(0).say('too late')
    at(0).events.closed('timed-out')
    expect(at(0).log).toEqual(['destroy'])
    expect(at(1).text).toBe('handshake early late')
    expect(log).toEqual(['opened'])
  })

  it('tries the second at once when the first fails', () => {
    race.write(Buffer.from('handshake'))
    race.pause()
    at(0).events.closed('not-an-exit')
    expect(at(1).text).toBe('handshake')
    at(1).say('data before opened')
    expect(at(1).log).toEqual(['pause'])
    expect(log).toEqual(['opened', 'data data before opened'])
  })

  it('goes on with the second when the first opens and closes without a word', () => {
    race.write(Buffer.from('handshake'))
    at(0).events.opened()
    vi.advanceTimersByTime(10_000)
    at(0).events.ended()
    at(0).events.closed('connection-reset')
    expect(at(0).log).toEqual(['destroy'])
    expect(at(1).text).toBe('handshake')
    at(1).events.opened()
    at(1).say('hi')
    at(1).events.ended()
    at(1).events.closed(undefined)
    expect(log).toEqual(['opened', 'data hi', 'ended', 'closed undefined'])
  })

  it('does not wait long for the second after that: what the peer wants may be encryption', () => {
    at(0).events.opened()
    at(0).events.closed(undefined)
    vi.advanceTimersByTime(2_499)
    expect(log).toEqual(['opened'])
    vi.advanceTimersByTime(1)
    expect(at(1).log).toEqual(['destroy'])
    at(1).events.opened()
    at(1).events.closed(undefined)
    expect(log).toEqual(['opened', 'closed timed-out'])
  })

  it('does not fall back once the far side has spoken', () => {
    at(0).events.opened()
    at(0).say('hi')
    at(0).events.closed('connection-reset')
    expect(tunnel.streams).toHaveLength(1)
    expect(log).toEqual(['opened', 'data hi', 'closed connection-reset'])
  })

  it('fails when both have', () => {
    at(0).events.closed('connection-refused')
    at(1).events.closed('timed-out')
    race.destroy()
    vi.runAllTimers()
    expect(log).toEqual(['closed timed-out'])
  })

  it('ends both on destroy, and starts nothing more', async () => {
    race.destroy()
    at(0).events.closed(undefined)
    await vi.runAllTimersAsync()
    expect(at(0).log).toEqual(['destroy'])
    expect(tunnel.streams).toHaveLength(1)
    expect(log).toEqual(['closed undefined'])
  })

  it('keeps a bounded amount of what is written early', async () => {
    expect(race.write(new Uint8Array(60_000))).toBe(true)
    race.write(new Uint8Array(6_000))
    await vi.runAllTimersAsync()
    expect(log).toEqual(['closed undefined'])
  })
})
